"""Reads frames out of records: their own bytes alone, or, inside the graph, whole records.

A sample shows 8 of the 80 to 300 frames of a record. TensorFlow's ops read and check a record
whole: ten to forty times the bytes, and up to a fifth of the input's work. `read_bytes_of` fetches
the frames alone, by the index, and checks each; but it calls Python, so it cannot be sent to the
workers of a tf.data service. `read_records_of` can. Both give the same strings.
"""

import atexit
import os
import threading
import time
from collections.abc import Callable

import google_crc32c
import numpy as np
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath
from bsp_tf.base.servers.ranges import read_ranges
from bsp_tf.records.clip_reader import clip_reader
from bsp_tf.records.folder import RecordFolder
from bsp_tf.records.index import FRAME_CHECKSUM, FRAME_LENGTH, FRAME_OFFSET, RecordIndex

# (rows of the index int64 [k], frames of those clips int32 [k]) -> JPEG strings [k].
FrameReader = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

# Several times what a unit of the pipeline takes from one call to the next.
QUIET_SECONDS = 1.0
# A thread of the program may go on to take batches: then there is no end to wait for.
PATIENCE_SECONDS = 10


def read_bytes_of(folder: RecordFolder, index: RecordIndex) -> FrameReader:
    """A function that reads single frames in this process, usable in `Dataset.map`.

    From a server the frames of one clip come with one request. The function raises
    tf.errors.InvalidArgumentError (in eager code ValueError) if a file cannot be read or a frame
    differs from its checksum.
    """

    def fetch(rows: np.ndarray, frames: np.ndarray) -> np.ndarray:
        table = index.frames[index.first_frame[rows] + frames]
        shards, starts = index.shard[rows], index.offset[rows] + table[:, FRAME_OFFSET]
        lengths = table[:, FRAME_LENGTH].astype(np.int64)
        if isinstance(folder.path, UrlPath):
            strings = _ask_for(folder, rows, shards, starts, lengths)
        else:
            strings = _read_files(folder, shards, starts, lengths)
        for k, string in enumerate(strings):
            if google_crc32c.value(string) != table[k, FRAME_CHECKSUM]:
                raise ValueError(
                    f"frame {frames[k]} of the record at byte {index.offset[rows[k]]} of "
                    f"{folder.shards[shards[k]]} differs from its checksum"
                )
        return strings

    def read(rows: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
        strings = tf.numpy_function(_calls.noted(fetch), [rows, frames], tf.string, stateful=False)
        return tf.ensure_shape(strings, frames.shape)

    return read


def _read_files(
    folder: RecordFolder, shards: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    strings = np.empty(len(shards), object)
    # Frames of one clip follow each other, so that each shard is opened once or a few times.
    for first, last in _runs(shards):
        name = folder.shards[shards[first]]
        try:
            file = os.open(name, os.O_RDONLY)
            try:
                for k in range(first, last):
                    strings[k] = os.pread(file, int(lengths[k]), int(starts[k]))
            finally:
                os.close(file)
        except OSError as error:
            raise ValueError(f"cannot read {name}: {error.strerror}") from error
    return strings


def _ask_for(
    folder: RecordFolder,
    rows: np.ndarray,
    shards: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
) -> np.ndarray:
    """Asks a server for the bytes from the first to the last frame of each clip, and cuts them."""
    runs, ends = _runs(rows), starts + lengths
    begins = [starts[first:last].min() for first, last in runs]
    try:
        paths = [UrlPath(folder.shards[shards[first]]) for first, _ in runs]
        parts = read_ranges(paths, begins, [ends[first:last].max() for first, last in runs])
    except InputError as error:
        raise ValueError(str(error)) from error
    strings = np.empty(len(rows), object)
    for (first, last), begin, part in zip(runs, begins, parts, strict=True):
        for k in range(first, last):
            strings[k] = part[starts[k] - begin : ends[k] - begin]
    return strings


def read_records_of(folder: RecordFolder, index: RecordIndex) -> FrameReader:
    """The same with TensorFlow's ops alone: each record in question is read whole, once a call.

    It raises tf.errors.DataLossError for a damaged record.
    """
    read_clip = clip_reader(folder, index)

    def read(rows: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
        clips, clip_of_frame = tf.unique(rows)

        def step(i: tf.Tensor, strings: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            places = tf.cast(tf.where(clip_of_frame == i)[:, 0], tf.int32)
            found = tf.gather(read_clip(clips[i])["frames"], tf.gather(frames, places))
            return i + 1, strings.scatter(places, found)

        strings = tf.TensorArray(tf.string, tf.size(rows), element_shape=[])
        strings = tf.while_loop(lambda i, _: i < tf.size(clips), step, (tf.constant(0), strings))[1]
        return tf.ensure_shape(strings.stack(), frames.shape)

    return read


def _runs(values: np.ndarray) -> list[tuple[int, int]]:
    """Beginning and end of each run of equal values."""
    edges = np.flatnonzero(np.diff(values)) + 1
    return list(zip([0, *edges], [*edges, len(values)], strict=True))


class _Calls:
    """Keeps Python alive until TensorFlow's threads no longer call it.

    An input pipeline works ahead until its buffers are full, also when no more batches are taken. A
    thread of it that calls Python while the interpreter shuts down hangs the process, so at exit
    the process waits for them to be full.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._running = 0
        self._last_end = -QUIET_SECONDS

    def noted(self, function: Callable) -> Callable:
        def call(*arguments):
            with self._lock:
                self._running += 1
            try:
                return function(*arguments)
            finally:
                with self._lock:
                    self._running -= 1
                    self._last_end = time.monotonic()

        return call

    def wait(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and (
            self._running or time.monotonic() < self._last_end + QUIET_SECONDS
        ):
            time.sleep(0.05)


_calls = _Calls()
atexit.register(_calls.wait)
