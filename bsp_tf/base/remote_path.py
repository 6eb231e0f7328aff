"""Files and folders on servers, named by a URL such as s3://bucket/records, through fsspec.

fsspec has a package for each kind of server: s3fs (extra `s3`), its own for http and https (extra
`http`). Keys and addresses are theirs to find, as a rule in the environment. Of pathlib's methods
there are those that reading needs.
"""

import abc
import atexit
import contextlib
import hashlib
import itertools
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import cannot_read

EXTRAS = {"s3": "s3", "http": "http", "https": "http"}
WEB = ("http", "https")
# What does not come is asked for again, after 0.5, 1, 2 and 4 s.
ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.5
# What shows, from one answer of a server to the next, whether a file is the same.
_MARKS = ("ETag", "etag", "LastModified", "mtime", "updated", "created")


class FileFacts(NamedTuple):
    """Of os.stat_result the two fields that show whether a file is still the same."""

    st_size: int
    st_mtime_ns: int


class RemotePath(abc.ABC):
    """A file or folder on a server."""

    def __init__(self, name: str):
        """Keeps the name, scheme://..., without slashes at its end."""
        self._name = name.rstrip("/")

    def __str__(self) -> str:
        return self._name

    def __truediv__(self, name: str) -> "RemotePath":
        return type(self)(f"{self._name}/{name}")

    @property
    def name(self) -> str:
        """The last part of the name."""
        return self._name.rpartition("/")[2]

    @abc.abstractmethod
    def is_dir(self) -> bool:
        """Whether it is a folder."""

    @abc.abstractmethod
    def is_file(self) -> bool:
        """Whether it is there and no folder."""

    @abc.abstractmethod
    def names(self) -> list[str]:
        """Of what lies in the folder."""

    @abc.abstractmethod
    def stat(self) -> FileFacts:
        """Size in bytes, and a number that changes with the file."""

    @abc.abstractmethod
    def open(self, mode: str = "rb") -> BinaryIO:
        """The file as bytes."""

    @abc.abstractmethod
    def read_bytes(self) -> bytes:
        """The whole file."""


class UrlPath(RemotePath):
    """A file or folder that fsspec reads.

    Its methods raise InputError where the server refuses or does not answer.
    """

    def __init__(self, name: str):
        """Finds the package for the scheme.

        Raises:
            InputError: there is none, or the name holds a password.
        """
        super().__init__(name)
        self._files, self._place = _file_system(self._name)

    @property
    def in_web(self) -> bool:
        """Whether it is on a web server: those list no folders."""
        return urlsplit(self._name).scheme in WEB

    def is_dir(self) -> bool:
        """Whether it is a folder; a web server is not asked, as it knows of files only."""
        return self.in_web or self._kind() == "directory"

    def is_file(self) -> bool:
        """Whether it is there and no folder."""
        return self._kind() == "file"

    def _kind(self) -> str | None:
        try:
            return self._ask(self._files.info)["type"]
        except _AbsentError:
            return None

    def _ask(self, method: Callable, **options: Any) -> Any:
        """What one of fsspec's methods answers, which may be asked again."""
        for attempt in itertools.count(1):
            try:
                with cannot_read(self._name):
                    return method(self._place, **options)
            except InputError as error:
                reason = _reason(error.__cause__)
                if isinstance(reason, FileNotFoundError):
                    raise _AbsentError(f"there is no {self}.") from error
                if attempt == ATTEMPTS or _is_final(reason):
                    raise
            _pause(attempt, 1)

    def names(self) -> list[str]:
        """Of what lies in the folder."""
        places = self._ask(self._files.ls, detail=False)
        return [place.rstrip("/").rpartition("/")[2] for place in places]

    def stat(self) -> FileFacts:
        """Size in bytes, and a number from what the server says of the content."""
        facts = self._ask(self._files.info)
        if facts.get("size") is None:
            raise InputError(f"cannot read {self}: the server does not say how long it is.")
        mark = next((str(facts[key]) for key in _MARKS if facts.get(key)), "")
        number = int.from_bytes(hashlib.sha256(mark.encode()).digest()[:7], "big")
        return FileFacts(facts["size"], number)

    def open(self, mode: str = "rb") -> BinaryIO:
        """The file as bytes; what goes wrong while it is read keeps the library's exception."""
        return self._ask(self._files.open, mode=mode)

    def read_bytes(self) -> bytes:
        """The whole file."""
        return self._ask(self._files.cat_file)


def read_ranges(
    paths: Sequence[UrlPath], starts: Sequence[int], ends: Sequence[int]
) -> list[bytes]:
    """Parts of files, asked for all at once; those that fail for the moment are asked for again.

    Args:
        paths: Files of one server, one for each part; the same may stand there several times.
        starts, ends: First byte of each part, and the first behind it.

    Raises:
        InputError: a part that does not come, or is shorter or longer than asked for.
    """
    parts: list[Any] = [None] * len(paths)
    missing = list(range(len(paths)))
    for attempt in range(ATTEMPTS):
        if attempt:
            _pause(attempt, len(missing))
        first = paths[missing[0]]
        with cannot_read(str(first)):
            found = first._files.cat_ranges(
                [paths[k]._place for k in missing],
                [int(starts[k]) for k in missing],
                [int(ends[k]) for k in missing],
                on_error="return",
            )
        for k, part in zip(missing, found, strict=True):
            parts[k] = part
        missing = [k for k in missing if isinstance(parts[k], Exception)]
        if not missing or any(_is_final(parts[k]) for k in missing):
            break
    for path, part, start, end in zip(paths, parts, starts, ends, strict=True):
        with cannot_read(str(path)):
            if isinstance(part, Exception):
                raise part
        if len(part) != end - start:
            raise InputError(
                f"cannot read {path}: asked for {end - start} bytes, got {len(part)}: the file was "
                "replaced by a shorter one, or the server does not send parts of files."
            )
    return parts


class _AbsentError(InputError):
    """The server says that there is no such file."""


def _reason(error: BaseException | None) -> BaseException | None:
    """What happened: fsspec calls a web server's every failure a missing file."""
    while isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
        answer = error.__cause__
        if not type(answer).__module__.startswith("aiohttp") or getattr(answer, "status", 0) == 404:
            break
        error = answer
    return error


def _is_final(error: BaseException | None) -> bool:
    """Whether another try would end in the same way."""
    status = getattr(error, "status", 0)
    return (
        isinstance(error, FileNotFoundError | PermissionError | NotImplementedError | None)
        or 400 <= status < 500
        or "Credentials" in type(error).__name__
    )


def _pause(attempt: int, requests: int) -> None:
    _repeated.note(requests)
    time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))


class _Repeated:
    """Counts the parts that were asked for again, and says so when the process ends."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def note(self, number: int) -> None:
        with self._lock:
            if not self.count:
                atexit.register(self.tell)
            self.count += number

    def tell(self) -> None:
        print(f"{self.count} parts of remote files had to be asked for again", file=sys.stderr)


_repeated = _Repeated()


def _file_system(name: str) -> tuple[Any, str]:
    """fsspec's object for the scheme of a name, and the name as that object wants it."""
    scheme = urlsplit(name).scheme
    if urlsplit(name).password:
        raise InputError(
            f"a {scheme}:// name with a password in it would stand in logs and configs: set the "
            "keys in the environment instead, as the server's package expects them."
        )
    extra = EXTRAS.get(scheme)
    advice = f"pip install 'bsp_tf[{extra}]'" if extra else "pip install the package for it"
    with contextlib.suppress(ImportError):
        from fsspec import core, get_filesystem_class

        try:
            get_filesystem_class(scheme)
        except ValueError as error:
            raise InputError(
                f"{name}: fsspec knows no {scheme}:// (s3 and https are some that it knows)."
            ) from error
        with cannot_read(name):
            # Listings that are kept would hide what is written later.
            return core.url_to_fs(name, use_listings_cache=False)
    raise InputError(f"{name}: {scheme}:// needs a package that is not installed: {advice}.")
