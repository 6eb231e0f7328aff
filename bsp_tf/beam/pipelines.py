"""Tasks done by the workers of any Apache Beam runner, each of which leaves a file when it is done.

Beam only hands out the work: inputs and outputs stay on a file system that all workers share with
this process (NFS, Lustre, a mounted bucket), under the same names, and do not travel through the
runner. So the outputs do not depend on the runner, on who did a task or how often, and a run that
was begun with one runner can be finished with another.
"""

import contextlib
import math
import os
import pickle
import shlex
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from absl import flags

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import AnyPath, is_url

RUNNERS = ("local", "beam")
POLL_SECONDS = 2.0
# Tasks reach the workers in files: as part of the pipeline itself they would be too large for some
# runners. Dask spreads files, not tasks, so there are many of them if there are many tasks.
MOST_FILES = 500

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")
# Called by each worker as often as the runner likes; gives what does a task.
Start = Callable[[], contextlib.AbstractContextManager[Callable[[Any], None]]]


def refuse_servers(*paths: AnyPath | None) -> None:
    """Raises InputError if a path is on a server: workers share a file system, no addresses."""
    for path in paths:
        if path is not None and is_url(path):
            raise InputError(
                f"--runner=beam works on files that all workers share, not on {path}: give paths, "
                "or leave --runner out."
            )


def pipeline_arguments(options: str, workers: int = 1) -> list[str]:
    """Beam's pipeline options, as a list.

    Args:
        options: as on a command line; without --runner: the DirectRunner.
        workers: processes of the DirectRunner; other runners have options of their own for it.
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
        # In front: of an option that is given twice the last one counts.
        arguments = [
            "--runner=DirectRunner",
            f"--direct_num_workers={workers}",
            "--direct_running_mode=multi_processing",
            "--default_sdk_harness_log_level=ERROR",
            *arguments,
        ]
    if any(argument.endswith("DaskRunner") for argument in arguments) and not any(
        argument.startswith(("--dask_npartitions", "--dask_partition_size"))
        for argument in arguments
    ):
        # It gives 128 files to one worker otherwise, and leaves them there: its Reshuffle does
        # nothing.
        arguments.append("--dask_partition_size=1")
    return arguments


def run_tasks(
    tasks: Mapping[Path, Task],
    outcome_of: Callable[[Task], Outcome | None],
    start: Start,
    scratch: Path,
    arguments: Sequence[str],
) -> Iterator[tuple[Task, Outcome]]:
    """Does all tasks in one pipeline.

    Args:
        tasks: The file that says that a task is done -> the task, which can be pickled.
        outcome_of: What came of a task whose file is there; None: it is not done yet.
        start: Gives what does one task; it can be pickled. A task may be done twice.
        scratch: Folder for the tasks, shared with the workers; it goes away at the end.
        arguments: From `pipeline_arguments`.
    Yields:
        (task, outcome) as their files appear.
    Raises:
        InputError: the pipeline ended without all of its tasks.
    """
    waiting, errors = dict(tasks), list[str]()
    thread = threading.Thread(
        target=_run_pipeline,
        args=(list(tasks.values()), start, scratch, arguments, errors),
        # What ends this process need not wait for the cluster.
        daemon=True,
    )
    thread.start()
    while thread.is_alive():
        thread.join(POLL_SECONDS)
        yield from _finished(waiting, outcome_of)
    yield from _finished(waiting, outcome_of)
    if waiting:
        reason = errors[0] if errors else "Beam gave no reason"
        raise InputError(
            f"the Beam pipeline left {len(waiting)} of {len(tasks)} tasks undone "
            f"({reason}). What was done is kept: the same command then goes on."
        )


def define_runner_flags() -> None:
    """Defines --runner and --beam_options."""
    flags.DEFINE_enum(
        "runner",
        RUNNERS[0],
        RUNNERS,
        "This machine, or an Apache Beam runner (extra `beam`); the output is the same. See "
        "docs/scale.md.",
    )
    flags.DEFINE_string(
        "beam_options",
        "",
        "Pipeline options of --runner=beam, such as '--runner=FlinkRunner "
        "--flink_master=host:8081'; by default Beam's DirectRunner.",
    )


def _finished(
    waiting: dict[Path, Task], outcome_of: Callable[[Task], Outcome | None]
) -> Iterator[tuple[Task, Outcome]]:
    """Tasks whose files are there; they are taken out of `waiting`."""
    # A few listings, not a look at each file: over a network that takes long.
    for folder in {path.parent for path in waiting}:
        with contextlib.suppress(FileNotFoundError):
            for name in sorted(os.listdir(folder)):
                task = waiting.get(folder / name)
                outcome = None if task is None else outcome_of(task)
                if task is not None and outcome is not None:
                    del waiting[folder / name]
                    yield task, outcome


def _run_pipeline(
    tasks: Sequence[Any], start: Start, scratch: Path, arguments: Sequence[str], errors: list[str]
) -> None:
    """Runs one pipeline to its end; what goes wrong is put into `errors`."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    try:
        pipeline = beam.Pipeline(options=PipelineOptions(arguments))
        _ = (
            pipeline
            | "files of tasks" >> beam.Create(_write_tasks(tasks, scratch))
            | "tasks" >> beam.FlatMap(_read_tasks)
            | "spread" >> beam.Reshuffle()
            | "work" >> beam.ParDo(_make_worker(pickle.dumps(start)))
        )
        result = pipeline.run()
        # Dask's stays connected otherwise, as long as this process lives.
        with getattr(result, "client", contextlib.nullcontext()):
            result.wait_until_finish()
    # Each runner has errors of its own. Without a handler the thread would print a traceback.
    except Exception as error:
        lines = str(error).strip().splitlines()
        errors.append(lines[-1] if lines else type(error).__name__)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _make_worker(start: bytes):
    """A Beam DoFn that does tasks and gives nothing: what it does is in the files.

    `start` is a pickled `Start`, so that only workers import what it needs: Dask's scheduler reads
    the pipeline, too, and would load TensorFlow.
    """
    import apache_beam as beam

    class Worker(beam.DoFn):
        def setup(self) -> None:
            self._stack = contextlib.ExitStack()
            self._do = self._stack.enter_context(pickle.loads(start)())

        def process(self, task: Any) -> None:
            self._do(task)

        def teardown(self) -> None:
            self._stack.close()

    return Worker()


def _write_tasks(tasks: Sequence[Any], folder: Path) -> list[str]:
    number = math.ceil(len(tasks) / MOST_FILES)
    paths = []
    for begin in range(0, len(tasks), number):
        paths.append(str(folder / f"{begin:09d}"))
        with atomic_write(paths[-1]) as file:
            pickle.dump(tasks[begin : begin + number], file)
    return paths


def _read_tasks(path: str) -> list[Any]:
    with open(path, "rb") as file:
        return pickle.load(file)
