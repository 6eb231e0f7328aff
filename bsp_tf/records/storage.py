"""Where the files of a record folder lie: here, or on a server.

`storage_path` gives pathlib's Path for a local name. For one with a scheme, such as
s3://bucket/records, it gives a `RemotePath`: a `TensorFlowPath` where TensorFlow has a file system
for that scheme (ram:// of its own, s3:// and others of tensorflow-io, on the TensorFlow 2.15
stack), so that its operations can read the records, else a `UrlPath` of fsspec.
"""

import contextlib
import ctypes
import fnmatch
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import FileFacts, RemotePath, UrlPath
from bsp_tf.base.servers.failures import WEB


class TensorFlowPath(RemotePath):
    """A file or folder behind one of TensorFlow's file systems; its operations read it, too.

    Its methods raise InputError where the server refuses or fails; `open` leaves that to the file.
    """

    def is_dir(self) -> bool:
        """Whether it is a folder; False also where no server answers."""
        with _named(self):
            return tf.io.gfile.isdir(self._name)

    def is_file(self) -> bool:
        """Whether it is there and no folder; False also where no server answers."""
        with _named(self):
            return tf.io.gfile.exists(self._name) and not tf.io.gfile.isdir(self._name)

    def names(self) -> list[str]:
        """Of what lies in the folder."""
        with _named(self):
            return [name.rstrip("/") for name in tf.io.gfile.listdir(self._name)]

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
    # tensorflow-io's https:// reads neither folders nor parts of files.
    native = scheme not in WEB and scheme in tf.io.gfile.get_registered_schemes()
    return TensorFlowPath(str(name)) if native else UrlPath(str(name))


def matching(path: StoragePath, pattern: str) -> list[StoragePath]:
    """What lies in a folder under names of a pattern, sorted."""
    names = path.names() if isinstance(path, RemotePath) else [one.name for one in path.iterdir()]
    return [path / name for name in sorted(fnmatch.filter(names, pattern))]


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
def _named(path: TensorFlowPath) -> Iterator[None]:
    try:
        yield
    except (tf.errors.OpError, RuntimeError) as error:  # az:// raises the second
        reason = str(error).partition("\n")[0].rstrip(". ") or type(error).__name__
        raise InputError(
            f"cannot use {path}: {reason}. Check its name, the server and the rights there."
        ) from error
