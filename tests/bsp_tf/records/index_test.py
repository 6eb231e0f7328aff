"""The index of a record folder: what it says, when it is made anew, and what it finds."""

import os
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.records import index as record_index
from bsp_tf.records.clip_reader import clip_reader
from bsp_tf.records.folder import open_folder, record_offsets


@pytest.fixture
def folder(tmp_path, make_color_records):
    return open_folder(
        make_color_records(tmp_path / "r", [[2, 3, 4], [5, 6]], num_shards=2, unlabelled=1)
    )


def rows(index):
    return sorted(zip(index.label.tolist(), index.num_frames.tolist(), strict=True))


def test_says_class_length_and_place_of_every_clip(folder):
    index = record_index.load_index(folder)
    assert rows(index) == [(-1, 40), (0, 2), (0, 3), (0, 4), (1, 5), (1, 6)]
    assert index.size.tolist() == [[12, 16]] * 6
    for shard, name in enumerate(folder.shards):
        assert index.offset[index.shard == shard].tolist() == record_offsets(name)


def test_says_place_length_and_checksum_of_every_frame(folder):
    for index in (
        record_index.load_index(folder),
        record_index.load_index(folder),
    ):  # just made, then kept
        read = clip_reader(folder, index)
        assert len(index.frames) == index.num_frames.sum()
        for row, shard in enumerate(index.shard):
            content = Path(folder.shards[shard]).read_bytes()[index.offset[row] :]
            table = index.frames[index.first_frame[row] :][: index.num_frames[row]]
            found = [content[start : start + length] for start, length, _ in table.tolist()]
            assert found == read(tf.constant(row))["frames"].numpy().tolist()
            assert [google_crc32c.value(frame) for frame in found] == table[
                :, record_index.FRAME_CHECKSUM
            ].tolist()


def test_is_kept_and_used_until_a_shard_changes(folder, make_color_records, monkeypatch):
    first = record_index.load_index(folder)
    monkeypatch.setattr(record_index, "parse_clip", None)  # would fail if a record were read
    assert rows(record_index.load_index(folder)) == rows(first)
    monkeypatch.undo()
    os.utime(folder.shards[0], ns=(1, 1))
    make_color_records(folder.path, [[9, 9]])
    assert rows(record_index.load_index(open_folder(folder.path))) == [(0, 9), (0, 9)]


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_damaged_index_is_made_anew(folder, content):
    first = record_index.load_index(folder)
    path = folder.path / record_index.INDEX_FILE
    path.write_bytes(path.read_bytes()[:100] if content is None else content)
    assert rows(record_index.load_index(folder)) == rows(first)
    assert np.load(path)["label"].shape == (6,)


@pytest.mark.parametrize("content", [b"", b"no array", None])
def test_a_damaged_table_of_frames_is_made_anew(folder, content):
    frames = np.array(record_index.load_index(folder).frames)
    path = folder.path / record_index.FRAMES_FILE
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    np.testing.assert_array_equal(record_index.load_index(folder).frames, frames)
    assert len(np.load(path)) == len(frames)


def test_a_folder_that_cannot_be_written_still_works(folder, capsys):
    (folder.path / record_index.INDEX_FILE).mkdir()
    index = record_index.load_index(folder)
    assert len(index.label) == 6 and len(index.frames) == index.num_frames.sum()
    # There may be more frames than memory.
    assert isinstance(index.frames, np.memmap)
    assert str(folder.path) in capsys.readouterr().err


def test_a_damaged_record_is_named(folder):
    data = bytearray(open(folder.shards[1], "rb").read())
    data[-20] ^= 255
    with open(folder.shards[1], "wb") as file:
        file.write(data)
    with pytest.raises(InputError, match="record .*clips-00001-of-00002"):
        record_index.load_index(folder)
