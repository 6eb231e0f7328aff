"""The process that does the work: clips to result files, result files to shards, task by task.

It talks to its parent (`worker_pool.py`) over a pipe: it sends READY once, PROGRESS now and then
while it works, and for every task DONE and its outcome, or DISK and a message if the output cannot
be written.
"""

import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import special_file
from bsp_tf.base.remote_path import UserPath, below
from bsp_tf.base.settings import fingerprint
from bsp_tf.video.stream import VideoError
from tfrecords_tools.conversion.clip_encoder import EncodingOptions, encode_records
from tfrecords_tools.conversion.clip_results import ClipResult, failure, result_path, write_result
from tfrecords_tools.conversion.shard_writer import ShardStatus, ShardTask, write_shard
from tfrecords_tools.inputs.clip_index import ClipSpec

READY, PROGRESS, DONE, DISK = "ready", "progress", "done", "disk"
PROGRESS_SECONDS = 0.5


@dataclasses.dataclass(frozen=True)
class ClipTask:
    """One clip to convert; `rank` is its place in the order of all clips."""

    rank: int
    spec: ClipSpec


Task = ClipTask | ShardTask
Outcome = ClipResult | ShardStatus


@dataclasses.dataclass(frozen=True)
class WorkerSettings:
    """What is the same for all tasks.

    Attributes:
        root: folder that the paths of the clips are relative to.
        results: folder of the result files.
        options: how frames are stored.
    """

    root: str
    results: str
    options: EncodingOptions


def run_worker(pipe: multiprocessing.connection.Connection, settings: WorkerSettings) -> None:
    """Works until the pipe is closed; the main function of the process."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    pipe.send((READY, None))
    next_progress = 0.0

    def on_progress() -> None:
        nonlocal next_progress
        if time.monotonic() >= next_progress:
            pipe.send((PROGRESS, None))
            next_progress = time.monotonic() + PROGRESS_SECONDS

    while True:
        task = pipe.recv()
        try:
            if isinstance(task, ShardTask):
                pipe.send((DONE, write_shard(task, on_progress)))
            else:
                pipe.send((DONE, convert_task(task, settings, on_progress)))
        except InputError as error:
            pipe.send((DISK, str(error)))


def convert_task(
    task: ClipTask, settings: WorkerSettings, on_progress: Callable[[], None]
) -> ClipResult:
    """Converts one clip into its result file.

    Args:
        task: the clip.
        settings: folders and how frames are stored.
        on_progress: called for every decoded frame.

    Raises:
        InputError: the file cannot be written.
    """
    begin = time.monotonic()
    path = below(settings.root, task.spec.path)

    def failed(error: VideoError) -> ClipResult:
        return failure(
            task.spec.key, str(error).removeprefix(f"{path}: "), time.monotonic() - begin
        )

    records = encode_records(task.spec, settings.options, settings.root, on_progress)
    # Before it is read: what is replaced meanwhile is told as changed.
    source = _source(path)
    return write_result(result_path(settings.results, task.rank), records, failed, source)


def _source(path: UserPath) -> dict[str, Any] | None:
    """The fingerprint of a file; None if it cannot be read: the reader then says why."""
    if isinstance(path, Path) and special_file(path):
        return None
    try:
        return fingerprint(path)
    except InputError:
        return None


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
