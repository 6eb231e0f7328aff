"""Which videos a path names, and the id of each, under which its features are stored.

The id is the file name without suffix; where two files would get the same id, theirs are the paths
below the folder with the suffix, "/" written "__". But subtitles, pictures and whatever else has no
suffix of a video never take the name from a video beside them. An id too long for the names of its
feature files is cut, and ends in a digest of the whole.
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import refuse_special_file
from bsp_tf.base.remote_path import AnyPath, UserPath, given_path, is_in_web
from bsp_tf.video.folder_listing import VIDEO_SUFFIXES, list_files

# File systems take names of 255 bytes; the longest suffix of a feature file is ".json".
MOST_BYTES = 250


def name_videos(videos: AnyPath, remedy: str = "check --videos") -> dict[str, UserPath]:
    """The id and path of every video below a folder, or of one file.

    Folders that cannot be listed are named on stderr.

    Raises:
        InputError: no such folder or file, no file in it, or two files that get the same id even
            so.
    """
    root = given_path(videos)
    # A web server knows of files only, and says what is not there when it is asked for it.
    if is_in_web(root) or root.is_file():
        return {_fitting(printable(root.stem)): root}
    if not root.is_dir():
        if isinstance(root, Path):
            refuse_special_file(root)
        raise InputError(f"{root} does not exist; {remedy}.")
    listing = list_files(root)
    if "." in dict(listing.faults):
        raise InputError(f"cannot read {root}: {dict(listing.faults)['.']}; {remedy}.")
    for folder, reason in listing.faults:
        print(f"warning: {root / folder}: {reason}", file=sys.stderr)
    if not listing.paths:
        raise InputError(f"no video found: folder {root} is empty; {remedy}.")
    stems = Counter(Path(path).stem for path in listing.paths)
    of_videos = Counter(Path(path).stem for path in filter(_is_video, listing.paths))
    named: dict[str, UserPath] = {}
    for path in listing.paths:
        stem = Path(path).stem
        alone = of_videos[stem] == 1 if _is_video(path) else stems[stem] == 1
        name = _fitting(printable(stem if alone else path.replace("/", "__")))
        if name in named:
            raise InputError(
                f"{named[name]} and {root / path} would both get the id {name!r}; rename one of "
                "them."
            )
        named[name] = root / path
    return named


def name_all_videos(paths: Sequence[AnyPath]) -> dict[str, UserPath]:
    """The same of several folders and files; a file that is named twice counts once.

    Raises:
        InputError: no path is given, one is not there, or two files would get the same id.
    """
    if not paths:
        raise InputError("no video is given: name video files, or folders of them.")
    named: dict[str, UserPath] = {}
    for path in paths:
        for name, file in name_videos(path, "check the path").items():
            other = named.setdefault(name, file)
            if _resolved(other) != _resolved(file):
                raise InputError(
                    f"{other} and {file} would both get the id {name!r}; rename one of them, or "
                    "give the folder that holds both."
                )
    return named


def _is_video(path: str) -> bool:
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def _resolved(path: UserPath) -> UserPath:
    return path.resolve() if isinstance(path, Path) else path


def _fitting(name: str) -> str:
    """The name, or its start and a digest if it leaves no room for ".json"."""
    encoded = name.encode()
    if len(encoded) <= MOST_BYTES:
        return name
    start = encoded[: MOST_BYTES - 17].decode("utf-8", "ignore")
    return f"{start}-{hashlib.sha256(encoded).hexdigest()[:16]}"


def printable(name: str) -> str:
    """A file name, its bytes that are not UTF-8 spelled out: as JSON and terminals need it."""
    return name.encode("utf-8", "backslashreplace").decode()
