"""Reads frames out of records: their own bytes alone, or, inside the graph, whole records.

A sample shows 8 of the 80 to 300 frames of a record. TensorFlow's ops read and check a record
whole: ten to forty times the bytes, and up to a fifth of the input's work. `read_bytes_of` fetches
the frames alone, by the index, and checks each; but it calls Python, so it cannot be sent to the
workers of a tf.data service. `read_records_of` can. Both give the same strings.
"""

import atexit
import dataclasses
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
from bsp_tf.records.read_ahead import ReadAhead

# Between two parts of a shard that are fetched as one: a request costs more than to receive these.
GAP_BYTES = 2**17
# Several times what a unit of the pipeline takes from one call to the next.
QUIET_SECONDS = 1.0
# A thread of the program may go on to take batches: then there is no end to wait for.
PATIENCE_SECONDS = 10


@dataclasses.dataclass(frozen=True)
class FrameReader:
    """Reads frames; to be called as `read`.

    Attributes:
        read: (rows of the index int64 [k], frames of those clips int32 [k]) -> JPEG strings [k].
        ask: begins to read the same, and returns the rows; None where reading waits for no server.
    """

    read: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    ask: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None

    def __call__(self, rows: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
        """See `read`."""
        return self.read(rows, frames)


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

    if not isinstance(folder.path, UrlPath):
        return FrameReader(_called(fetch, tf.string))
    ahead = ReadAhead(fetch)
    return FrameReader(_called(ahead.take, tf.string), _called(ahead.ask))


def _called(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], dtype: tf.DType | None = None
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Rows and frames given to Python, which returns an array of `dtype`, or of that of rows."""
    function = _calls.noted(function)

    def call(rows: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
        found = tf.numpy_function(function, [rows, frames], dtype or rows.dtype, stateful=False)
        return tf.ensure_shape(found, frames.shape)

    return call


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
    requests = _requests(rows, shards, starts, starts + lengths)
    try:
        parts = read_ranges(
            [UrlPath(folder.shards[request.shard]) for request in requests],
            [request.begin for request in requests],
            [request.end for request in requests],
        )
    except InputError as error:
        raise ValueError(str(error)) from error
    strings = np.empty(len(rows), object)
    for request, part in zip(requests, parts, strict=True):
        view = memoryview(part)
        for k in request.frames:
            start = starts[k] - request.begin
            strings[k] = bytes(view[start : start + lengths[k]])
    return strings


@dataclasses.dataclass
class _Request:
    """Bytes of a shard, and which of the wanted frames are among them."""

    shard: int
    begin: int
    end: int
    frames: list[int]


def _requests(
    rows: np.ndarray, shards: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> list[_Request]:
    """One for each run of frames of a clip; runs that are close to each other share one."""
    runs = [
        _Request(
            shards[first], starts[first:last].min(), ends[first:last].max(), [*range(first, last)]
        )
        for first, last in _runs(rows)
    ]
    requests: list[_Request] = []
    for run in sorted(runs, key=lambda run: (run.shard, run.begin)):
        last = requests[-1] if requests else None
        if last and last.shard == run.shard and run.begin - last.end <= GAP_BYTES:
            last.end = max(last.end, run.end)
            last.frames += run.frames
        else:
            requests.append(run)
    return requests


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

    return FrameReader(read)


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
