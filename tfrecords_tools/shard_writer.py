"""Which clip goes into which shard, and how a shard comes to be: whole or not at all, by one process, resumable.

The plan depends on the clips, the number of shards and the seed only, and each shard is written by one process from
start to end, so the bytes do not depend on the number of workers, their order, or how often the run was killed. Beside
the shards a hidden folder `.shards` holds one JSON file a finished shard: what exists there is not done again.
"""

import contextlib
import csv
import dataclasses
import io
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import tensorflow as tf

from bsp_tf.base.atomic_file import atomic_write, read_json_object, write_json
from bsp_tf.base.errors import InputError
from bsp_tf.data.video_reader import VideoError
from tfrecords_tools.clip_encoder import EncodingOptions, convert_clip
from tfrecords_tools.clip_index import ClipSpec

STATUS_FOLDER = ".shards"
FAILURES_FILE = "failures.csv"
POLL_SECONDS = 0.2


@dataclasses.dataclass(frozen=True)
class ShardTask:
    """One shard to write: all that its process needs to know.

    Attributes:
        root: input folder.
        output: output folder.
        name: file name of the shard.
        clips: (clip, index of its class or None) in the order of the records.
        options: how frames are stored.
    """

    root: str
    output: str
    name: str
    clips: tuple[tuple[ClipSpec, int | None], ...]
    options: EncodingOptions


@dataclasses.dataclass(frozen=True)
class ShardStatus:
    """What a finished shard holds.

    Attributes:
        name: file name.
        num_clips: records in it.
        num_frames: frames in all its records.
        num_bytes: size of the file.
        failures: (path, reason) of its clips that could not be converted.
    """

    name: str
    num_clips: int
    num_frames: int
    num_bytes: int
    failures: tuple[tuple[str, str], ...]


class _Stopped(Exception):
    """The main process asks the workers to end; nobody outside this module sees it."""


def plan_shards(num_clips: int, num_shards: int, seed: int) -> list[list[int]]:
    """Shuffles the clips by the seed and deals them out like cards.

    Returns:
        For each of min(num_shards, num_clips) shards the clip indices in the order of the records; the sizes differ
        by one at most.
    """
    order = np.random.default_rng(seed).permutation(num_clips).tolist()
    num_shards = min(num_shards, num_clips)
    return [order[shard::num_shards] for shard in range(num_shards)]


def write_shard(task: ShardTask, on_clip: Callable[[], None]) -> ShardStatus:
    """Converts the clips of one shard; file and status appear only when it is complete.

    Args:
        task: what to write.
        on_clip: called after every clip; what it raises abandons the shard.
    Raises:
        InputError: the output cannot be written (disk full, no rights).
    """
    failures, num_clips, num_frames = [], 0, 0
    path = Path(task.output, task.name)
    with _new_file(path) as temporary, tf.io.TFRecordWriter(temporary) as writer:
        for spec, label_index in task.clips:
            try:
                record, frames = convert_clip(task.root, spec, label_index, task.options)
            except VideoError as error:
                reason = str(error).removeprefix(f"{Path(task.root, spec.path)}: ")
                # The status file is JSON, and file names need not be UTF-8.
                failures.append((spec.path.encode("utf-8", "backslashreplace").decode(), reason))
            else:
                writer.write(record)
                num_clips += 1
                num_frames += frames
            on_clip()
    status = ShardStatus(task.name, num_clips, num_frames, path.stat().st_size, tuple(failures))
    write_json(_status_path(task.output, task.name), dataclasses.asdict(status))
    return status


def finished_shards(output: str | os.PathLike, names: Sequence[str]) -> dict[str, ShardStatus]:
    """The shards that need not be written again: status and file are there and agree in size."""
    finished = {}
    for name in names:
        status_path, path = _status_path(output, name), Path(output, name)
        if not (status_path.is_file() and path.is_file()):
            continue
        status = read_json_object(status_path, *(field.name for field in dataclasses.fields(ShardStatus)))
        if path.stat().st_size == status["num_bytes"]:
            status["failures"] = tuple((path, reason) for path, reason in status["failures"])
            finished[name] = ShardStatus(**status)
    return finished


def write_shards(tasks: Sequence[ShardTask], workers: int, on_clips: Callable[[int], None]) -> Iterator[ShardStatus]:
    """Writes shards, each in one of `workers` processes; with one worker in this process.

    Args:
        tasks: shards to write.
        workers: number of processes.
        on_clips: called now and then with the number of clips done since the last call.
    Yields:
        The status of each shard as it is finished.
    Raises:
        InputError: the output cannot be written, or a worker died; finished shards stay.
    """
    if workers <= 1:
        for task in tasks:
            yield write_shard(task, lambda: on_clips(1))
        return
    context = multiprocessing.get_context("spawn")
    counter, stop = context.Value("q", 0), context.Event()
    pool = ProcessPoolExecutor(min(workers, max(len(tasks), 1)), context, _start_worker, (counter, stop))
    reported = 0
    try:
        waiting = {pool.submit(_write_in_worker, task) for task in tasks}
        while waiting:
            done, waiting = wait(waiting, POLL_SECONDS, FIRST_COMPLETED)
            now = counter.value
            if now > reported:
                on_clips(now - reported)
                reported = now
            for future in done:
                yield future.result()
    except BrokenProcessPool as error:
        raise InputError("a worker process died (out of memory, or killed from outside). Finished shards are kept: run "
                         "the same command again, with fewer --workers if memory was short.") from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def write_failures(output: str | os.PathLike, failures: Sequence[tuple[str, str]]) -> None:
    """Writes failures.csv: a header `path,reason`, then a line per failure, sorted."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("path", "reason"), *sorted(failures)])
    with atomic_write(Path(output, FAILURES_FILE)) as file:
        file.write(text.getvalue().encode("utf-8", "backslashreplace"))


def remove_leftovers(output: str | os.PathLike) -> None:
    """Removes the unfinished files of a killed run."""
    for folder in (Path(output), Path(output, STATUS_FOLDER)):
        for path in folder.glob(".*.partial"):
            path.unlink(missing_ok=True)


def _status_path(output: str | os.PathLike, name: str) -> Path:
    return Path(output, STATUS_FOLDER, f"{name}.json")


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[str]:
    """Name of a temporary neighbour that becomes `path` in the end.

    As bsp_tf.base.atomic_file does it, but by name: TFRecordWriter takes no open file.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield str(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, tf.errors.OpError) as error:
        raise InputError(f"cannot write {path}: {error}. Free some space or choose another --output, then run the same "
                         "command again to continue.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _start_worker(counter: "multiprocessing.sharedctypes.Synchronized", stop: "multiprocessing.synchronize.Event"):
    """Prepares a worker process: it leaves Ctrl-C to the main process and does not outlive it."""
    _write_in_worker.counter, _write_in_worker.stop = counter, stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def leave_with_parent() -> None:
        multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()


def _write_in_worker(task: ShardTask) -> ShardStatus:
    def on_clip() -> None:
        with _write_in_worker.counter.get_lock():
            _write_in_worker.counter.value += 1
        if _write_in_worker.stop.is_set():
            raise _Stopped

    return write_shard(task, on_clip)
