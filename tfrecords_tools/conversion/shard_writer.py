"""Which clip goes into which shard, and how a shard is written from the results of its clips.

The clips are shuffled by the seed, and shard k takes the k-th of equal pieces of that order. The
bytes of a clip depend on the clip alone, so those of a shard do not depend on who converted its
clips, when, or in how many runs. A shard appears under its name only when it is complete, and a
JSON file beside it (in a hidden folder) says so.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import google_crc32c
import numpy as np

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object, write_json
from bsp_tf.base.remote_path import given_path
from bsp_tf.records.schema import MAX_SHARDS
from tfrecords_tools.conversion.clip_results import (
    ClipResult,
    copy_result,
    read_payload,
    read_result,
    result_path,
)

# By default: shards that are quickly copied, and enough of them to be read in parallel.
DEFAULT_SHARDS = 8
DEFAULT_SHARD_MEGABYTES = 256
# The number of shards of a given size follows from the first clips of the shuffled order.
SAMPLE_CLIPS = 64


@dataclasses.dataclass(frozen=True)
class ShardTask:
    """One shard to write from its result files.

    Attributes:
        path: the shard; here or, like its JSON file, on a server.
        status_path: its JSON file.
        results: folder of the result files.
        begin, end: ranks of its clips, the last one excluded.
    """

    path: str
    status_path: str
    results: str
    begin: int
    end: int


@dataclasses.dataclass(frozen=True)
class ShardSummary:
    """What is kept in memory of a finished shard: all but the clips that went well.

    Attributes:
        row: its row in the manifest; a long clip in three records counts as three clips.
        failures: results of its clips that failed.
    """

    row: dict[str, Any]
    failures: list[ClipResult]


@dataclasses.dataclass(frozen=True)
class ShardStatus:
    """What a finished shard holds.

    Attributes:
        name: file name.
        num_bytes: size of the file.
        sha256: of the file, hexadecimal.
        clips: results of its clips in the order of the records, failures too.
    """

    name: str
    num_bytes: int
    sha256: str
    clips: tuple[ClipResult, ...]

    @property
    def failures(self) -> list[ClipResult]:
        return [clip for clip in self.clips if clip.reason]

    def summary(self) -> ShardSummary:
        """What a conversion remembers of it."""
        row = {
            "name": self.name,
            "num_clips": sum(clip.num_records for clip in self.clips),
            "num_frames": sum(clip.num_frames for clip in self.clips),
            "num_bytes": self.num_bytes,
            "sha256": self.sha256,
            "num_failures": len(self.failures),
        }
        return ShardSummary(row, self.failures)


def shuffled(num_clips: int, seed: int) -> np.ndarray:
    """int64 [num_clips]: the clips in the order in which they are converted and stored."""
    return np.random.default_rng(seed).permutation(num_clips)


def shard_bounds(num_clips: int, num_shards: int) -> list[int]:
    """Where the shards begin in the shuffled order, and the end.

    There are never more shards than clips; their numbers of clips differ by one at most.

    >>> shard_bounds(10, 3)
    [0, 3, 6, 10]
    """
    num_shards = min(num_shards, num_clips)
    return [num_clips * shard // num_shards for shard in range(num_shards + 1)]


def plan_shards(num_clips: int, num_shards: int, seed: int) -> list[list[int]]:
    """For each shard the clip indices in the order of the records."""
    order, bounds = shuffled(num_clips, seed), shard_bounds(num_clips, num_shards)
    return [order[begin:end].tolist() for begin, end in zip(bounds, bounds[1:], strict=False)]


def choose_num_shards(num_clips: int, sample: Sequence[ClipResult], megabytes: float | None) -> int:
    """The number of shards of about `megabytes` (10^6 bytes) each.

    Args:
        num_clips: all clips.
        sample: results of the first clips of the shuffled order; the mean of their bytes stands for
            the rest.
        megabytes: wanted size; None: DEFAULT_SHARD_MEGABYTES, but at least DEFAULT_SHARDS shards.
            There are never more than MAX_SHARDS; they are larger then.
    """
    total = sum(clip.num_bytes for clip in sample) / len(sample) * num_clips
    wanted = math.ceil(total / 1e6 / (megabytes or DEFAULT_SHARD_MEGABYTES))
    return min(max(wanted, 1 if megabytes else DEFAULT_SHARDS), num_clips, MAX_SHARDS)


def write_shard(task: ShardTask, on_progress: Callable[[], None] = lambda: None) -> ShardStatus:
    """Writes a shard, then its status; the result files stay.

    Args:
        task: what to write.
        on_progress: called after every clip.
    Raises:
        InputError: it cannot be written (disk full), or a result file is damaged.
    """
    clips, digest = [], hashlib.sha256()
    with atomic_write(task.path) as file:
        for rank in range(task.begin, task.end):
            source = result_path(task.results, rank)
            clip, crc = read_result(source), 0
            if clip is not None:
                for piece in read_payload(source, clip.num_bytes):
                    crc = google_crc32c.extend(crc, piece)
                    digest.update(piece)
                    file.write(piece)
            if clip is None or crc != clip.crc32c:
                raise InputError(f"{source} is damaged (a faulty disk?): delete it.")
            clips.append(clip)
            on_progress()
        num_bytes = file.tell()
    status = ShardStatus(given_path(task.path).name, num_bytes, digest.hexdigest(), tuple(clips))
    write_json(task.status_path, dataclasses.asdict(status))
    return status


def finished_shard(task: ShardTask) -> ShardStatus | None:
    """The status of a shard that is there as a whole; None if it must be written.

    Raises:
        InputError: the status file is damaged.
    """
    path = given_path(task.path)
    if not (path.is_file() and given_path(task.status_path).is_file()):
        return None
    status = read_json_object(task.status_path, "name", "num_bytes", "sha256", "clips")
    if status["num_bytes"] != path.stat().st_size:
        return None
    return ShardStatus(
        status["name"],
        status["num_bytes"],
        status["sha256"],
        tuple(ClipResult(**clip) for clip in status["clips"]),
    )


def reopen_shard(task: ShardTask, status: ShardStatus) -> None:
    """Turns a finished shard back into result files without its failures, to try these again."""
    offset = 0
    for rank, clip in enumerate(status.clips, task.begin):
        if not clip.reason:
            copy_result(
                result_path(task.results, rank),
                clip,
                read_payload(task.path, clip.num_bytes, offset),
            )
            offset += clip.num_bytes
    given_path(task.status_path).unlink()
