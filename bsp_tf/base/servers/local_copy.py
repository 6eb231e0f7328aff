"""Models, workdirs and features on servers, copied once for what reads local files only.

A copy lies in the cache. Each of its files has the size and, as its time of change, the number that
`UrlPath.stat` gives of the original: they alone say which files are to be fetched, on each machine
and after a kill at any moment the same. So does what is derived from sizes and times.
"""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import LOCK_FILE, NO_LOCKS_HERE
from bsp_tf.base.remote_path import FileFacts, UrlPath, cache_folder
from bsp_tf.base.servers.failures import AbsentError, retried

# In "a,s3://b/c+s3://b/d": what the flag of features joins.
_ADDRESS = re.compile(r"[A-Za-z][\w.-]*://(?:(?!\+[A-Za-z][\w.-]*://)[^,])*")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_UPDATE_LOCK = ".update.lock"
_THREADS = 16
_ROUNDS = 4
_BAR_AFTER_SECONDS = 1


class LocalCopies:
    """Names that a user gave, and what is read instead.

    Attributes:
        names: In the order of the names given, with local paths in place of addresses.
    """

    def __init__(self, names: tuple[str | os.PathLike, ...], copies: Mapping[str, Path]) -> None:
        self._copies = copies
        self.names = [
            _ADDRESS.sub(lambda found: str(copies[found[0]]), os.fspath(name)) for name in names
        ]

    def as_given(self, text: str) -> str:
        """A message or a reason with the addresses in place of where their copies lie."""
        for address, copy in self._copies.items():
            text = text.replace(str(copy), str(UrlPath(address)))
        return text


@contextlib.contextmanager
def local_copies(*names: str | os.PathLike) -> Iterator[LocalCopies]:
    """Inside the block there are local copies of all addresses in `names`, which do not change.

    Another process that reads the same copy does so at the same time; one that has to change it
    waits until nobody reads it. An InputError that leaves the block names the addresses.

    Args:
        names: Local paths, which stay as they are; addresses of folders or of single files; or
            several of them with "," or "+" between, as flags of features have them.

    Raises:
        InputError: nothing is at an address; it is a web server's, which lists no folders; it
            holds names that cannot be files here, or goes on changing; the cache cannot be written.
    """
    addresses = {found for name in names for found in _ADDRESS.findall(os.fspath(name))}
    with contextlib.ExitStack() as locks:
        # In one order: two processes never wait for each other.
        copies = {address: _copy(UrlPath(address), locks) for address in sorted(addresses)}
        found = LocalCopies(names, copies)
        try:
            yield found
        except InputError as error:
            text = found.as_given(str(error))
            if text == str(error):
                raise
            raise InputError(text) from error


def _copy(path: UrlPath, locks: contextlib.ExitStack) -> Path:
    """The copy of a file or folder, up to date and locked."""
    if path.in_web:
        raise InputError(
            f"{path}: a web server lists no folders, so that none can be copied from there: put it "
            "into a bucket (s3://, gs://), or fetch it and give the local path."
        )
    _check_name(path, path.name)
    place = cache_folder(path, "copies")
    content = place / "content" / path.name
    wanted = _files_there(path)
    try:
        place.mkdir(parents=True, exist_ok=True)
        reading = _open_lock(place / LOCK_FILE, locks)
        # One process at a time compares and updates: one that had to wait for another finds the
        # copy up to date, and does not wait for the other to end its reading, too.
        with contextlib.ExitStack() as turn:
            _lock(_open_lock(place / _UPDATE_LOCK, turn), fcntl.LOCK_EX, path)
            for _ in range(_ROUNDS):
                _lock(reading, fcntl.LOCK_SH, path)
                if _files_here(content) == wanted:
                    return content
                _lock(reading, fcntl.LOCK_EX, path)
                _update(path, content, wanted, place / "partial")
                # What changed there meanwhile shows in the next round.
                wanted = _files_there(path)
    except OSError as error:
        raise InputError(
            f"cannot keep a copy of {path} in {place}: {error.strerror}. Make room or rights "
            "there, or set XDG_CACHE_HOME to another folder."
        ) from error
    raise InputError(f"{path} changes while it is copied: run again when nothing writes there.")


def _files_there(path: UrlPath) -> dict[str, FileFacts]:
    """Relative name -> facts of all files of a folder; "" of what is a file itself."""
    try:
        found = path.facts_below() or ({"": path.stat()} if path.is_file() else {})
    except AbsentError:
        found = {}
    if not found:
        raise InputError(f"there is no {path}, or nothing in it: check the address.")
    for name in found:
        if name:
            _check_name(path, name)
    return found


def _check_name(path: UrlPath, name: str) -> None:
    if {"", ".", ".."} & set(name.split("/")) or "\0" in name:
        raise InputError(f"{path} holds {name!r}, which cannot be a file here: rename it there.")


def _files_here(content: Path) -> dict[str, FileFacts]:
    """The same of the copy."""
    files = [content] if content.is_file() else content.rglob("*")
    found = {}
    for file in files:
        about = file.stat()
        if not file.is_dir():
            name = "" if file == content else file.relative_to(content).as_posix()
            found[name] = FileFacts(about.st_size, about.st_mtime_ns)
    return found


def _update(path: UrlPath, content: Path, wanted: Mapping[str, FileFacts], partial: Path) -> None:
    """Makes the copy what is wanted, file by file; each is whole or not there."""
    here = _files_here(content)
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


def _open_lock(file: Path, until: contextlib.ExitStack) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    until.callback(os.close, descriptor)
    return descriptor


def _lock(descriptor: int, kind: int, path: UrlPath) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"{path}: waits for another process, which uses its copy here", file=sys.stderr)
        fcntl.flock(descriptor, kind)
    except OSError as error:
        if error.errno not in NO_LOCKS_HERE:
            raise
