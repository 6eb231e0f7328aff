"""All files below a folder, from one walk over it, and the folders that could not be listed."""

import dataclasses
import heapq
import os
import re
from pathlib import Path

from bsp_tf.base.remote_path import AnyPath, UrlPath, given_path

# A file or folder that is hidden, or what some programs leave in a bucket for an empty folder.
_HIDDEN = re.compile(r"(^|/)\.|/$")


VIDEO_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        "3gp asf avi divx f4v flv gif m2ts m2v m4v mjpeg mkv mov mp4 mpeg mpg mts mxf ogv rm rmvb "
        "ts vob webm wmv y4m"
    ).split()
)


@dataclasses.dataclass
class FileListing:
    """The files below a folder.

    Attributes:
        paths: relative, with "/", sorted; hidden files and folders are left out.
        faults: (folder, reason) of folders that could not be listed.
    """

    paths: list[str]
    faults: list[tuple[str, str]]


def list_files(root: AnyPath) -> FileListing:
    """Lists all files below a folder, each folder read once and no file looked at.

    Links to folders are followed, but not to a folder that is listed already or lies above `root`:
    links that lead to each other would give every file countless names. Links, pipes and devices
    count as files: what cannot be read as a video is for the caller to list.

    Raises:
        InputError: a folder on a server that does not list it.
    """
    where = given_path(root)
    if isinstance(where, UrlPath):
        found = where.files_below()
        return FileListing(sorted(path for path in found if not _HIDDEN.search(path)), [])
    root = Path(str(where))
    paths: list[str] = []
    faults: list[tuple[str, str]] = []
    listed = {_identity(folder) for folder in Path(os.path.realpath(root)).parents}
    folders: list[str] = [""]
    links: list[str] = []
    while folders or links:
        # Links last, so that a folder has its own name and not that of a link to it.
        folder = folders.pop() if folders else heapq.heappop(links)
        try:
            identity = _identity(os.path.join(root, folder))
            if identity in listed:
                faults.append((folder, "a link to a folder that is read without it, not followed"))
                continue
            listed.add(identity)
            with os.scandir(os.path.join(root, folder)) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    relative = f"{folder}/{entry.name}" if folder else entry.name
                    if not entry.is_dir():
                        paths.append(relative)
                    elif entry.is_symlink():
                        heapq.heappush(links, relative)
                    else:
                        folders.append(relative)
        except OSError as error:
            faults.append((folder or ".", f"cannot list this folder: {error.strerror}"))
    return FileListing(sorted(paths), sorted(faults))


def _identity(folder: str | os.PathLike) -> tuple[int, int]:
    """What two names of one folder share."""
    about = os.stat(folder)
    return about.st_dev, about.st_ino
