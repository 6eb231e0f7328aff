"""Tables from files, and to files, in any form."""

import os
from dataclasses import replace
from pathlib import Path

from bsp_tf.base.atomic_file import atomic_folder, atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.folder_listing import list_files
from bsp_tf.exchange.formats import FORMATS, Format
from bsp_tf.exchange.table import Known, Table, Video, VideoFacts, table_of

# Of a file's name, in most file systems.
_MOST_BYTES = 255


def read_table(path: str, form_name: str, known: Known) -> Table:
    """Reads a file, or of forms with a file for each video also a folder of them.

    Args:
        path: Its name; for annotations of this project several with commas between them.
        form_name: A key of `FORMATS`.
        known: What files may leave open.

    Raises:
        InputError: a file is missing or malformed, or holds no video.
    """
    form = FORMATS[form_name]
    table = form.read(path, known) if form.read else _read_videos(path, form, known)
    if not table.videos:
        reasons = "".join(f"; {note}" for note in table.notes)
        raise InputError(f"{path} holds no video with segments, as {form.title}{reasons}.")
    return table


def write_table(table: Table, path: str, form_name: str) -> int:
    """Writes a file, or of forms with a file for each video a new folder of them.

    Returns:
        The number of files.

    Raises:
        InputError: the form cannot hold a segment or the id of a video, or the file cannot be
            written there; nothing is written then.
    """
    form = FORMATS[form_name]
    if form.read:
        text = form.write(table)
        with atomic_write(path, "w") as file:
            file.write(text)
        return 1
    texts = {
        _file_name(video, form): form.write(replace(table, videos=(video,)))
        for video in table.videos
    }
    with atomic_folder(path) as folder:
        for name, text in texts.items():
            (folder / name).write_bytes(text.encode())
    return len(texts)


def _read_videos(path: str, form: Format, known: Known) -> Table:
    if form.read_video is None:
        raise ValueError(f"{form.title} has no file for each video")
    found: dict[str, str] = {}
    for file in _files(path, form.suffix):
        video_id = file.name.removesuffix(file.suffix)
        if video_id in found:
            raise InputError(f"{found[video_id]} and {file} are of one video: remove one of them.")
        found[video_id] = str(file)
    videos: list[Video] = []
    notes: list[str] = []
    for video_id, file in found.items():
        segments, left_out = form.read_video(file)
        facts = known.complete(video_id, VideoFacts())
        videos.append(Video(video_id, tuple(segments), facts, f"{file}: video {video_id!r}"))
        notes += left_out
    return table_of(videos, notes)


def _files(path: str, suffix: str) -> list[Path]:
    if not Path(path).is_dir():
        return [Path(path)]
    return [Path(path, name) for name in list_files(path).paths if name.lower().endswith(suffix)]


def _file_name(video: Video, form: Format) -> str:
    name = video.video_id + form.suffix
    # list_files leaves hidden files out.
    if os.sep in name or "\0" in name or name.startswith(".") or len(name.encode()) > _MOST_BYTES:
        raise InputError(
            f"{video.place or repr(video.video_id)}: {name!r} is no name for a file; rename the "
            "video, or choose a form with one file for all videos."
        )
    return name
