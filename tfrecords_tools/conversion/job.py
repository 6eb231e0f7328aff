"""One conversion from its plan to its shards: what is done, what is next, what has failed.

It survives being killed. Beside the plan (`plan.py`) the hidden folder holds the result of each
clip whose shard is not written yet, and a JSON file for each shard that is.
"""

import bisect
import functools
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bsp_tf.base.atomic_file import make_folder, remove_partial_files
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json, write_json
from bsp_tf.base.remote_path import UserPath, below, is_url
from bsp_tf.base.settings import is_unchanged
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
from tfrecords_tools.conversion.clip_worker import ClipTask, Task, WorkerSettings
from tfrecords_tools.conversion.plan import STATE_FOLDER, ShardingOptions
from tfrecords_tools.conversion.shard_writer import (
    SAMPLE_CLIPS,
    ShardStatus,
    ShardSummary,
    ShardTask,
    choose_num_shards,
    finished_shard,
    reopen_shard,
    shard_bounds,
    shuffled,
)
from tfrecords_tools.conversion.worker_pool import Lost, WorkerPool
from tfrecords_tools.inputs.clip_index import ClipIndex

NUM_SHARDS_FILE = "num_shards.json"
RESULTS_FOLDER = "results"
STATUS_FOLDER = "shards"
ASKED_AT_ONCE = 16
FILES_REMEMBERED = 2**18


class Conversion:
    """The state of one conversion, and the loop that brings it to its end."""

    def __init__(
        self,
        index: ClipIndex,
        output: UserPath,
        options: EncodingOptions,
        sharding: ShardingOptions,
        results: Path | None = None,
    ) -> None:
        """Finds out what earlier runs have done.

        Args:
            index: the clips, from `plan.adopt_plan`.
            output: folder of the shards, here or on a server.
            options: how frames are stored.
            sharding: which clips go together.
            results: local folder for the results of clips; None: in the output.

        Raises:
            InputError: a file of the state is damaged; the message names it.
        """
        self._clips, self._output = index.clips, output
        self._sharding = sharding
        self._state = output / STATE_FOLDER
        self._results = results or Path(str(self._state), RESULTS_FOLDER)
        make_folder(self._results)
        make_folder(self._state / STATUS_FOLDER)
        self.worker_settings = WorkerSettings(index.root, str(self._results), options)
        self._order = shuffled(len(index.clips), sharding.shuffle_seed)
        self._next_rank = 0
        self._done: dict[int, ClipResult] = {}
        self._bounds: list[int] = []
        self._ready: deque[ShardTask] = deque()
        self._remaining: list[int] = []
        self.shards: dict[int, ShardSummary] = {}
        self._remove_partial_files()
        self._find_results()
        if sharding.num_shards or (self._state / NUM_SHARDS_FILE).is_file():
            self._set_bounds(sharding.num_shards or read_json(self._state / NUM_SHARDS_FILE))
        self._choose_bounds()

    @property
    def num_done(self) -> int:
        """Clips that are converted or have failed."""
        return len(self._done) + sum(len(self._ranks(shard)) for shard in self.shards)

    def failures(self) -> list[ClipResult]:
        """All clips that failed so far."""
        return [clip for summary in self.shards.values() for clip in summary.failures] + [
            clip for clip in self._done.values() if clip.reason
        ]

    def replaced(self) -> list[str]:
        """Paths of clips that were converted from what their files do not hold any more."""
        root = self.worker_settings.root

        # Many clips may be pieces of one file.
        @functools.lru_cache(FILES_REMEMBERED)
        def was_replaced(path: str, source: tuple[tuple[str, Any], ...]) -> bool:
            file = below(root, path)
            return file.is_file() and not is_unchanged(file, dict(source))

        found = []
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            for results in self._results_by_shard():
                known = [(rank, result.source) for rank, result in results if result.source]
                paths = [self._clips[self._order[rank]].path for rank, _ in known]
                sources = [tuple(source.items()) for _, source in known]
                # A server answers many questions at once; for local files threads are slower.
                on_server = is_url(root) or any(map(is_url, paths))
                answers = (pool.map if on_server else map)(was_replaced, paths, sources)
                found += [
                    str(below(root, path))
                    for path, replaced in zip(paths, answers, strict=True)
                    if replaced
                ]
        return found

    def retry_failures(self) -> int:
        """Forgets the failures of earlier runs, to try them again; returns their number."""
        number = len(self.failures())
        for rank in [rank for rank, clip in self._done.items() if clip.reason]:
            result_path(self._results, rank).unlink()
        for shard, summary in self.shards.items():
            if summary.failures:
                (self._output / MANIFEST_FILE).unlink(missing_ok=True)
                reopen_shard(self._shard_task(shard), self._read_status(shard))
        return number

    def run(
        self, pool: WorkerPool | BeamPool, on_clip: Callable[[ClipResult], None]
    ) -> list[ShardSummary]:
        """Converts what is left and writes the shards.

        Args:
            pool: who does the tasks, made with `worker_settings`; it is closed at the end.
            on_clip: called for every clip that is done.
        Returns:
            What is to be known of all shards, in order.
        Raises:
            InputError: the output cannot be written; what is done is kept.
        """
        with pool:
            for task, outcome in pool.run(self._next_task):
                match task, outcome:
                    case ShardTask(), ShardStatus():
                        self._finish_shard(self._bounds.index(task.begin), outcome)
                    case ShardTask(), Lost():
                        raise InputError(
                            f"cannot write {task.path}: {outcome.reason} Run the same command "
                            "again."
                        )
                    case ClipTask(), ClipResult():
                        self._finish_clip(task.rank, outcome)
                        on_clip(outcome)
                    case ClipTask(), Lost():
                        result = failure(task.spec.key, outcome.reason, outcome.seconds)
                        copy_result(result_path(self._results, task.rank), result, [])
                        self._finish_clip(task.rank, result)
                        on_clip(result)
        # Of workers on other machines that were killed.
        self._remove_partial_files()
        return [self.shards[shard] for shard in range(len(self._bounds) - 1)]

    def _next_task(self) -> Task | None:
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
        self.shards[shard] = status.summary()
        for rank in self._ranks(shard):
            if self._done.pop(rank, None):
                result_path(self._results, rank).unlink(missing_ok=True)

    def _choose_bounds(self) -> None:
        """Fixes the number of shards as soon as the size of the first clips is known."""
        sample = range(min(SAMPLE_CLIPS, len(self._order)))
        if self._bounds or not all(rank in self._done for rank in sample):
            return
        results = [self._done[rank] for rank in sample]
        num_shards = choose_num_shards(len(self._order), results, self._sharding.shard_megabytes)
        write_json(self._state / NUM_SHARDS_FILE, num_shards)
        self._set_bounds(num_shards)

    def _set_bounds(self, num_shards: int) -> None:
        self._bounds = shard_bounds(len(self._order), num_shards)
        for shard in range(len(self._bounds) - 1):
            status = finished_shard(self._shard_task(shard))
            if status is not None:
                self._finish_shard(shard, status)
            self._remaining.append(sum(rank not in self._done for rank in self._ranks(shard)))
            if status is None and not self._remaining[shard]:
                self._ready.append(self._shard_task(shard))

    def _shard_of(self, rank: int) -> int | None:
        return bisect.bisect_right(self._bounds, rank) - 1 if self._bounds else None

    def _ranks(self, shard: int) -> range:
        return range(*self._bounds[shard : shard + 2])

    def _results_by_shard(self) -> Iterator[list[tuple[int, ClipResult]]]:
        """Rank and result of all clips so far; those of one shard, or of none, at a time."""
        yield list(self._done.items())
        for shard in self.shards:
            yield list(zip(self._ranks(shard), self._read_status(shard).clips, strict=True))

    def _read_status(self, shard: int) -> ShardStatus:
        status = finished_shard(self._shard_task(shard))
        if status is None:
            name = shard_name(shard, len(self._bounds) - 1)
            raise InputError(f"{self._output / name} has vanished. Run the same command again.")
        return status

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
        remove_partial_files(self._output, self._state, self._results, self._state / STATUS_FOLDER)
