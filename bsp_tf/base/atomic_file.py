"""Files and folders that are whole or not there: written beside their place, then renamed."""

import contextlib
import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from bsp_tf.base.errors import InputError
from bsp_tf.base.interrupt import at_interrupt
from bsp_tf.base.remote_path import AnyPath, UrlPath, UserPath, given_path

# The disk's fault; any other OSError inside the block may come from what the block reads.
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)

_SUFFIX = ".partial"
# Letters that `tempfile` puts into a name.
_RANDOM_LETTERS = 8
_SHORT_NAME = 64


@contextlib.contextmanager
def atomic_write(path: AnyPath, mode: str = "wb") -> Iterator[IO]:
    """Opens a file that becomes `path` when the block ends without an error.

    Parent folders are made. If the block raises, or the process is killed, `path` is as it was
    before. On a server it becomes one object, from a file in the folder for temporary ones.

    Args:
        path: Final name of the file.
        mode: "wb" or "w" (UTF-8, newlines as written).

    Raises:
        InputError: the file cannot be written there: no folder, no rights, a folder of that name,
            disk full.
    """
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    where = given_path(path)
    if isinstance(where, UrlPath):
        with _uploaded(where, mode, text) as file:
            yield file
        return
    path = where
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        descriptor, temporary = tempfile.mkstemp(_SUFFIX, hidden_prefix(path), path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        with (
            at_interrupt(lambda: os.unlink(temporary)),
            os.fdopen(descriptor, mode, **text) as file,
        ):
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; a result should have the rights of any new file.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            raise cannot_write(path, error) from error
        raise
    finally:
        # Gone already if it has become `path`.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


@contextlib.contextmanager
def _uploaded(path: UrlPath, mode: str, text: Mapping[str, Any]) -> Iterator[IO]:
    try:
        with tempfile.NamedTemporaryFile(mode, prefix="bsp_tf.", suffix=_SUFFIX, **text) as file:
            with at_interrupt(lambda: os.unlink(file.name)):
                yield file
                file.flush()
                path.upload(file.name)
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            raise InputError(
                f"cannot write {path}: {error.strerror} in {tempfile.gettempdir()}, where it is "
                "put together. Free space there, or set TMPDIR to another folder."
            ) from error
        raise


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Makes an empty folder that becomes `path` when the block ends without an error.

    Parent folders are made. If the block raises, nothing is left; if the process is killed, a
    hidden folder `.<name>.*.partial` is.

    Args:
        path: Final name of the folder; it may be there if it is empty.

    Raises:
        InputError: the folder cannot be written there: no rights, a file or a filled folder of that
            name, disk full.
    """
    path = Path(path)
    make_folder(path.parent)
    try:
        # Beside its place, so that the rename stays within one file system.
        temporary = tempfile.mkdtemp(_SUFFIX, hidden_prefix(path), path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        # One level deeper: mkdtemp makes private folders; a result has the rights of any new one.
        folder = Path(temporary, "content")
        folder.mkdir()
        with at_interrupt(lambda: shutil.rmtree(temporary)):
            yield folder
        try:
            os.replace(folder, path)
        except OSError as error:
            raise cannot_write(path, error) from error
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            raise cannot_write(path, error) from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(path: AnyPath) -> None:
    """Removes what killed runs were writing for `path`; only where no other run writes it now.

    In buckets nothing is there before it is whole.
    """
    path = given_path(path)
    if isinstance(path, UrlPath):
        return
    for leftover in path.parent.glob(f"{glob.escape(hidden_prefix(path))}*{_SUFFIX}"):
        leftover.unlink(missing_ok=True)


def remove_partial_files(*folders: UserPath) -> None:
    """Removes what killed processes were writing there; only where no other writes now.

    In buckets nothing is there before it is whole.
    """
    for folder in folders:
        if isinstance(folder, Path):
            for leftover in folder.glob(f".*{_SUFFIX}"):
                leftover.unlink(missing_ok=True)


def make_folder(path: AnyPath) -> None:
    """Makes a folder and its parents; one that is there already is fine. Buckets need none.

    Raises:
        InputError: it cannot be made (a file of that name, no rights).
    """
    where = given_path(path)
    if isinstance(where, UrlPath):
        return
    try:
        where.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(where, error) from error


def hidden_prefix(path: Path) -> str:
    """Start of the names of hidden files beside `path`.

    A whole temporary name is no longer than the name itself, or than a short one that every file
    system takes: the name may have as many bytes as the file system allows.
    """
    room = max(len(os.fsencode(path.name)), _SHORT_NAME) - _RANDOM_LETTERS - len(_SUFFIX) - 2
    return f".{os.fsencode(path.name)[:room].decode('utf-8', 'ignore')}."


def cannot_write(path: Path, error: OSError) -> InputError:
    """Why a file or folder cannot be written, and what to do."""
    remedies = {
        errno.ENAMETOOLONG: "Choose a shorter name or path",
        errno.ENOSPC: "Free space there, or choose another output path",
        errno.EDQUOT: "Free space there, or choose another output path",
        errno.EFBIG: "Free space there, or choose another output path",
    }
    remedy = remedies.get(error.errno or 0, "Choose another output path")
    reason = error.strerror
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        files = [place for place in (path, *path.parents) if place.exists() and not place.is_dir()]
        reason = f"{files[0]} is a file" if files else reason
    return InputError(f"cannot write {path}: {reason}. {remedy}.")
