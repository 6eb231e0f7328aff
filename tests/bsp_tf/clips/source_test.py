"""What every source of clips promises, on a folder of records."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.clips.source import digest_source, open_source, open_split, source_type


@pytest.fixture
def folder(make_color_records, tmp_path):
    return make_color_records(tmp_path / "r", [[2, 3], [5]], num_shards=2, unlabelled=1)


def test_facts(folder):
    source = open_source(folder)
    assert source.path == folder and source.labels == ("class 0", "class 1")
    assert sorted(source.files) == sorted(map(str, folder.glob("clips-*")))
    assert source.num_clips == len(source.index.label) == 4
    assert sorted(source.index.label.tolist()) == [-1, 0, 0, 1]
    assert source.index.num_frames[source.index.label == 1].tolist() == [5]
    assert (source.index.size > 0).all()


@pytest.mark.parametrize("in_graph", [True, False])
def test_frames(folder, in_graph, place_of, both_ways):
    source = open_source(folder)
    read = source.frame_reader(in_graph)
    clip = int(np.flatnonzero(source.index.label == 1)[0])

    def strings(first):
        return read(tf.constant([clip] * 3, tf.int64), tf.stack([4, 0, first]))

    for string, frame in zip(both_ways(strings, tf.constant(2)), (4, 0, 2), strict=True):
        color = tf.io.decode_jpeg(string).numpy().mean(axis=(0, 1))
        assert round(place_of(color).frame) == frame and place_of(color).label == 1


def test_splits(folder, make_config, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    config = make_config("action", **{"data.train_dir": str(other)})
    assert open_split(config, "train").path == other
    assert str(open_split(config, "validation").path) == config.data.validation_dir


def test_the_digest_changes_with_the_clips(folder):
    before = digest_source(open_source(folder))
    assert digest_source(open_source(folder)) == before
    (folder / "labels.txt").write_text("other 0\nother 1\n")
    assert digest_source(open_source(folder)) != before


def test_faults_are_named(folder, tmp_path):
    with pytest.raises(InputError, match=str(tmp_path / "no")):
        open_source(tmp_path / "no")
    shard = sorted(folder.glob("clips-*"))[0]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:100] + b"\0" * 20 + whole[120:])
    error = tf.errors.DataLossError(None, None, "corrupted record")
    assert str(shard) in str(source_type(folder).damage_error(folder, error))
    with pytest.raises(InputError, match=str(shard)):
        _ = open_source(folder).index
