"""Files that a user gave: their bytes, what is no file, and whatever their readers raise."""

import contextlib
import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bsp_tf.base.errors import InputError

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
    if isinstance(path, str | os.PathLike):
        refuse_special_file(path)
        path = Path(path)
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(_GZIP_MAGIC) else data
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}. Check the path, or "
            "make the file anew if it is cut off."
        ) from error


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
    kind = special_file(path)
    if kind:
        raise InputError(f"cannot read {path}: it is {kind}. Give a regular file.")


@contextlib.contextmanager
def cannot_read(what: str | os.PathLike) -> Iterator[None]:
    """Turns whatever a library raises while it reads one file into an InputError.

    A damaged file leads a reader's code to errors that its authors did not foresee.

    Args:
        what: The file, for the message.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        reason = reason.rstrip(". ") or type(error).__name__
        raise InputError(f"cannot read {what}: {reason}.") from error


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
