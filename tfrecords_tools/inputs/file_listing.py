"""Which of the files of a folder a name means, and what is said of a name that fits none."""

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import AnyPath, UserPath, given_path, is_in_web

VIDEO_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        "3gp asf avi divx f4v flv gif m2ts m2v m4v mjpeg mkv mov mp4 mpeg mpg mts mxf ogv rm rmvb "
        "ts vob webm wmv y4m"
    ).split()
)
TIMES = re.compile(r"_\d+_\d+$")
MAX_CANDIDATES = 3


def existing_folder(root: AnyPath, flag: str) -> UserPath:
    """Returns `root`.

    Raises:
        InputError: it is not a folder; the message names the flag.
    """
    root = given_path(root)
    if not root.is_dir():
        fault = "is not a folder" if is_there(root) else "does not exist"
        raise InputError(f"{flag.removeprefix('--')} folder {root} {fault}; check {flag}.")
    return root


def is_folder(path: UserPath) -> bool:
    """Whether an input is a folder; on a web server there are only files."""
    return not is_in_web(path) and path.is_dir()


def is_there(path: UserPath) -> bool:
    """Whether there is such a file or folder; of a web server that shows when it is read."""
    return is_in_web(path) or path.is_file() or (isinstance(path, Path) and path.exists())


def by_stem(paths: Iterable[str]) -> dict[str, list[str]]:
    """Stem -> files; a file with two suffixes, as downloaders leave them, has two stems.

    >>> by_stem(["a/x.f137.mp4"])
    {'x.f137': ['a/x.f137.mp4'], 'x': ['a/x.f137.mp4']}
    """
    stems: dict[str, list[str]] = {}
    for path in paths:
        stem = path[path.rfind("/") + 1 :].rpartition(".")[0] or path[path.rfind("/") + 1 :]
        stems.setdefault(stem, []).append(path)
        if "." in stem:
            stems.setdefault(stem.partition(".")[0], []).append(path)
    return stems


def prefer_videos(paths: list[str]) -> list[str]:
    """Of several files those with a video's suffix, if any: downloaders add .json, .jpg, .part."""
    if len(paths) < 2:
        return paths
    videos = [path for path in paths if os.path.splitext(path)[1].lower() in VIDEO_SUFFIXES]
    return videos or paths


def describe_absent(names: Collection[str], paths: Iterable[str]) -> dict[str, str]:
    """Why names matched no file, with the nearest ones.

    Near are files of the same stem but for case, suffix, folder and times.

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
