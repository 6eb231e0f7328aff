"""Single frames out of records: both readers give the same; damage; how a process ends."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.records import frame_reader
from bsp_tf.records.clip_reader import clip_reader
from bsp_tf.records.folder import open_folder
from bsp_tf.records.index import load_index

READERS = [frame_reader.read_bytes_of, frame_reader.read_records_of]


@pytest.fixture
def folder(tmp_path, make_color_records):
    """Clips of 1 to 9 frames in three shards."""
    return open_folder(
        make_color_records(tmp_path / "r", [[3, 1, 9], [4, 5]], num_shards=3, unlabelled=1)
    )


@pytest.mark.parametrize("make_reader", READERS)
def test_reads_any_frames_in_the_order_asked_for(folder, make_reader):
    index = load_index(folder)
    read_clip, read = clip_reader(folder, index), make_reader(folder, index)
    whole = [read_clip(tf.constant(row))["frames"].numpy() for row in range(len(index.label))]
    everything = [(row, frame) for row, frames in enumerate(whole) for frame in range(len(frames))]
    rng = np.random.default_rng(0)
    for picks in (
        everything,
        everything[:1],
        rng.permutation(everything)[:20],
        [everything[-1]] * 3,
    ):
        rows, frames = (
            tf.constant(column, dtype)
            for column, dtype in zip(np.transpose(picks), (tf.int64, tf.int32), strict=True)
        )
        expected = [whole[row][frame] for row, frame in picks]
        assert read(rows, frames).numpy().tolist() == expected
        mapped = tf.data.Dataset.from_tensors((rows, frames)).map(read, num_parallel_calls=2)
        assert next(iter(mapped)).numpy().tolist() == expected


def test_only_the_frames_are_read(folder, monkeypatch):
    read, asked = frame_reader.read_bytes_of(folder, load_index(folder)), []
    true_pread = os.pread
    monkeypatch.setattr(
        os, "pread", lambda file, size, start: asked.append(size) or true_pread(file, size, start)
    )
    strings = read(tf.constant([0, 0, 2], tf.int64), tf.constant([0, 0, 0]))
    assert asked == [len(string) for string in strings.numpy()]


def test_damage_after_the_index_was_made_is_an_error(folder):
    """A shard that changes under a running pipeline."""
    read = frame_reader.read_bytes_of(folder, load_index(folder))
    shard = Path(folder.shards[0])
    content = bytearray(shard.read_bytes())
    start = content.index(b"\xff\xd8\xff")
    content[start + 300] ^= 1
    shard.write_bytes(content)
    mapped = tf.data.Dataset.from_tensors((tf.constant([0], tf.int64), tf.constant([0]))).map(read)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"frame 0 .*{shard.name}"):
        next(iter(mapped))
    shard.write_bytes(content[: start + 20])
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"frame 0 .*{shard.name}"):
        next(iter(mapped))
    shard.unlink()
    with pytest.raises(tf.errors.InvalidArgumentError, match=shard.name):
        next(iter(mapped))


def test_the_end_waits_for_a_call(monkeypatch):
    """And for the calls that follow within the time of quiet, but not for ever."""
    monkeypatch.setattr(frame_reader, "QUIET_SECONDS", 0.1)
    calls, finished = frame_reader._Calls(), threading.Event()

    def two_calls():
        for _ in range(2):
            calls.noted(time.sleep)(0.2)
        finished.set()

    threading.Thread(target=two_calls).start()
    time.sleep(0.1)
    calls.wait()
    assert finished.is_set()
    monkeypatch.setattr(frame_reader, "PATIENCE_SECONDS", 0.1)
    calls.noted(calls.wait)()
