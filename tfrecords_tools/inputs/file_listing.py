"""What lies in a folder, from one walk over it, and which of its files a name means."""

import dataclasses
import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from bsp_tf.base.errors import InputError

VIDEO_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        "3gp asf avi divx f4v flv gif m2ts m2v m4v mjpeg mkv mov mp4 mpeg mpg mts mxf ogv rm rmvb "
        "ts vob webm wmv y4m"
    ).split()
)
TIMES = re.compile(r"_\d+_\d+$")
MAX_CANDIDATES = 3


@dataclasses.dataclass
class FileListing:
    """The files below a folder.

    Attributes:
        paths: relative, with "/", sorted; hidden files and folders are left out.
        faults: (folder, reason) of folders that could not be listed.
    """

    paths: list[str]
    faults: list[tuple[str, str]]


def existing_folder(root: str | os.PathLike, flag: str) -> Path:
    """Returns `root`.

    Raises:
        InputError: it is no folder; the message names the flag.
    """
    root = Path(root)
    if not root.is_dir():
        fault = "is no folder" if root.exists() else "does not exist"
        raise InputError(f"{flag.removeprefix('--')} folder {root} {fault}; check {flag}.")
    return root


def list_files(root: str | os.PathLike) -> FileListing:
    """Lists all files below a folder, each folder read once and no file looked at.

    Links to folders are followed, but not to a folder above themselves. Links, pipes and devices
    count as files: what cannot be read as a video is for the caller to list.
    """
    paths, faults, waiting = [], [], [""]
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


def by_stem(paths: Iterable[str]) -> dict[str, list[str]]:
    """Stem -> files. Downloaders leave double suffixes (`x.mp4.webm`, `x.f137.mp4`), so `x` finds
    those too.
    """
    stems: dict[str, list[str]] = {}
    for path in paths:
        stem = path[path.rfind("/") + 1 :].rpartition(".")[0] or path[path.rfind("/") + 1 :]
        stems.setdefault(stem, []).append(path)
        if "." in stem:
            stems.setdefault(stem.partition(".")[0], []).append(path)
    return stems


def prefer_videos(paths: list[str]) -> list[str]:
    """Of several files those with a video's suffix, if there are any: downloaders put .json, .jpg,
    .part beside.
    """
    if len(paths) < 2:
        return paths
    videos = [path for path in paths if os.path.splitext(path)[1].lower() in VIDEO_SUFFIXES]
    return videos or paths


def describe_absent(names: Collection[str], paths: Iterable[str]) -> dict[str, str]:
    """Why names matched no file: there is none, and the nearest, of the same stem but for case,
    suffix, folder, times.

    Returns:
        {name: reason for the list of failures}.
    """
    near: dict[str, list[str]] = {_core(name): [] for name in names}
    if near:
        for path in paths:
            fitting = near.get(_core(path))
            if fitting is not None:
                fitting.append(path)
    return {name: _describe(near[_core(name)]) for name in names}


def _core(path: str) -> str:
    stem = path[path.rfind("/") + 1 :].partition(".")[0]
    return TIMES.sub("", stem).casefold().removeprefix("v_")


def _describe(near: list[str]) -> str:
    if not near:
        return "no such file"
    more = f" and {len(near) - MAX_CANDIDATES} more" if len(near) > MAX_CANDIDATES else ""
    return f"no such file; nearest: {', '.join(near[:MAX_CANDIDATES])}{more}"


def _is_loop(root: str | os.PathLike, link: str) -> bool:
    """Whether a link leads to a folder that the walk is in, by whatever way, or to one above it."""
    target = os.path.realpath(os.path.join(root, link))
    above = [os.path.realpath(os.path.join(root, parent)) for parent in Path(link).parents]
    return any(os.path.commonpath([target, folder]) == target for folder in above)
