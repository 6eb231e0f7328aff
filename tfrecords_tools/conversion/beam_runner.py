"""The tasks of a conversion on any Apache Beam runner, in place of `worker_pool.WorkerPool`.

It needs the extra `beam`. A pipeline converts clips, the next one puts the shards together, with
the functions and the plan of one machine (`bsp_tf.beam.pipelines`). So the shards are the same to
the byte, a clip that Beam tries twice is there once, and a conversion that was begun with one
runner can be finished with another.

Each Beam worker runs a child process as the local runner does: a file that crashes or hangs its
decoder becomes a line in failures.csv, not a bundle that the runner retries until it gives up.
"""

import contextlib
import dataclasses
import functools
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from bsp_tf.beam.pipelines import pipeline_arguments, run_tasks
from tfrecords_tools.conversion.clip_results import copy_result, failure, read_result, result_path
from tfrecords_tools.conversion.clip_worker import ClipTask, Outcome, Task, WorkerSettings
from tfrecords_tools.conversion.shard_writer import ShardTask, finished_shard, write_shard
from tfrecords_tools.conversion.worker_pool import Lost, WorkerPool

# What is converted and not yet in a shard lies in the shared folder: with 8 MB per clip, 400 GB.
TASKS_PER_PIPELINE = 50_000
TASKS_FOLDER = "beam_tasks"


class BeamPool:
    """Runs tasks in Beam pipelines; used like WorkerPool."""

    def __init__(
        self, workers: int, settings: WorkerSettings, stall_seconds: float, options: str = ""
    ) -> None:
        """Keeps the arguments.

        Args:
            workers: processes of the DirectRunner; other runners have options of their own for it.
            settings: for all tasks; its folders must have the same names on all workers.
            stall_seconds: a clip that gives no frame for this long has failed.
            options: Beam's pipeline options as on a command line; without --runner: the
                DirectRunner.
        Raises:
            InputError: Beam is not installed.
        """
        self.arguments = pipeline_arguments(options, workers)
        self._stall_seconds = stall_seconds
        # Workers may have another current folder.
        self._settings = dataclasses.replace(
            settings, root=os.path.abspath(settings.root), results=os.path.abspath(settings.results)
        )

    def __enter__(self) -> "BeamPool":
        return self

    def __exit__(self, *exception: object) -> None:
        """Workers belong to the pipelines, which have ended."""

    def run(self, next_task: Callable[[], Task | None]) -> Iterator[tuple[Task, Outcome]]:
        """Runs tasks until there is none: those of now in one pipeline, then those that follow.

        Args:
            next_task: gives the next task, or None if there is none now.
        Yields:
            (task, outcome) as their files appear.
        Raises:
            InputError: a pipeline ended without all of its tasks.
        """
        results = self._settings.results
        while tasks := [_with_full_names(task) for task in _take(next_task, TASKS_PER_PIPELINE)]:
            outcomes: Iterator[tuple[Task, Outcome]] = run_tasks(
                {_file_of(task, results): task for task in tasks},
                lambda task: _outcome(task, results),
                functools.partial(_clip_worker, self._settings, self._stall_seconds),
                Path(results).with_name(TASKS_FOLDER),
                self.arguments,
            )
            yield from outcomes


def run_task(task: Task, pool: WorkerPool, results: str) -> None:
    """Does one task and leaves its result in the shared folder, also if a clip's process dies.

    A task that is done already stays as it is: runners try again what a lost worker has done, too.

    Args:
        task: a clip to convert, or a shard to write.
        pool: child processes of this worker, for clips.
        results: folder of the result files.
    Raises:
        InputError: the output cannot be written.
    """
    if _file_of(task, results).is_file() and _outcome(task, results) is not None:
        return
    if isinstance(task, ShardTask):
        write_shard(task)
        return
    tasks = iter([task])
    for _, outcome in pool.run(lambda: next(tasks, None)):
        if isinstance(outcome, Lost):
            lost = failure(task.spec.key, outcome.reason, outcome.seconds)
            copy_result(_file_of(task, results), lost, [])


@contextlib.contextmanager
def _clip_worker(
    settings: WorkerSettings, stall_seconds: float
) -> Iterator[Callable[[Task], None]]:
    """What does the tasks of one worker, one at a time."""
    with WorkerPool(1, settings, stall_seconds) as pool:
        yield functools.partial(run_task, pool=pool, results=settings.results)


def _file_of(task: Task, results: str) -> Path:
    """The file that says what came of a task."""
    return (
        Path(task.status_path) if isinstance(task, ShardTask) else result_path(results, task.rank)
    )


def _outcome(task: Task, results: str) -> Outcome | None:
    """What came of a task whose file is there; None: the file is not whole."""
    if isinstance(task, ShardTask):
        return finished_shard(task)
    return read_result(_file_of(task, results))


def _take(next_task: Callable[[], Task | None], number: int) -> list[Task]:
    """The tasks that there are now, `number` at most."""
    tasks: Iterator[Task] = iter(next_task, None)
    return list(itertools.islice(tasks, number))


def _with_full_names(task: Task) -> Task:
    if isinstance(task, ClipTask):
        return task
    names = {
        name: os.path.abspath(getattr(task, name)) for name in ("path", "status_path", "results")
    }
    return dataclasses.replace(task, **names)
