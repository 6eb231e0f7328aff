"""Where the files of a record folder lie: here, or behind one of TensorFlow's file systems.

`storage_path` gives pathlib's Path for a local name. For one with a scheme, such as
s3://bucket/records, it gives a `RemotePath`, which has of Path's methods those that reading records
needs. TensorFlow itself brings gs:// and ram://; tensorflow-io brings s3:// and others, on the
TensorFlow 2.15 stack.
"""

import contextlib
import ctypes
import fnmatch
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import tensorflow as tf

from bsp_tf.base.errors import InputError


class FileFacts(NamedTuple):
    """Of os.stat_result the two fields that show whether a file is still the same."""

    st_size: int
    st_mtime_ns: int


class RemotePath:
    """A file or folder behind one of TensorFlow's file systems.

    Its methods raise InputError where the server refuses or fails; `open` leaves that to the file.
    """

    def __init__(self, name: str):
        """Keeps the name, scheme://..., without slashes at its end."""
        self._name = name.rstrip("/")

    def __str__(self) -> str:
        return self._name

    def __truediv__(self, name: str) -> "RemotePath":
        return RemotePath(f"{self._name}/{name}")

    @property
    def name(self) -> str:
        """The last part of the name."""
        return self._name.rpartition("/")[2]

    def is_dir(self) -> bool:
        """Whether it is a folder; False also where no server answers."""
        with _named(self):
            return tf.io.gfile.isdir(self._name)

    def is_file(self) -> bool:
        """Whether it is there and no folder; False also where no server answers."""
        with _named(self):
            return tf.io.gfile.exists(self._name) and not tf.io.gfile.isdir(self._name)

    def glob(self, pattern: str) -> list["RemotePath"]:
        """What the folder holds, without its folders' content."""
        with _named(self):
            names = [name.rstrip("/") for name in tf.io.gfile.listdir(self._name)]
        return [self / name for name in fnmatch.filter(names, pattern)]

    def stat(self) -> FileFacts:
        """Size in bytes and time of change."""
        with _named(self):
            facts = tf.io.gfile.stat(self._name)
        return FileFacts(facts.length, facts.mtime_nsec)

    def open(self, mode: str = "rb") -> BinaryIO:
        """The file, to read or to write bytes; reading raises tf.errors.OpError."""
        return tf.io.gfile.GFile(self._name, mode)

    def read_bytes(self) -> bytes:
        """The whole file."""
        with _named(self), self.open() as file:
            return file.read()

    def write_bytes(self, content: bytes) -> None:
        """Writes the whole file; on S3 it is whole or not there."""
        with _named(self), self.open("wb") as file:
            file.write(content)


StoragePath = Path | RemotePath


def storage_path(name: str | os.PathLike | RemotePath) -> StoragePath:
    """The path behind a name, with the file system that it needs.

    Raises:
        InputError: nothing here knows that scheme.
    """
    if isinstance(name, RemotePath):
        return name
    if "://" not in str(name):
        return Path(name)
    add_file_systems()
    scheme = str(name).partition("://")[0]
    if scheme not in tf.io.gfile.get_registered_schemes():
        raise InputError(
            f"{name}: TensorFlow has no file system for {scheme}:// here. tensorflow-io has some "
            "(s3, az, hdfs), on the stack of TensorFlow 2.15; or copy the folder to this machine."
        )
    return RemotePath(str(name))


@functools.cache
def add_file_systems() -> None:
    """Loads the file systems of tensorflow-io, if it is there."""
    try:
        import tensorflow_io  # noqa: F401
    except ImportError:
        return
    # Version 0.36 aborts a process at its end if s3:// was used: objects of the AWS library are
    # taken down in the wrong order. glibc calls what was registered last first, with the exit
    # status, when Python is down already: _exit then leaves the rest out.
    libc = ctypes.CDLL(None)
    with contextlib.suppress(AttributeError):  # only glibc has it
        libc.on_exit(libc._exit, None)


@contextlib.contextmanager
def _named(path: RemotePath) -> Iterator[None]:
    try:
        yield
    except (tf.errors.OpError, RuntimeError) as error:  # az:// raises the second
        reason = str(error).partition("\n")[0].rstrip(". ") or type(error).__name__
        raise InputError(
            f"cannot use {path}: {reason}. Check its name, the server and the rights there."
        ) from error
