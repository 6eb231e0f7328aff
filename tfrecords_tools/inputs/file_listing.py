"""Which of the files of a folder a name means, and what is said of a name that fits none."""

import bisect
import os
import re
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import AnyPath, UserPath, given_path, is_in_web
from bsp_tf.video.folder_listing import VIDEO_SUFFIXES

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


class FilesByStem(Mapping[str, list[str]]):
    """Stem -> files; a file with two suffixes, as downloaders leave them, has two stems.

    Beside the paths it takes 16 bytes a file: stems are found by their hashes.

    >>> dict(FilesByStem(["a/x.f137.mp4"]))
    {'x.f137': ['a/x.f137.mp4'], 'x': ['a/x.f137.mp4']}
    """

    def __init__(self, paths: Sequence[str]) -> None:
        """Sorts the stems; `paths` is kept, not copied."""
        self._paths = paths
        hashes, files = array("q"), array("q")
        for number, path in enumerate(paths):
            for stem in _stems(path):
                hashes.append(hash(stem))
                files.append(number)
        order = np.argsort(np.frombuffer(hashes, np.int64), kind="stable")
        self._hashes = array("q", np.frombuffer(hashes, np.int64)[order].tobytes())
        self._files = array("q", np.frombuffer(files, np.int64)[order].tobytes())

    def __getitem__(self, stem: str) -> list[str]:
        paths = [self._paths[number] for number in self._with_hash_of(stem)]
        paths = [path for path in paths if stem in _stems(path)]
        if not paths:
            raise KeyError(stem)
        return paths

    def number_of(self, path: str) -> int:
        """The position of one of the paths among all of them."""
        numbers = self._with_hash_of(_stems(path)[0])
        return next(number for number in numbers if self._paths[number] == path)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(stem for path in self._paths for stem in _stems(path)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _with_hash_of(self, stem: str) -> Sequence[int]:
        begin = bisect.bisect_left(self._hashes, hash(stem))
        return self._files[begin : bisect.bisect_right(self._hashes, hash(stem), begin)]


def _stems(path: str) -> tuple[str, ...]:
    name = path[path.rfind("/") + 1 :]
    stem = name.rpartition(".")[0] or name
    return (stem, stem.partition(".")[0]) if "." in stem else (stem,)


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
