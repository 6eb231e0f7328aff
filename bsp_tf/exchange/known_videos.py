"""Frame rates, durations, subsets and files of videos, from what a user has of them.

a folder of videos        their headers
a folder of features      its metadata.json
annotations               JSON or CSV, see `bsp_tf.annotations.reader`
a CSV table               columns "video", and "fps", "duration" or "seconds", "subset"
"""

import sys
from pathlib import Path
from typing import Any

from bsp_tf.annotations.reader import annotation_files, read_entries
from bsp_tf.annotations.tables import is_table, read_rows
from bsp_tf.base.json_file import read_json_object
from bsp_tf.exchange import checks
from bsp_tf.exchange.table import VideoFacts
from bsp_tf.features.store import METADATA_FILE
from bsp_tf.features.video_ids import name_videos


def load_known(path: str) -> dict[str, VideoFacts]:
    """Id -> facts of all videos that a path knows of. Videos that cannot be opened are named on
    stderr.

    Raises:
        InputError: the path is missing or malformed.
    """
    if Path(path, METADATA_FILE).is_file():
        return _of_features(Path(path, METADATA_FILE))
    if Path(path).is_dir():
        return _of_videos(path)
    files = annotation_files(path)
    if len(files) == 1 and is_table(files[0]) and (rows := _rows(files[0])):
        return rows
    return {
        entry.video_id: VideoFacts(entry.duration_seconds, entry.fps, entry.subset)
        for entry in read_entries(path).videos
    }


def _of_features(path: Path) -> dict[str, VideoFacts]:
    videos = checks.as_object(read_json_object(path, "videos")["videos"], f"{path}: 'videos'")
    return {
        name: _facts(checks.as_object(about, f"{path}: video {name!r}"), f"{path}: video {name!r}")
        for name, about in videos.items()
    }


def _facts(about: dict[str, Any], place: str) -> VideoFacts:
    return VideoFacts(
        checks.as_positive(about.get("duration_seconds"), f"{place}: 'duration_seconds'"),
        checks.as_positive(about.get("fps"), f"{place}: 'fps'"),
    )


def _of_videos(folder: str) -> dict[str, VideoFacts]:
    from bsp_tf.video.reader import probe_video
    from bsp_tf.video.stream import VideoError

    known = {}
    for video_id, path in name_videos(folder).items():
        try:
            info = probe_video(path)
        except VideoError as error:
            print(f"warning: {error}", file=sys.stderr)
            continue
        media = Path(str(path)).relative_to(folder).as_posix()
        known[video_id] = VideoFacts(info.duration_seconds or None, info.fps, media=media)
    return known


def _rows(path: str) -> dict[str, VideoFacts]:
    """Facts out of a table of videos; none if it has other columns."""
    rows = read_rows(path)
    columns = set(rows[0]) if rows else set()
    if "video" not in columns or not columns & {"fps", "duration", "seconds"}:
        return {}
    known = {}
    for number, row in enumerate(rows, start=1):
        place = f"{path}, row {number} below the header"
        duration = _number(row.get("duration") or row.get("seconds"), f"{place}: its duration")
        fps = _number(row.get("fps"), f"{place}: 'fps'")
        known[row["video"]] = VideoFacts(duration, fps, row.get("subset") or "")
    return known


def _number(text: str | None, what: str) -> float | None:
    return checks.as_positive(checks.parse_number(text, what), what) if text else None
