"""One conversion from its plan to its shards: what is done, what is next, what has failed. It
survives being killed.

Beside the shards a hidden folder holds its state: the settings, the plan (all clips, as the first
run found them), the result of each clip whose shard is not written yet, and a JSON file for each
shard that is.
"""

import bisect
import contextlib
import dataclasses
import fcntl
import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from bsp_tf.base.atomic_file import atomic_write, make_folder
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json, read_json_object, write_json
from bsp_tf.base.settings import claim, differences, refuse_other_settings
from bsp_tf.records.schema import MANIFEST_FILE, shard_name
from tfrecords_tools.conversion.beam_runner import BeamPool
from tfrecords_tools.conversion.clip_encoder import EncodingOptions
from tfrecords_tools.conversion.clip_results import (
    ClipResult,
    copy_result,
    failure,
    read_result,
    result_path,
)
from tfrecords_tools.conversion.clip_worker import ClipTask, WorkerSettings
from tfrecords_tools.conversion.shard_writer import (
    SAMPLE_CLIPS,
    ShardStatus,
    ShardTask,
    choose_num_shards,
    finished_shard,
    reopen_shard,
    shard_bounds,
    shuffled,
)
from tfrecords_tools.conversion.worker_pool import Lost, WorkerPool
from tfrecords_tools.inputs.clip_index import ClipIndex, ClipSpec

STATE_FOLDER = ".convert"
SETTINGS_FILE = "settings.json"
PLAN_FILE = "plan.json"
NUM_SHARDS_FILE = "num_shards.json"
RESULTS_FOLDER = "results"
STATUS_FOLDER = "shards"
_CLIP_FIELDS = tuple(field.name for field in dataclasses.fields(ClipSpec))


@dataclasses.dataclass(frozen=True)
class ShardingOptions:
    """Which clips go together.

    Attributes:
        num_shards: number of shards, never more than clips; None: by size.
        shard_megabytes: wanted size (10^6 bytes); None: see `shard_writer.choose_num_shards`.
        shuffle_seed: seed of the order of the clips.
    Raises:
        InputError: both the number and the size are given.
    """

    num_shards: int | None = None
    shard_megabytes: float | None = None
    shuffle_seed: int = 0

    def __post_init__(self) -> None:
        if self.num_shards and self.shard_megabytes:
            raise InputError(
                "--num_shards and --shard_megabytes say the same thing in two ways: give one of "
                "them."
            )


@contextlib.contextmanager
def locked(output: str | os.PathLike) -> Iterator[None]:
    """Keeps a second conversion out of the folder.

    Raises:
        InputError: one is at work there.
    """
    make_folder(Path(output, STATE_FOLDER))
    with open(Path(output, STATE_FOLDER, "lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"another conversion is writing to {output}; wait for it or choose another "
                "--output."
            ) from error
        yield


def adopt_plan(output: Path, index: ClipIndex, settings: dict) -> ClipIndex:
    """Saves settings and clips, or takes those of the run that began here: files that vanished
    since stay in the plan.

    Raises:
        InputError: the folder holds a conversion with other settings, labels or clips, or something
            unknown.
    """
    folder = output / STATE_FOLDER
    if not (folder / SETTINGS_FILE).is_file():
        if any(output.glob("clips-*")) or (output / MANIFEST_FILE).exists():
            raise InputError(
                f"{output} holds records of unknown origin; choose another --output or empty it."
            )
        plan = dataclasses.asdict(dataclasses.replace(index, clips=[]))
        plan["clips"] = [[getattr(clip, name) for name in _CLIP_FIELDS] for clip in index.clips]
        with atomic_write(folder / PLAN_FILE, "w") as file:
            json.dump(plan, file)
        # Last: it says that the plan is there.
        claim(folder / SETTINGS_FILE, settings)
        return index
    before = read_json_object(folder / SETTINGS_FILE)
    differing = differences(before, settings, absent_is_none=True)
    plan = read_json_object(
        folder / PLAN_FILE, *(field.name for field in dataclasses.fields(ClipIndex))
    )
    plan["clips"] = [
        ClipSpec(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in zip(_CLIP_FIELDS, clip, strict=True)
            }
        )
        for clip in plan["clips"]
    ]
    plan["missing"] = [tuple(row) for row in plan["missing"]]
    planned = ClipIndex(**plan)
    # Of a folder whose last clip vanished the class is gone too.
    names = [(clip.key, clip.label, clip.span_seconds) for clip in planned.clips]
    if {(clip.key, clip.label, clip.span_seconds) for clip in index.clips} - set(names):
        differing.append("the input lists other clips")
    elif not set(index.labels) <= set(planned.labels):
        differing.append("the label map is another one")
    refuse_other_settings(output, differing)
    return dataclasses.replace(planned, root=index.root)


class Conversion:
    """The state of one conversion, and the loop that brings it to its end."""

    def __init__(
        self, index: ClipIndex, output: Path, options: EncodingOptions, sharding: ShardingOptions
    ) -> None:
        """Finds out what earlier runs have done.

        Raises:
            InputError: a file of the state is spoilt; the message names it.
        """
        self._clips, self._output = index.clips, output
        self._sharding = sharding
        self._state = output / STATE_FOLDER
        self._results = self._state / RESULTS_FOLDER
        make_folder(self._results)
        make_folder(self._state / STATUS_FOLDER)
        self.worker_settings = WorkerSettings(index.root, str(self._results), options)
        self._order = shuffled(len(index.clips), sharding.shuffle_seed)
        self._next_rank = 0
        self._done: dict[int, ClipResult] = {}
        self._bounds: list[int] = []
        self._ready: deque[ShardTask] = deque()
        self._remaining: list[int] = []
        self.shards: dict[int, ShardStatus] = {}
        self._remove_partial_files()
        self._find_results()
        if sharding.num_shards or (self._state / NUM_SHARDS_FILE).is_file():
            self._set_bounds(sharding.num_shards or read_json(self._state / NUM_SHARDS_FILE))
        self._choose_bounds()

    @property
    def num_done(self) -> int:
        """Clips that are converted or have failed."""
        return len(self._done) + sum(len(shard.clips) for shard in self.shards.values())

    def failures(self) -> list[ClipResult]:
        """All clips that failed so far."""
        return [clip for shard in self.shards.values() for clip in shard.failures] + [
            clip for clip in self._done.values() if clip.reason
        ]

    def retry_failures(self) -> int:
        """Forgets the failures of earlier runs, so that they are tried again; returns their number."""
        number = len(self.failures())
        for rank in [rank for rank, clip in self._done.items() if clip.reason]:
            result_path(self._results, rank).unlink()
        for shard, status in self.shards.items():
            if status.failures:
                (self._output / MANIFEST_FILE).unlink(missing_ok=True)
                reopen_shard(self._shard_task(shard), status)
        return number

    def run(
        self, pool: WorkerPool | BeamPool, on_clip: Callable[[ClipResult], None]
    ) -> list[ShardStatus]:
        """Converts what is left and writes the shards.

        Args:
            pool: who does the tasks, made with `worker_settings`; it is closed at the end.
            on_clip: called for every clip that is done.
        Returns:
            The status of all shards, in order.
        Raises:
            InputError: the output cannot be written; what is done is kept.
        """
        with pool:
            for task, outcome in pool.run(self._next_task):
                if isinstance(task, ShardTask):
                    if isinstance(outcome, Lost):
                        raise InputError(
                            f"cannot write {task.path}: {outcome.reason} Run the same command "
                            "again."
                        )
                    self._finish_shard(self._bounds.index(task.begin), outcome)
                else:
                    if isinstance(outcome, Lost):
                        outcome = failure(task.spec.key, outcome.reason, outcome.seconds)
                        copy_result(result_path(self._results, task.rank), outcome, [])
                    self._finish_clip(task.rank, outcome)
                    on_clip(outcome)
        return [self.shards[shard] for shard in range(len(self._bounds) - 1)]

    def _next_task(self) -> ClipTask | ShardTask | None:
        if self._ready:
            return self._ready.popleft()
        while self._next_rank < len(self._order):
            rank = self._next_rank
            self._next_rank += 1
            shard = self._shard_of(rank)
            if shard in self.shards:
                self._next_rank = self._bounds[shard + 1]
            elif rank not in self._done:
                return ClipTask(rank, self._clips[self._order[rank]])
        return None

    def _finish_clip(self, rank: int, result: ClipResult) -> None:
        self._done[rank] = result
        shard = self._shard_of(rank)
        if shard is None:
            self._choose_bounds()
            return
        self._remaining[shard] -= 1
        if not self._remaining[shard]:
            self._ready.append(self._shard_task(shard))

    def _finish_shard(self, shard: int, status: ShardStatus) -> None:
        self.shards[shard] = status
        for rank in range(*self._bounds[shard : shard + 2]):
            if self._done.pop(rank, None):
                result_path(self._results, rank).unlink(missing_ok=True)

    def _choose_bounds(self) -> None:
        """Fixes the number of shards as soon as the first clips tell their size."""
        sample = range(min(SAMPLE_CLIPS, len(self._order)))
        if self._bounds or not all(rank in self._done for rank in sample):
            return
        results = [self._done[rank] for rank in sample]
        num_shards = choose_num_shards(len(self._order), results, self._sharding.shard_megabytes)
        write_json(self._state / NUM_SHARDS_FILE, num_shards)
        self._set_bounds(num_shards)

    def _set_bounds(self, num_shards: int) -> None:
        self._bounds = shard_bounds(len(self._order), num_shards)
        for shard, (begin, end) in enumerate(zip(self._bounds, self._bounds[1:], strict=False)):
            status = finished_shard(self._shard_task(shard))
            if status is not None:
                self._finish_shard(shard, status)
            self._remaining.append(sum(rank not in self._done for rank in range(begin, end)))
            if status is None and not self._remaining[shard]:
                self._ready.append(self._shard_task(shard))

    def _shard_of(self, rank: int) -> int | None:
        return bisect.bisect_right(self._bounds, rank) - 1 if self._bounds else None

    def _shard_task(self, shard: int) -> ShardTask:
        name = shard_name(shard, len(self._bounds) - 1)
        return ShardTask(
            str(self._output / name),
            str(self._state / STATUS_FOLDER / f"{name}.json"),
            str(self._results),
            *self._bounds[shard : shard + 2],
        )

    def _find_results(self) -> None:
        for entry in sorted(os.scandir(self._results), key=lambda entry: entry.name):
            result = read_result(entry.path)
            if result is None:
                os.unlink(entry.path)
            else:
                self._done[int(entry.name)] = result

    def _remove_partial_files(self) -> None:
        for folder in (self._output, self._state, self._results, self._state / STATUS_FOLDER):
            for path in folder.glob(".*.partial"):
                path.unlink(missing_ok=True)
