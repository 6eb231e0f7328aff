"""Files that a user gave, here or on a server: their bytes, and what is no file."""

import gzip
import io
import os
import stat
import zlib
from typing import BinaryIO, Protocol

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import given_path, is_url, was_url

_GZIP_MAGIC = b"\x1f\x8b"


class Readable(Protocol):
    """A file somewhere else, which knows how to read itself; its name is its `str`."""

    def read_bytes(self) -> bytes:
        """The whole file; OSError or InputError if it cannot be read."""


def read_input(path: str | os.PathLike | Readable) -> bytes:
    """Reads a whole file; whether it is gzipped is seen in its first bytes, not in its name.

    Raises:
        InputError: unreadable, no regular file, or broken gzip.
    """
    try:
        data = read_as_it_is(path)
        return gzip.decompress(data) if data.startswith(_GZIP_MAGIC) else data
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}. Check the path, or "
            "make the file anew if it is cut off."
        ) from error


def read_as_it_is(path: str | os.PathLike | Readable) -> bytes:
    """The bytes of a file, gzipped or not.

    Raises:
        InputError: no regular file, or a server does not send it.
        OSError: a file here cannot be read.
    """
    if not isinstance(path, str | os.PathLike):
        return path.read_bytes()
    if not is_url(path):
        refuse_special_file(path)
    return given_path(path).read_bytes()


def open_input(path: str | os.PathLike) -> BinaryIO:
    """Opens a small file of a user as bytes; one on a server is fetched first.

    Errors: as `read_as_it_is`.
    """
    if is_url(path):
        return io.BytesIO(read_as_it_is(path))
    refuse_special_file(path)
    return open(path, "rb")


def special_file(path: str | os.PathLike) -> str | None:
    """What a path is if it is neither a regular file nor absent, "a named pipe" for example.

    Opening a pipe waits for a writer, perhaps for ever, and a device may never end: ask before
    any file of a user is opened.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        # Whoever opens it says why it cannot.
        return None
    return None if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "no regular file")


def refuse_special_file(path: str | os.PathLike) -> None:
    """Raises InputError if a path is a folder, pipe, socket or device; see `special_file`."""
    if was_url(path):
        raise InputError(f"cannot read {path}: it must be here: fetch it from its server first.")
    kind = special_file(path)
    if kind:
        raise InputError(f"cannot read {path}: it is {kind}. Give a regular file.")


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
