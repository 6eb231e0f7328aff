"""Forms with a file for each video, which is named after it: a file or a folder to one table."""

import os
from collections.abc import Callable
from pathlib import Path

from bsp_tf.base.errors import InputError
from bsp_tf.exchange.table import Known, Segment, Table, Video, VideoFacts, table_of
from bsp_tf.video.folder_listing import list_files

# Of a file's name, in most file systems.
_MOST_BYTES = 255

# A file -> its segments, and notes on what was left out.
ReadVideo = Callable[[str], tuple[list[Segment], list[str]]]


def reader_of(read_video: ReadVideo, suffix: str) -> Callable[[str, Known], Table]:
    """A function that reads one file, or all files of a folder whose names end with `suffix`.

    It raises InputError if two files are of one video, besides what `read_video` raises.
    """

    def read(path: str, known: Known) -> Table:
        found: dict[str, Path] = {}
        for file in _files(path, suffix):
            video_id = file.name.removesuffix(file.suffix)
            if video_id in found:
                raise InputError(
                    f"{found[video_id]} and {file} are of one video: remove one of them."
                )
            found[video_id] = file
        videos: list[Video] = []
        notes: list[str] = []
        for video_id, file in found.items():
            segments, left_out = read_video(str(file))
            facts = known.complete(video_id, VideoFacts())
            videos.append(Video(video_id, tuple(segments), facts, f"{file}: video {video_id!r}"))
            notes += left_out
        return table_of(videos, notes)

    return read


def file_name(video: Video, suffix: str) -> str:
    """The name of a video's file.

    Raises:
        InputError: the id of the video cannot be part of one.
    """
    name = video.video_id + suffix
    # list_files leaves hidden files out.
    if os.sep in name or "\0" in name or name.startswith(".") or len(name.encode()) > _MOST_BYTES:
        raise InputError(
            f"{video.place or repr(video.video_id)}: {name!r} is no name for a file; rename the "
            "video, or choose a form with one file for all videos."
        )
    return name


def _files(path: str, suffix: str) -> list[Path]:
    if not Path(path).is_dir():
        return [Path(path)]
    return [Path(path, name) for name in list_files(path).paths if name.lower().endswith(suffix)]
