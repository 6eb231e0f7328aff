"""Records behind a file system of TensorFlow are the same records: clips, frames and errors.

TensorFlow's own ram:// stands for all of them where tensorflow-io is not there.
"""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.clips.source import digest_source, open_source
from bsp_tf.records.damage import damage_error
from bsp_tf.records.folder import open_folder
from bsp_tf.records.index import INDEX_FILE, load_index
from bsp_tf.records.storage import RemotePath, storage_path


@pytest.fixture
def folders(tmp_path, make_color_records):
    """The same clips on this machine and in ram://, which outlives a test."""
    local = make_color_records(tmp_path / "r", [[3, 5], [4]], num_shards=2)
    remote = f"ram://{tmp_path.name}"
    tf.io.gfile.makedirs(remote)
    for file in local.iterdir():
        tf.io.gfile.copy(str(file), f"{remote}/{file.name}")
    yield local, remote
    tf.io.gfile.rmtree(remote)


def replace(name: str, content: bytes) -> None:
    tf.io.gfile.remove(name)  # ram:// writes behind what is there
    storage_path(name).write_bytes(content)


def test_the_same_folder(folders):
    local, remote = map(open_folder, folders)
    assert isinstance(remote.path, RemotePath) and str(remote.path) == folders[1]
    assert remote.shards == tuple(
        name.replace(str(local.path), folders[1]) for name in local.shards
    )
    assert (remote.labels, remote.num_clips) == (local.labels, local.num_clips)
    tf.io.gfile.remove(f"{folders[1]}/manifest.json")  # the clips are then counted
    assert open_folder(folders[1] + "/").num_clips == 3


def test_the_same_index_and_it_is_kept(folders):
    local, remote = map(open_folder, folders)
    expected = load_index(local)
    for made in (True, False):
        found = load_index(remote)
        for name, value in vars(expected).items():
            np.testing.assert_array_equal(getattr(found, name), value, err_msg=name)
        assert made or tf.io.gfile.exists(f"{folders[1]}/{INDEX_FILE}")


def test_the_same_frames(folders):
    local, remote = map(open_source, folders)
    rows, frames = tf.constant([2, 0, 0, 1], tf.int64), tf.constant([1, 0, 2, 1])
    expected = local.frame_reader(in_graph=False)(rows, frames).numpy().tolist()
    assert remote.frame_reader(in_graph=False)(rows, frames).numpy().tolist() == expected
    assert digest_source(remote) == digest_source(local)


def test_what_is_missing_or_cut_short_is_named(folders):
    _, remote = folders
    with pytest.raises(InputError, match="ram://nowhere"):
        open_folder("ram://nowhere")
    with pytest.raises(InputError, match="nothing://bucket/records"):
        open_folder("nothing://bucket/records")
    shard = open_folder(remote).shards[0]
    replace(shard, storage_path(shard).read_bytes()[:-5])
    with pytest.raises(InputError, match=shard):
        open_folder(remote)
    tf.io.gfile.remove(f"{remote}/labels.txt")
    with pytest.raises(InputError, match="labels.txt"):
        open_folder(remote)


def test_a_damaged_record_is_found(folders):
    folder = open_folder(folders[1])
    shard = folder.shards[1]
    content = bytearray(storage_path(shard).read_bytes())
    content[40] ^= 1
    replace(shard, bytes(content))
    with pytest.raises(InputError, match=f"record 0 in {shard}"):
        load_index(folder)
    error = tf.errors.DataLossError(None, None, "somewhere")
    assert f"record 0 in {shard}" in str(damage_error(folders[1], error))


def test_what_cannot_be_read_is_named(folders):
    file = storage_path(folders[1]) / "absent"
    assert not file.is_file() and not file.is_dir()
    with pytest.raises(InputError, match="absent"):
        file.read_bytes()
    with pytest.raises(InputError, match="absent"):
        file.stat()
