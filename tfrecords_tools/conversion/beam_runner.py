"""The tasks of a conversion on any Apache Beam runner, in place of `worker_pool.WorkerPool`.

It needs the extra `beam`. Beam only hands out the work: a pipeline converts clips, the next one
puts the shards together, with the functions and the plan of one machine. Videos and records stay on
a file system that all workers share with this process (NFS, Lustre, a mounted bucket); neither
frames nor records travel through the runner. So the shards are the same to the byte, a clip that
Beam tries twice is there once, and a conversion that was begun with one runner can be finished with
another.

Each Beam worker runs a child process as the local runner does: a file that crashes or hangs its
decoder becomes a line in failures.csv, not a bundle that the runner retries until it gives up.
"""

import dataclasses
import itertools
import os
import pickle
import shlex
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from tfrecords_tools.conversion.clip_results import copy_result, failure, read_result, result_path
from tfrecords_tools.conversion.clip_worker import ClipTask, Outcome, Task, WorkerSettings
from tfrecords_tools.conversion.shard_writer import ShardTask, finished_shard, write_shard
from tfrecords_tools.conversion.worker_pool import Lost, WorkerPool

POLL_SECONDS = 2.0
# What is converted and not yet in a shard lies in the shared folder: with 8 MB per clip, 400 GB.
TASKS_PER_PIPELINE = 50_000
# Tasks reach the workers in files of this many: as part of the pipeline itself they would be too
# large for some runners.
TASKS_PER_FILE = 1000
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
        try:
            import apache_beam  # noqa: F401
        except ImportError as error:
            raise InputError(
                "--runner=beam needs Apache Beam, which is not installed: pip install '.[beam]', "
                "or leave --runner out."
            ) from error
        arguments = shlex.split(options)
        if not any(argument.startswith("--runner") for argument in arguments):
            arguments += [
                "--runner=DirectRunner",
                f"--direct_num_workers={workers}",
                "--direct_running_mode=multi_processing",
                "--default_sdk_harness_log_level=ERROR",
            ]
        self.arguments, self._stall_seconds = arguments, stall_seconds
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
            InputError: a pipeline failed, or ended without all of its tasks.
        """
        while tasks := [_with_full_names(task) for task in _take(next_task, TASKS_PER_PIPELINE)]:
            waiting = {_file_of(task, self._settings.results).name: task for task in tasks}
            errors: list[str] = []
            thread = threading.Thread(target=self._run_pipeline, args=(tasks, errors), daemon=True)
            thread.start()
            while thread.is_alive():
                thread.join(POLL_SECONDS)
                yield from self._finished(waiting)
            yield from self._finished(waiting)
            if errors or waiting:
                reason = errors[0] if errors else "Beam gave no reason"
                raise InputError(
                    f"the Beam pipeline left {len(waiting)} of {len(tasks)} tasks undone "
                    f"({reason}). What was done is kept: the same command then goes on."
                )

    def _finished(self, waiting: dict[str, Task]) -> Iterator[tuple[Task, Outcome]]:
        """Tasks whose files are there; they are taken out of `waiting`."""
        present = set(os.listdir(self._settings.results))
        for name, task in list(waiting.items()):
            outcome: Outcome | None = None
            if isinstance(task, ShardTask):
                outcome = finished_shard(task)
            elif name in present:
                outcome = read_result(_file_of(task, self._settings.results))
            if outcome is not None:
                del waiting[name]
                yield task, outcome

    def _run_pipeline(self, tasks: Sequence[Task], errors: list[str]) -> None:
        """Runs one pipeline to its end; what goes wrong is put into `errors`."""
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions

        folder = Path(self._settings.results).with_name(TASKS_FOLDER)
        try:
            with beam.Pipeline(options=PipelineOptions(self.arguments)) as pipeline:
                _ = (
                    pipeline
                    | "files of tasks" >> beam.Create(_write_tasks(tasks, folder))
                    | "tasks" >> beam.FlatMap(_read_tasks)
                    | "spread" >> beam.Reshuffle()
                    | "work" >> beam.ParDo(_make_worker(self._settings, self._stall_seconds))
                )
        except (RuntimeError, ValueError, OSError) as error:
            errors.append(str(error).strip().splitlines()[-1])
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def run_task(task: Task, pool: WorkerPool, results: str) -> None:
    """Does one task and leaves its result in the shared folder, also if a clip's process dies.

    Args:
        task: a clip to convert, or a shard to write.
        pool: child processes of this worker, for clips.
        results: folder of the result files.
    Raises:
        InputError: the output cannot be written.
    """
    if isinstance(task, ShardTask):
        # A runner may try again what was done already; the results of a finished shard's clips are
        # gone.
        if finished_shard(task) is None:
            write_shard(task)
        return
    tasks = iter([task])
    for _, outcome in pool.run(lambda: next(tasks, None)):
        if isinstance(outcome, Lost):
            lost = failure(task.spec.key, outcome.reason, outcome.seconds)
            copy_result(_file_of(task, results), lost, [])


def _make_worker(settings: WorkerSettings, stall_seconds: float):
    """A Beam DoFn that runs tasks and gives nothing: what it does is in the files."""
    import apache_beam as beam

    class Worker(beam.DoFn):
        def setup(self) -> None:
            self._pool = WorkerPool(1, settings, stall_seconds)

        def process(self, task: Task) -> None:
            run_task(task, self._pool, settings.results)

        def teardown(self) -> None:
            self._pool.__exit__()

    return Worker()


def _file_of(task: Task, results: str) -> Path:
    """The file that says what came of a task."""
    return (
        Path(task.status_path) if isinstance(task, ShardTask) else result_path(results, task.rank)
    )


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


def _write_tasks(tasks: Sequence[Task], folder: Path) -> list[str]:
    paths = []
    for begin in range(0, len(tasks), TASKS_PER_FILE):
        paths.append(str(folder / f"{begin:09d}"))
        with atomic_write(paths[-1]) as file:
            pickle.dump(tasks[begin : begin + TASKS_PER_FILE], file)
    return paths


def _read_tasks(path: str) -> list[Task]:
    with open(path, "rb") as file:
        return pickle.load(file)
