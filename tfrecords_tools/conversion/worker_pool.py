"""Worker processes that may die or hang without harm: they are replaced when they fail.

Each is given one task at a time. A decoder can crash or never return, and a process can be killed
for its memory. concurrent.futures ends the whole pool then and does not say which task it was; here
the task is known, tried once more if its worker died, and given up then.
"""

import multiprocessing
import multiprocessing.connection
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator

from bsp_tf.base.errors import InputError
from bsp_tf.base.interrupt import starting_processes
from tfrecords_tools.conversion.clip_worker import (
    DISK,
    DONE,
    READY,
    ClipTask,
    Outcome,
    Task,
    WorkerSettings,
    run_worker,
)

POLL_SECONDS = 0.2
MAX_TRIES = 2
# Several in a row that do not even start will not start later.
MAX_FAILED_STARTS = 3
START_SECONDS = 120.0
# How long a killed process may take to go; one that waits for a dead disk stays until that answers.
JOIN_SECONDS = 5.0


class Lost:
    """In place of a task's outcome: its worker died every time or hung.

    Attributes:
        reason: for the list of failures.
        seconds: time that the last worker spent on it.
    """

    def __init__(self, reason: str, seconds: float) -> None:
        self.reason, self.seconds = reason, seconds


class _Worker:
    """One process and what it is doing."""

    def __init__(self, settings: WorkerSettings) -> None:
        # Not fork: the caller may have threads, TensorFlow's for instance.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=run_worker, args=(theirs, settings), daemon=True)
        with starting_processes():
            self.process.start()
        theirs.close()
        self.task: Task | None = None
        self.is_ready = False
        self.begin = self.last_sign = time.monotonic()

    def give(self, task: Task) -> None:
        self.task = task
        self.begin = self.last_sign = time.monotonic()
        self.pipe.send(task)

    def end(self) -> None:
        self.process.kill()
        self.process.join(JOIN_SECONDS)
        self.pipe.close()


class WorkerPool:
    """Runs tasks in processes; a context manager, which ends them."""

    def __init__(self, workers: int, settings: WorkerSettings, stall_seconds: float) -> None:
        """Keeps the arguments; processes start with the first tasks.

        Args:
            workers: number of processes.
            settings: for all of them.
            stall_seconds: a worker that shows no progress for this long counts as hanging.
        """
        self._number, self._settings, self._stall_seconds = workers, settings, stall_seconds
        self._workers: list[_Worker] = []
        self._again: deque[Task] = deque()
        self._tries: dict[Task, int] = {}
        self._failed_starts = 0

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self._workers:
            worker.end()

    def run(self, next_task: Callable[[], Task | None]) -> Iterator[tuple[Task, Outcome | Lost]]:
        """Runs tasks until there is no further one.

        Args:
            next_task: gives the next task, or None if there is none now; asked again after every
                outcome.
        Yields:
            (task, outcome) in the order of finishing; the outcome is a Lost if the task had to be
            given up.
        Raises:
            InputError: the output cannot be written, or workers do not start.
        """
        while True:
            self._give_tasks(next_task)
            busy = self._busy()
            if not busy:
                return
            ready = multiprocessing.connection.wait(
                [worker.pipe for worker, _ in busy], POLL_SECONDS
            )
            for worker, task in busy:
                if worker.pipe in ready:
                    yield from self._listen(worker, task)
            for worker, task in self._busy():
                yield from self._check_progress(worker, task)

    def _busy(self) -> list[tuple[_Worker, Task]]:
        return [(worker, worker.task) for worker in self._workers if worker.task is not None]

    def _give_tasks(self, next_task: Callable[[], Task | None]) -> None:
        idle = [worker for worker in self._workers if worker.task is None]
        while idle or len(self._workers) < self._number:
            task = self._again.popleft() if self._again else next_task()
            if task is None:
                return
            if not idle:
                self._workers.append(_Worker(self._settings))
                idle.append(self._workers[-1])
            worker = idle.pop()
            try:
                worker.give(task)
            except OSError:
                # It was killed while it had nothing to do.
                self._remove(worker)
                self._again.append(task)

    def _listen(self, worker: _Worker, task: Task) -> Iterator[tuple[Task, Outcome | Lost]]:
        """What the next message of a worker that has a task means."""
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError):
            self._remove(worker)
            yield from self._died(worker, task)
            return
        worker.last_sign = time.monotonic()
        if kind == READY:
            worker.is_ready = True
            self._failed_starts = 0
        elif kind == DISK:
            raise InputError(f"{content} What was done is kept: the same command then goes on.")
        elif kind == DONE:
            worker.task = None
            self._tries.pop(task, None)
            yield task, content

    def _check_progress(self, worker: _Worker, task: Task) -> Iterator[tuple[Task, Outcome | Lost]]:
        silence = time.monotonic() - worker.last_sign
        if not worker.is_ready and silence > START_SECONDS:
            self._remove(worker)
            yield from self._died(worker, task)
        # A shard may take long, as the disk is slow: no decoder hangs there.
        if worker.is_ready and silence > self._stall_seconds and isinstance(task, ClipTask):
            self._remove(worker)
            reason = (
                f"no frame came out of it for {silence:.0f} s (--stall_seconds): the file hangs."
            )
            yield task, Lost(reason, time.monotonic() - worker.begin)

    def _died(self, worker: _Worker, task: Task) -> Iterator[tuple[Task, Outcome | Lost]]:
        if not worker.is_ready:
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS:
                raise InputError(
                    f"the worker processes do not start ({_exit_reason(worker)}); is there memory "
                    "for them? Try fewer --workers."
                )
            self._again.append(task)
            return
        tries = self._tries[task] = self._tries.pop(task, 0) + 1
        if tries < MAX_TRIES:
            self._again.append(task)
            return
        reason = (
            f"its worker process died {tries} times ({_exit_reason(worker)}): the decoder "
            "crashed, memory was short, or it was killed from outside."
        )
        yield task, Lost(reason, time.monotonic() - worker.begin)

    def _remove(self, worker: _Worker) -> None:
        worker.end()
        self._workers.remove(worker)


def _exit_reason(worker: _Worker) -> str:
    status = worker.process.exitcode
    if status is not None and status < 0:
        return f"signal {signal.Signals(-status).name}"
    return f"exit status {status}"
