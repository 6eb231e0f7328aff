"""Models, workdirs and features on servers, copied once for what reads local files only.

A copy lies in the cache, as a `mirror` of what is there.
"""

import contextlib
import fcntl
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import LOCK_FILE, NO_LOCKS_HERE
from bsp_tf.base.remote_path import FileFacts, UrlPath, cache_folder
from bsp_tf.base.servers.mirror import (
    ROUNDS,
    changes_error,
    check_name,
    files_here,
    files_there,
    room_for_copy,
    update,
)

# In "a,s3://b/c+s3://b/d": what the flag of features joins.
_ADDRESS = re.compile(r"[A-Za-z][\w.-]*://(?:(?!\+[A-Za-z][\w.-]*://)[^,])*")
_UPDATE_LOCK = ".update.lock"


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
    check_name(path, path.name)
    place = cache_folder(path, "copies")
    content = place / "content" / path.name
    wanted = _something_there(path)
    with room_for_copy(path, place):
        place.mkdir(parents=True, exist_ok=True)
        reading = _open_lock(place / LOCK_FILE, locks)
        # One process at a time compares and updates: one that had to wait for another finds the
        # copy up to date, and does not wait for the other to end its reading, too.
        with contextlib.ExitStack() as turn:
            _lock(_open_lock(place / _UPDATE_LOCK, turn), fcntl.LOCK_EX, path)
            for _ in range(ROUNDS):
                _lock(reading, fcntl.LOCK_SH, path)
                if files_here(content) == wanted:
                    return content
                _lock(reading, fcntl.LOCK_EX, path)
                update(path, content, wanted, place / "partial")
                # What changed there meanwhile shows in the next round.
                wanted = _something_there(path)
    raise changes_error(path)


def _something_there(path: UrlPath) -> dict[str, FileFacts]:
    if found := files_there(path):
        return found
    raise InputError(f"there is no {path}, or nothing in it: check the address.")


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
