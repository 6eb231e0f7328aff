"""One writer for each output: a lock that lives as long as the process that holds it.

Every command that fills a folder bit by bit holds its lock from before it looks at what is there
until it ends. The lock is the system's (flock), so it ends with its process however that ends; the
file says who holds it. A file without a holder is what a killed run left, and is taken over.
"""

import contextlib
import errno
import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bsp_tf.base.atomic_file import hidden_prefix, make_folder
from bsp_tf.base.errors import InputError
from bsp_tf.base.interrupt import at_interrupt
from bsp_tf.base.json_file import parse_json
from bsp_tf.base.remote_path import AnyPath, UrlPath, UserPath, cache_folder, given_path, was_url

LOCK_FILE = ".lock"
# A reader holds the lock for a moment to see whether a writer does.
_ATTEMPTS, _WAIT_SECONDS = 10, 0.05
_BUCKETS = ("s3", "gs", "gcs")
NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def lock_folder(folder: str | os.PathLike, flag: str = "--output") -> Iterator[None]:
    """Makes this process the only writer of a folder inside the block; makes the folder.

    A folder that is still empty at the end is taken away again if this made it.

    Args:
        folder: The output.
        flag: The flag that names it.

    Raises:
        InputError: another process writes there (the message says which), or the folder cannot be
            made or written.
    """
    folder = Path(folder)
    refuse_file(folder, flag)
    existed = folder.exists()
    make_folder(folder)
    try:
        with (
            at_interrupt(lambda: None if existed else folder.rmdir()),
            _locked(folder / LOCK_FILE, folder, flag),
        ):
            yield
    finally:
        if not existed:
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def lock_output(folder: UserPath) -> Iterator[Path]:
    """As `lock_folder`, of a folder that may be on a server: there are no locks there.

    Then only two processes of this user on this machine keep off each other. Gives a local folder
    for what need not outlive this machine: the output itself, or one in the cache, whose empty
    folders are taken away at the end.

    Errors: as `lock_folder`, and `refuse_output`.
    """
    refuse_output(folder)
    if isinstance(folder, Path):
        with lock_folder(folder):
            yield folder
        return
    place = cache_folder(folder, "outputs")
    with lock_folder(place):
        try:
            yield place
        finally:
            for kept in filter(Path.is_dir, place.iterdir()):
                with contextlib.suppress(OSError):
                    kept.rmdir()


@contextlib.contextmanager
def lock_output_file(path: UserPath) -> Iterator[Path]:
    """As `lock_output`, of a single file; of a local one the folder in which it lies is given.

    Errors: as `lock_place` and `lock_output`.
    """
    if isinstance(path, UrlPath):
        with lock_output(path) as place:
            yield place
    else:
        with lock_place(path):
            yield path.parent


def refuse_output(folder: UserPath, flag: str = "--output") -> None:
    """Raises InputError if an output folder is a file, or on a web server."""
    check_remote_output(folder, flag)
    if isinstance(folder, Path):
        refuse_file(folder, flag)


def check_remote_output(path: AnyPath, flag: str = "--output") -> None:
    """Raises InputError if an output is on a web server, or in a bucket that is not there."""
    where = given_path(path)
    if not isinstance(where, UrlPath):
        return
    if where.in_web:
        raise InputError(f"{flag}={where}: a web server takes no files: give a local path.")
    if where.scheme in _BUCKETS:
        bucket, known = UrlPath(f"{where.scheme}://{urlsplit(where.address).netloc}"), True
        # Who may write there need not be allowed to ask.
        with contextlib.suppress(InputError):
            known = bucket.is_dir()
        if not known:
            raise InputError(
                f"{flag}={where}: there is no such bucket: check its name, or make it first."
            )


def refuse_file(folder: str | os.PathLike, flag: str = "--output") -> None:
    """Raises InputError if a file has the place of an output folder."""
    refuse_remote_output(folder, flag)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise InputError(f"{flag}={folder} is a file: give a folder.")


def refuse_remote_output(path: str | os.PathLike, flag: str = "--output") -> None:
    """Raises InputError if an output is the address of something on a server."""
    if was_url(path):
        name = os.fspath(path).replace("://", ":/").replace(":/", "://", 1)
        raise InputError(
            f"{flag}={name}: this command writes to local files only: give one, and copy it to the "
            "server when it is done."
        )


def refuse_pattern(folder: str | os.PathLike) -> None:
    """Raises InputError if TensorFlow takes the path of a folder for a pattern.

    It looks for the files of checkpoints and SavedModels by patterns: in "run[1]" it finds none,
    and an old checkpoint of "run*" that it deletes may be one of "run_2".
    """
    folder = os.path.abspath(folder)
    if found := sorted(set("*?[\\") & set(folder)):
        raise InputError(
            f"the path {folder} holds {' '.join(found)}, which TensorFlow takes for a pattern of "
            "names: rename the folder, or give another one."
        )


@contextlib.contextmanager
def lock_place(path: str | os.PathLike, flag: str = "--output") -> Iterator[None]:
    """The same for a file, or a folder that appears as a whole: the lock lies beside it."""
    refuse_remote_output(path, flag)
    path = Path(path)
    make_folder(path.parent)
    with _locked(path.parent / f"{hidden_prefix(path)}lock", path, flag):
        yield


def warn_of_writer(folder: str | os.PathLike) -> None:
    """Says on stderr if another process is writing to a folder that is about to be read."""
    path = Path(folder, LOCK_FILE)
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _read_holder(descriptor)
        if holder != _describe_self():
            print(
                f"warning: {holder} is writing to {folder}: what is read there now may not be all.",
                file=sys.stderr,
            )
    except OSError as error:
        if error.errno not in NO_LOCKS_HERE:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(path: Path, output: Path, flag: str) -> Iterator[None]:
    descriptor = _acquire(path, output, flag)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps({"holder": _describe_self()}).encode())
        with at_interrupt(path.unlink):
            yield
    finally:
        # Before it is let go: a file taken away later could be the next holder's.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _acquire(path: Path, output: Path, flag: str) -> int:
    """Descriptor of the lock file, locked."""
    holder = "another process"
    for _ in range(_ATTEMPTS):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise InputError(
                f"cannot write to {output.parent if path.parent != output else output}: "
                f"{error.strerror}. Give another {flag}."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read_holder(descriptor)
            os.close(descriptor)
            time.sleep(_WAIT_SECONDS)
            continue
        except OSError as error:
            if error.errno not in NO_LOCKS_HERE:
                os.close(descriptor)
                raise
            print(
                f"warning: the file system of {output} has no locks: start no second run there.",
                file=sys.stderr,
            )
            return descriptor
        if _is_at(descriptor, path):
            return descriptor
        # The holder before has taken its file away in between.
        os.close(descriptor)
    raise InputError(f"{holder} is writing to {output}: wait for it, or give another {flag}.")


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _describe_self() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name if spec else Path(sys.argv[0]).name
    return f"{name} (host {socket.gethostname()}, process {os.getpid()})"


def _read_holder(descriptor: int) -> str:
    content = os.pread(descriptor, 4096, 0)
    try:
        return str(parse_json(content, "lock")["holder"])
    except (InputError, KeyError, TypeError):
        # Between its lock and its first line.
        return "another process"
