"""Stopping a run from outside: SIGTERM, as batch systems send it some time before they kill."""

import contextlib
import signal
from collections.abc import Iterator


class PreemptedError(RuntimeError):
    """The run was asked to stop and has saved itself; the same command continues it."""


class StopRequest:
    """Whether the run has been asked to stop. The loop looks at it after every step."""

    def __init__(self):
        """Not asked yet."""
        self.is_set = False

    def set(self, *_: object) -> None:
        """Asks; also a signal handler."""
        self.is_set = True


@contextlib.contextmanager
def stop_on_sigterm() -> Iterator[StopRequest]:
    """A StopRequest that SIGTERM sets for the time of a `with` block. Main thread only."""
    request = StopRequest()
    before = signal.signal(signal.SIGTERM, request.set)
    try:
        yield request
    finally:
        signal.signal(signal.SIGTERM, before)
