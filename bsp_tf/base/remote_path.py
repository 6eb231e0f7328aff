"""Files and folders on servers, named by a URL such as s3://bucket/records, through fsspec.

fsspec has a package for each kind of server: s3fs (extra `s3`), gcsfs (extra `gcs`), its own for
http and https (extra `http`). Keys and addresses are theirs to find, as a rule in the environment.
Of pathlib's methods there are those that are needed here.
"""

import abc
import functools
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit

from bsp_tf.base.errors import InputError, without_secrets
from bsp_tf.base.servers.failures import WEB, AbsentError, retried
from bsp_tf.base.servers.file_systems import file_system

# What shows, from one answer of a server to the next, whether a file is the same.
_MARKS = ("ETag", "etag", "LastModified", "mtime", "updated", "created")
_WEB_ADDRESS = tuple(f"{scheme}://" for scheme in WEB)
_WEB_PAGES = (b"<!doctype html", b"<html")


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
    """A file or folder behind one of fsspec's file systems.

    Its methods raise InputError where the server refuses or fails for good; what fails for the
    moment they ask for again. What `str` gives may be shown to anybody: of a web address what
    follows "?" is left out, as it may be a signature.

    Attributes:
        files: fsspec's object for its kind of server.
        place: The name as that object wants it.
    """

    def __init__(self, name: str):
        """Finds the file system.

        Raises:
            InputError: there is none, or the name holds a password.
        """
        super().__init__(name)
        self.files, self.place = file_system(self._name)

    def __str__(self) -> str:
        return without_secrets(self._name)

    def __truediv__(self, name: str) -> "UrlPath":
        if self.in_web and "?" in self._name:
            raise InputError(f"{self} names one file, no folder: what follows '?' belongs to it.")
        return UrlPath(f"{self._name}/{name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UrlPath) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self._name)

    @property
    def address(self) -> str:
        """The whole name, with what may be a secret in it: to open it, not to show it."""
        return self._name

    @property
    def scheme(self) -> str:
        """What stands before the colon."""
        return urlsplit(self._name).scheme

    @property
    def in_web(self) -> bool:
        """Whether it is on a web server: those list no folders."""
        return self.scheme in WEB

    @property
    def name(self) -> str:
        """The last part of the name, as the file would be called here."""
        if self.in_web:
            return unquote(urlsplit(self._name).path.rpartition("/")[2])
        return super().name

    @property
    def stem(self) -> str:
        """That name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def parent(self) -> "UrlPath":
        """The folder in which it lies."""
        return UrlPath(self._name.partition("?")[0].rpartition("/")[0])

    def is_dir(self) -> bool:
        """Whether it is a folder; a web server is not asked, as it knows of files only."""
        return self.in_web or self._kind() == "directory"

    def is_file(self) -> bool:
        """Whether it is there and no folder."""
        return self._kind() == "file"

    def _kind(self) -> str | None:
        try:
            return self._ask(self.files.info)["type"]
        except AbsentError:
            return None

    def _ask(self, method: Callable, *, verb: str = "read", **options: Any) -> Any:
        """What one of fsspec's methods answers, which may be asked again."""
        ask = functools.partial(method, self.place, **options)
        return retried(str(self), self.scheme, ask, verb)

    def names(self) -> list[str]:
        """Of what lies in the folder; none if there is no such folder."""
        try:
            places = self._ask(self.files.ls, detail=False)
        except AbsentError:
            return []
        return [place.rstrip("/").rpartition("/")[2] for place in places]

    def files_below(self) -> list[str]:
        """The files in the folder and in those below it, relative, with "/", in any order.

        Raises:
            InputError: it is on a web server.
        """
        return list(self._found_below())

    def facts_below(self) -> dict[str, FileFacts]:
        """What `stat` gives of each of them, from one listing; without names that end with "/".

        Errors: as `files_below`.
        """
        found = self._found_below().items()
        return {name: self._facts(about) for name, about in found if not name.endswith("/")}

    def _found_below(self) -> dict[str, dict[str, Any]]:
        if self.in_web:
            raise InputError(f"{self}: a web server lists no folders: name the files themselves.")
        start = len(self.place.rstrip("/")) + 1
        found = self._ask(self.files.find, detail=True)
        return {place[start:]: about for place, about in found.items() if len(place) > start}

    def stat(self) -> FileFacts:
        """Size in bytes, and a number from what the server says of the content."""
        return self._facts(self._ask(self.files.info))

    def _facts(self, facts: Mapping[str, Any]) -> FileFacts:
        if facts.get("size") is None:
            raise InputError(f"cannot read {self}: the server does not say how long it is.")
        mark = next((str(facts[key]) for key in _MARKS if facts.get(key)), "")
        number = int.from_bytes(hashlib.sha256(mark.encode()).digest()[:7], "big")
        return FileFacts(facts["size"], number)

    def open(self, mode: str = "rb", **options: Any) -> BinaryIO:
        """The file as bytes; what goes wrong while it is read keeps the library's exception."""
        return self._ask(self.files.open, mode=mode, **options)

    def read_bytes(self) -> bytes:
        """The whole file."""
        content = self._ask(self.files.cat_file)
        if self.in_web:
            refuse_web_page(self, content)
        return content

    def upload(self, file: str | os.PathLike) -> None:
        """Makes it the content of a local file: the whole of it, or as it was before.

        Raises:
            InputError: it is on a web server, or the server refuses or fails.
        """
        if self.in_web:
            raise InputError(f"cannot write {self}: a web server only sends files.")

        def put(place: str) -> None:
            self.files.put_file(os.fspath(file), place)

        self._ask(put, verb="write")

    def unlink(self, missing_ok: bool = False) -> None:
        """Deletes the file; with `missing_ok`, it need not be there."""
        try:
            self._ask(self.files.rm_file, verb="delete")
        except AbsentError:
            if not missing_ok:
                raise


AnyPath = str | os.PathLike | UrlPath
UserPath = Path | UrlPath


def given_path(name: AnyPath) -> UserPath:
    """The path behind a name that a user gave: on a server if it begins with scheme://."""
    if isinstance(name, UrlPath):
        return name
    return UrlPath(os.fspath(name)) if is_url(name) else Path(name)


def is_url(name: AnyPath) -> bool:
    """Whether a name is the address of something on a server."""
    return isinstance(name, UrlPath) or "://" in os.fsdecode(os.fspath(name))


def names_in(folder: UserPath) -> list[str]:
    """Of what lies in a folder, sorted; none if it is not there."""
    if isinstance(folder, UrlPath):
        return sorted(folder.names())
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def is_in_web(path: UserPath) -> bool:
    """Whether a path is on a web server."""
    return isinstance(path, UrlPath) and path.in_web


def was_url(name: str | os.PathLike) -> bool:
    """Whether a name is an address, or one of which pathlib made a path: with one slash."""
    return re.match(r"[A-Za-z][\w+.-]+:/", os.fsdecode(os.fspath(name))) is not None


def plain_name(name: AnyPath) -> str:
    """A name without what follows "?" in a web address: so that it ends with its suffix."""
    text = str(name)
    return text.partition("?")[0] if text.startswith(_WEB_ADDRESS) else text


def below(folder: AnyPath, name: str) -> UserPath:
    """The file of a name that is relative to a folder, or stands for itself."""
    return given_path(name) if is_url(name) or name.startswith("/") else given_path(folder) / name


def cache_folder(path: UrlPath, kind: str) -> Path:
    """A local folder for what is kept of a folder on a server."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "bsp_tf" / kind / hashlib.sha256(str(path).encode()).hexdigest()[:32]


def refuse_web_page(path: UrlPath, begin: bytes) -> None:
    """Raises InputError if a file begins as a web page does."""
    if begin[:64].lstrip().lower().startswith(_WEB_PAGES):
        raise InputError(
            f"cannot read {path}: the server sends a web page (to log in, or of an error): give "
            "the address of the file itself."
        )
