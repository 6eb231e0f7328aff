"""Ctrl-C: a command ends at once, with one line and status 130, and takes its processes along.

No KeyboardInterrupt is raised: on its way through libraries, C++ code and threads it becomes a
traceback, a hang or nothing at all, above all while TensorFlow is imported. As a killed command
harms nothing (files appear whole or not at all, a lock ends with its process), Ctrl-C may end it
wherever it is; what `at_interrupt` was told is tidied up before.
"""

import contextlib
import itertools
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

INTERRUPTED_STATUS = 130
_PACKAGES = ("bsp_tf", "tfrecords_tools")
_SCRIPT = re.compile(r"(bsp|tfrecords)-[a-z-]+")
# The handler in Python runs as soon as the main thread leaves C code; some stays there for minutes.
_PATIENCE_SECONDS = 1.0
# A progress bar, or the ^C of the terminal, may stand on the line.
_MESSAGE = b"\ninterrupted; run the same command again to continue.\n"

_ending, _telling = threading.Lock(), threading.Lock()
_tidying: list[Callable[[], object]] = []


def answer_interrupts() -> None:
    """Ends this process at SIGINT from now on; a process that ignores SIGINT goes on doing so.

    Main thread only.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.signal(signal.SIGINT, _on_interrupt)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading,), daemon=True).start()


def is_command() -> bool:
    """Whether Python was started for a command of this project: `python -m NAME`, or its script."""
    arguments = sys.orig_argv[1:]
    return bool(arguments and _SCRIPT.fullmatch(os.path.basename(arguments[0]))) or any(
        flag == "-m" and module.partition(".")[0] in _PACKAGES
        for flag, module in itertools.pairwise(arguments)
    )


@contextlib.contextmanager
def at_interrupt(tidy_up: Callable[[], object]) -> Iterator[None]:
    """Calls `tidy_up` if Ctrl-C ends the process inside the block; its OSErrors do not matter."""
    _tidying.append(tidy_up)
    try:
        yield
    finally:
        _tidying.remove(tidy_up)


@contextlib.contextmanager
def starting_processes() -> Iterator[None]:
    """Inside the block processes are started that Ctrl-C does not reach: this one ends them.

    A terminal sends SIGINT to all of its processes; each would print a traceback of its own.
    """
    if "multiprocessing" in sys.modules:
        from multiprocessing import resource_tracker

        # The process that looks after semaphores outlives this one for a moment, and would call
        # them leaked. When it is started, multiprocessing lets SIGINT through again: not inside.
        warning = "ignore:resource_tracker"
        if warning not in sys.warnoptions:
            sys.warnoptions.append(warning)
        resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _on_interrupt(*_: object) -> None:
    if _ending.acquire(blocking=False):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            sys.stdout.flush()
        _end()
    # The other thread is ending the process: this one must not see that its workers are gone.
    threading.Event().wait()


def _watch(reading: int) -> None:
    while signal.SIGINT not in os.read(reading, 4096):
        pass
    time.sleep(_PATIENCE_SECONDS)
    _ending.acquire(blocking=False)
    _end()


def _end() -> None:
    _kill_descendants()
    for tidy_up in reversed(_tidying):
        with contextlib.suppress(OSError):
            tidy_up()
    if _telling.acquire(blocking=False):
        with contextlib.suppress(OSError):
            os.write(2, _MESSAGE)
    os._exit(INTERRUPTED_STATUS)


def _kill_descendants() -> None:
    """Kills all processes that this one has started, and theirs; without /proc they see its end."""
    family = {os.getpid()}
    while new := {pid for pid, parent in _parents() if parent in family} - family:
        for pid in new:
            # A process that is stopped starts no further one.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        family |= new
    for pid in family - {os.getpid()}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _parents() -> Iterator[tuple[int, int]]:
    """(process, its parent) of all processes but those that look after semaphores."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold anything.
            _, parent, *_ = (folder / "stat").read_bytes().rpartition(b")")[2].split()
            if b"multiprocessing.resource_tracker" not in (folder / "cmdline").read_bytes():
                yield int(folder.name), int(parent)
