"""Local folders that are made equal to folders on servers: what differs is fetched, no more.

Each file here has the size and, as its time of change, the number that `UrlPath.stat` gives of the
original: they alone say which files are to be fetched, on each machine and after a kill at any
moment the same. So does what is derived from sizes and times.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import FileFacts, UrlPath
from bsp_tf.base.servers.failures import AbsentError, retried

# How often what is there is compared anew, as it may change meanwhile.
ROUNDS = 4
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_THREADS = 16
_BAR_AFTER_SECONDS = 1


def mirror(path: UrlPath, content: Path, partial: Path) -> dict[str, FileFacts]:
    """Makes a local folder equal to one on a server, which need not be there.

    Nobody else may look at it meanwhile.

    Args:
        path: The original.
        content: The local folder, alone in its parent folder; it is made if there are files.
        partial: See `update`.

    Returns:
        Relative name -> facts of each file.

    Raises:
        InputError: the server refuses or fails, it is a file there or goes on changing, or it
            cannot be kept here.
    """
    for _ in range(ROUNDS):
        wanted = files_there(path)
        if "" in wanted:
            raise InputError(f"{path} is a file: give a folder.")
        with room_for_copy(path, content.parent):
            if files_here(content) == wanted:
                return wanted
            update(path, content, wanted, partial)
    raise changes_error(path)


def changes_error(path: UrlPath) -> InputError:
    """What to say of an original that goes on changing."""
    return InputError(f"{path} changes while it is copied: run again when nothing writes there.")


@contextlib.contextmanager
def room_for_copy(path: UrlPath, place: Path) -> Iterator[None]:
    """Turns what the disk says inside the block into an InputError that names both sides."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot keep a copy of {path} in {place}: {error.strerror}. Make room or rights "
            "there, or set XDG_CACHE_HOME to another folder."
        ) from error


def files_there(path: UrlPath) -> dict[str, FileFacts]:
    """Relative name -> facts of all files of a folder; "" of what is a file itself.

    Raises:
        InputError: the server refuses or fails, or a name cannot be one of a file here.
    """
    try:
        found = path.facts_below() or ({"": path.stat()} if path.is_file() else {})
    except AbsentError:
        found = {}
    for name in found:
        if name:
            check_name(path, name)
    return found


def check_name(path: UrlPath, name: str) -> None:
    """Raises InputError if a file of this name would lie elsewhere, or nowhere."""
    if {"", ".", ".."} & set(name.split("/")) or "\0" in name:
        raise InputError(f"{path} holds {name!r}, which cannot be a file here: rename it there.")


def files_here(content: Path) -> dict[str, FileFacts]:
    """The same of a copy, or of what else lies in a local folder."""
    files = [content] if content.is_file() else content.rglob("*")
    found = {}
    for file in files:
        about = file.stat()
        if not file.is_dir():
            name = "" if file == content else file.relative_to(content).as_posix()
            found[name] = FileFacts(about.st_size, about.st_mtime_ns)
    return found


def update(path: UrlPath, content: Path, wanted: Mapping[str, FileFacts], partial: Path) -> None:
    """Makes a copy what is wanted, file by file; each is whole or not there.

    Args:
        path: The original.
        content: The copy, alone in its folder.
        wanted: From `files_there`. What has changed there since is not fetched: compare again.
        partial: Folder for what is not whole yet, on the same disk.

    Raises:
        InputError: the server refuses or fails.
        OSError: the disk does; see `room_for_copy`.
    """
    here = files_here(content)
    for name in here.keys() - wanted.keys():
        (content / name).unlink()
    for folder, _, _ in os.walk(content.parent, topdown=False):
        # Those that hold something stay.
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    # What a killed run left.
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    missing = sorted(name for name in wanted if here.get(name) != wanted[name])
    total = sum(wanted[name].st_size for name in missing)
    if total > shutil.disk_usage(partial).free:
        raise OSError(errno.ENOSPC, f"{total / 1e9:.1f} GB are more than there is room for")
    bar = tqdm(
        total=total,
        desc=f"copy {path}",
        unit="B",
        unit_scale=True,
        delay=_BAR_AFTER_SECONDS,
    )
    pool = ThreadPoolExecutor(_THREADS)

    def fetch(number: int) -> None:
        name = missing[number]
        file, target = partial / str(number), content / name
        try:
            _download(path / name if name else path, file, bar.update)
        except AbsentError:
            return
        if file.stat().st_size != wanted[name].st_size:
            return
        with open(file, "rb") as written:
            os.fsync(written.fileno())
        os.utime(file, ns=(wanted[name].st_mtime_ns,) * 2)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, target)

    try:
        with bar:
            for _ in pool.map(fetch, range(len(missing))):
                pass
    finally:
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(partial, ignore_errors=True)


def _download(path: UrlPath, file: Path, progress: Callable[[int], object]) -> None:
    from fsspec.callbacks import Callback

    class Parts(Callback):
        def relative_update(self, inc: int = 1) -> None:
            progress(inc)

    def get() -> OSError | None:
        try:
            path.files.get_file(path.place, os.fspath(file), callback=Parts())
        except OSError as error:
            if error.errno in _NO_ROOM:
                # Not the server's fault, so no reason to ask again.
                return error
            raise
        return None

    if full := retried(str(path), path.scheme, get):
        raise full
