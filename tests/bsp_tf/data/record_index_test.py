"""The index of a record folder: what it says, when it is made anew, and what it finds."""

import os

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.data import record_index
from bsp_tf.data.record_folder import open_folder, record_offsets


@pytest.fixture
def folder(tmp_path, make_records):
    return open_folder(make_records(tmp_path / "r", [[2, 3, 4], [5, 6]], num_shards=2, unlabelled=1))


def rows(index):
    return sorted(zip(index.label.tolist(), index.num_frames.tolist(), strict=True))


def test_says_class_length_and_place_of_every_clip(folder):
    index = record_index.load_index(folder)
    assert rows(index) == [(-1, 40), (0, 2), (0, 3), (0, 4), (1, 5), (1, 6)]
    for shard, name in enumerate(folder.shards):
        assert index.offset[index.shard == shard].tolist() == record_offsets(name)


def test_is_kept_and_used_until_a_shard_changes(folder, make_records, monkeypatch):
    first = record_index.load_index(folder)
    monkeypatch.setattr(record_index, "parse_clip", None)  # would fail if a record were read
    assert rows(record_index.load_index(folder)) == rows(first)
    monkeypatch.undo()
    os.utime(folder.shards[0], ns=(1, 1))
    make_records(folder.path, [[9, 9]])
    assert rows(record_index.load_index(open_folder(folder.path))) == [(0, 9), (0, 9)]


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_damaged_index_is_made_anew(folder, content):
    first = record_index.load_index(folder)
    path = folder.path / record_index.INDEX_FILE
    path.write_bytes(path.read_bytes()[:100] if content is None else content)
    assert rows(record_index.load_index(folder)) == rows(first)
    assert np.load(path)["label"].shape == (6,)


def test_a_folder_that_cannot_be_written_still_works(folder, capsys):
    (folder.path / record_index.INDEX_FILE).mkdir()
    assert len(record_index.load_index(folder).label) == 6
    assert "is not kept" in capsys.readouterr().err


def test_a_damaged_record_is_named(folder):
    data = bytearray(open(folder.shards[1], "rb").read())
    data[-20] ^= 255
    with open(folder.shards[1], "wb") as file:
        file.write(data)
    with pytest.raises(InputError, match="damaged record .*clips-00001-of-00002"):
        record_index.load_index(folder)
