"""All files below a folder, from one walk over it, and the folders that could not be listed."""

import dataclasses
import os
from pathlib import Path


@dataclasses.dataclass
class FileListing:
    """The files below a folder.

    Attributes:
        paths: relative, with "/", sorted; hidden files and folders are left out.
        faults: (folder, reason) of folders that could not be listed.
    """

    paths: list[str]
    faults: list[tuple[str, str]]


def list_files(root: str | os.PathLike) -> FileListing:
    """Lists all files below a folder, each folder read once and no file looked at.

    Links to folders are followed, but not to a folder above themselves. Links, pipes and devices
    count as files: what cannot be read as a video is for the caller to list.
    """
    paths: list[str] = []
    faults: list[tuple[str, str]] = []
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    relative = f"{folder}/{entry.name}" if folder else entry.name
                    if not entry.is_dir():
                        paths.append(relative)
                    elif entry.is_symlink() and _is_loop(root, relative):
                        faults.append((relative, "a link to a folder above it, not followed"))
                    else:
                        waiting.append(relative)
        except OSError as error:
            faults.append((folder or ".", f"cannot list this folder: {error.strerror}"))
    return FileListing(sorted(paths), sorted(faults))


def _is_loop(root: str | os.PathLike, link: str) -> bool:
    """Whether a link leads to a folder that the walk is in, by whatever way, or to one above it."""
    target = os.path.realpath(os.path.join(root, link))
    above = [os.path.realpath(os.path.join(root, parent)) for parent in Path(link).parents]
    return any(os.path.commonpath([target, folder]) == target for folder in above)
