"""What goes wrong between here and a server: asked again, or told in one line with what to do."""

import atexit
import errno
import functools
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from bsp_tf.base.errors import InputError, cannot_read

# What does not come is asked for again, after 0.5, 1, 2 and 4 s.
ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.5
WEB = ("http", "https")
# Of the answers that blame the request, those that another try may mend: too slow, too many.
_BUSY = (408, 429)
_KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or FSSPEC_S3_ANON=1 where none are needed)",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS (or FSSPEC_GS_TOKEN=anon where none is needed)",
}
_KEYS["gcs"] = _KEYS["gs"]
# 78 is EREMCHG, as which s3fs passes on "another region"; of a HEAD it knows only the status.
_REGION_ERRORS = (errno.EINVAL, 78)
Answer = TypeVar("Answer")


class AbsentError(InputError):
    """The server says that there is no such file."""


def retried(what: str, scheme: str, ask: Callable[[], Answer], verb: str = "read") -> Answer:
    """What a server answers, asked again where another try may end otherwise.

    Args:
        what: The file, for the message.
        scheme: Of its address, for what to do.
        ask: Asks once; it may be called several times.
        verb: What cannot be done.

    Raises:
        AbsentError: there is no such file, or bucket.
        InputError: the server refuses, or goes on failing.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            with cannot_read(what, functools.partial(advice, scheme), verb):
                return _answer_of(ask)
        except InputError as error:
            reason = reason_of(error.__cause__)
            if isinstance(reason, FileNotFoundError):
                raise AbsentError(_describe_absent(what, reason, verb)) from error
            if attempt == ATTEMPTS or is_final(reason):
                raise
        pause(attempt, 1)


def _answer_of(ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except FileNotFoundError as error:
        raise (reason_of(error) or error) from None


def reason_of(error: BaseException | None) -> BaseException | None:
    """What happened: fsspec calls a web server's every failure a missing file."""
    while isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
        answer = error.__cause__
        if not type(answer).__module__.startswith("aiohttp") or getattr(answer, "status", 0) == 404:
            break
        error = answer
    return error


def is_final(error: BaseException | None) -> bool:
    """Whether another try would end in the same way."""
    status = getattr(error, "status", 0)
    return (
        isinstance(error, FileNotFoundError | PermissionError | NotImplementedError | None)
        or (400 <= status < 500 and status not in _BUSY)
        or _lacks_credentials(error)
        or (isinstance(error, OSError) and error.errno in _REGION_ERRORS)
    )


def advice(scheme: str, error: BaseException) -> str:
    """What to do about an error of a server; "" where nothing is known."""
    error = reason_of(error) or error
    keys = _KEYS.get(scheme, "the keys that its package expects in the environment")
    if _lacks_credentials(error):
        return f"Set {keys}."
    if isinstance(error, PermissionError) or getattr(error, "status", 0) in (401, 403):
        if scheme in WEB:
            return "It asks for rights that this address has not: a signed one may have expired."
        return f"The server refuses: check {keys}, and what they may do in that bucket."
    if scheme == "s3" and isinstance(error, OSError) and error.errno in _REGION_ERRORS:
        return "The bucket may be in another region: set AWS_DEFAULT_REGION to it."
    return ""


def pause(attempt: int, requests: int) -> None:
    """Waits before requests are sent again, and counts them."""
    repeated.note(requests)
    time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))


class Repeated:
    """Counts the parts that were asked for again, and says so when the process ends."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def note(self, number: int) -> None:
        """Adds to the count."""
        with self._lock:
            if not self.count:
                atexit.register(self.tell)
            self.count += number

    def tell(self) -> None:
        """Says it."""
        print(f"{self.count} parts of remote files had to be asked for again", file=sys.stderr)


repeated = Repeated()


def _lacks_credentials(error: BaseException | None) -> bool:
    return "Credentials" in type(error).__name__


def _describe_absent(what: str, reason: BaseException, verb: str) -> str:
    if verb == "write" or "bucket" in str(reason):
        return f"cannot {verb} {what}: there is no such bucket: check its name, or make it first."
    return f"there is no {what}: check the address."
