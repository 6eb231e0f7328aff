"""Reads temporal annotations in the ActivityNet JSON form (THUMOS14 ground truth uses it too).
NumPy only.

    {"version", "taxonomy", "database": {id: {"subset", "duration", "fps",
                                              "annotations": [{"segment": [start, end], "label"}]}}}

G-TAD's and BMN's files have no more than the inner object, {id: {"duration_second",
"duration_frame", "feature_frame", "annotations"}}, and are read too; they name no subsets, for
which there is a second file, and lose the "v_" of their ids. Several files are given side by side,
"anno.json,video_info.csv": see bsp_tf.annotations.tables for the CSVs. Other keys are ignored.
Numbers may be written as strings, as in the THUMOS14 files. What is wrong in form is an InputError
with the file, the video and the key; what is odd in substance is mended, counted and reported:

    clamped       ends after the video or starts before 0: cut to [0, duration]
    outside       begins at or after the end of the video, or ends before 0: left out
    reversed      ends before it starts: left out, since nobody can tell what was meant
    zero_length   starts where it ends: kept (ActivityNet has 12 of them; they still mark a start and an end)
"""

import dataclasses
import gzip
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from bsp_tf.annotations.tables import read_table
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json

ODDITIES = {
    "clamped": "cut to the video's duration",
    "outside": "outside the video, left out",
    "reversed": "end before start, left out",
    "zero_length": "of zero length, kept",
}


@dataclasses.dataclass(frozen=True)
class VideoAnnotation:
    """The action instances of one untrimmed video.

    Attributes:
        duration_seconds: Length of the video; None where the file does not say (THUMOS14).
        fps: Frames a second, also from "duration_frame" or "frame" and the duration; None where the
            file does not say.
        segments: float64 [n, 2], start and end in seconds, within [0, duration].
        labels: n class names.
        subset: e.g. "training"; "" where the file does not say.
        covered_seconds: How far the public features of G-TAD and BMN reach, "feature_frame" /
            "duration_frame" * "duration_second"; None where the file does not say.
    """

    duration_seconds: float | None
    fps: float | None
    segments: np.ndarray
    labels: list[str]
    subset: str
    covered_seconds: float | None = None


class Annotations(dict[str, VideoAnnotation]):
    """Video id -> VideoAnnotation, in the order of the file.

    Attributes:
        oddities: For each kind of `ODDITIES`, the ids of the videos concerned, one entry a segment.
    """

    def __init__(self) -> None:
        super().__init__()
        self.oddities: dict[str, list[str]] = {kind: [] for kind in ODDITIES}

    def warnings(self) -> list[str]:
        """One line for each kind of oddity that was met: how many segments, and the first few
        videos.
        """
        lines = []
        for kind, video_ids in self.oddities.items():
            if video_ids:
                some = list(dict.fromkeys(video_ids))
                names = ", ".join(some[:3]) + (", ..." if len(some) > 3 else "")
                lines.append(f"{len(video_ids)} annotated segments {ODDITIES[kind]} ({names})")
        return lines


def load_annotations(path: str | os.PathLike, subset: str | None = None) -> Annotations:
    """Reads the annotations of all videos, or of one subset.

    Args:
        path: JSON file, or JSON packed by gzip (name ends in .gz).
        subset: "training", "validation", ...; None for all.

    Returns:
        Annotations; see the module docstring for what is mended and counted.

    Raises:
        InputError: the file is missing or malformed, or has no video of that subset.
    """
    annotations = Annotations()
    known: set[str] = set()
    for where, video_id, entry, entry_subset in _entries(annotation_files(path)):
        if not isinstance(entry, dict):
            raise InputError(
                f'{where}: expected an object with "annotations", got {_short(entry)}.'
            )
        entry_subset = entry.get("subset", entry_subset)
        if not isinstance(entry_subset, str):
            raise InputError(f'{where}: "subset" must be a string, got {_short(entry_subset)}.')
        known.add(entry_subset)
        if subset is None or entry_subset == subset:
            annotations[video_id] = _read_video(
                where, video_id, entry, entry_subset, annotations.oddities
            )
    if subset is not None and not annotations:
        hint = (
            f"; its subsets: {sorted(known)}."
            if any(known)
            else (
                ' and names no subsets at all: give a CSV with the columns "video" and "subset" beside it, as in '
                "anno.json,video_info.csv."
            )
        )
        raise InputError(f"{path} has no video of subset {subset!r}{hint}")
    return annotations


def annotation_files(path: str | os.PathLike) -> list[str]:
    """The files that a path means: itself, or, where there is no such file, its parts between
    commas.
    """
    text = str(path)
    return (
        [text]
        if os.path.exists(text)
        else [part.strip() for part in text.split(",") if part.strip()] or [text]
    )


def _entries(paths: list[str]) -> list[tuple[str, str, Any, str]]:
    """(where it stands, video id, its object, its subset by the tables or "") of all files."""
    subsets: dict[str, str] = {}
    found: dict[str, tuple[str, Any]] = {}
    for path in paths:
        if path.endswith(".csv"):
            database, of_table = read_table(path)
            subsets |= of_table
        else:
            database = _database(path)
        for video_id, entry in database.items():
            if video_id in found:
                raise InputError(
                    f"{path}, video {video_id!r}: {found[video_id][0]} has it, too. Give each "
                    "video once."
                )
            found[video_id] = f"{path}, video {video_id!r}", entry
    if subsets and not found:
        raise InputError(
            f"{','.join(paths)} tells subsets only: give the annotations JSON beside it."
        )
    return [
        (where, video_id, entry, subsets.get(video_id, subsets.get(f"v_{video_id}", "")))
        for video_id, (where, entry) in found.items()
    ]


def _database(path: str) -> dict[str, Any]:
    content = _read(path)
    database = (
        content.get("database", _bare_database(content)) if isinstance(content, dict) else None
    )
    if not isinstance(database, dict):
        raise InputError(
            f'{path} has no "database" object: write it in the ActivityNet annotation form.'
        )
    return database


def _bare_database(content: dict) -> dict | None:
    """The content itself if it holds nothing but annotated videos; without "v_", which only these
    files carry.
    """
    entries = content.values()
    if not entries or not all(
        isinstance(entry, dict) and "annotations" in entry for entry in entries
    ):
        return None
    if not all(video_id.startswith("v_") for video_id in content):
        return content
    return {video_id.removeprefix("v_"): entry for video_id, entry in content.items()}


def _read(path: str | os.PathLike) -> Any:
    if not str(path).endswith(".gz"):
        return read_json(path)
    try:
        return json.loads(gzip.decompress(Path(path).read_bytes()))
    except gzip.BadGzipFile as error:
        raise InputError(
            f"{path} is not a gzip file: unpack it or remove .gz from its name."
        ) from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}. Check the path.") from error
    except (EOFError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid gzipped JSON ({error}). Write it anew.") from error


def _read_video(
    where: str, video_id: str, entry: dict, subset: str, oddities: dict[str, list[str]]
) -> VideoAnnotation:
    duration = _positive(where, "duration", entry.get("duration", entry.get("duration_second")))
    fps = _positive(where, "fps", entry.get("fps"))
    num_frames = _positive(where, "duration_frame", entry.get("duration_frame", entry.get("frame")))
    covered_frames = _positive(where, "feature_frame", entry.get("feature_frame"))
    covered = None
    if duration and num_frames:
        fps = fps or num_frames / duration
        covered = covered_frames and covered_frames / num_frames * duration
    rows = entry.get("annotations")
    if not isinstance(rows, list):
        raise InputError(f'{where}: "annotations" must be a list, got {_short(rows)}.')
    segments, labels = [], []
    for i, row in enumerate(rows):
        place = f"{where}, annotation {i}"
        start, end, label = _read_instance(place, row)
        kept, kind = _fit(start, end, duration)
        if kind:
            oddities[kind].append(video_id)
        if kept is not None:
            segments.append(kept)
            labels.append(label)
    return VideoAnnotation(
        duration, fps, np.array(segments, np.float64).reshape(-1, 2), labels, subset, covered
    )


def _read_instance(place: str, row: Any) -> tuple[float, float, str]:
    if not isinstance(row, dict):
        raise InputError(
            f'{place}: expected an object with "segment" and "label", got {_short(row)}.'
        )
    segment, label = row.get("segment"), row.get("label")
    if not isinstance(segment, list) or len(segment) != 2:
        raise InputError(
            f'{place}: "segment" must be [start, end] in seconds, got {_short(segment)}.'
        )
    if not isinstance(label, str) or not label:
        raise InputError(f'{place}: "label" must be a class name, got {_short(label)}.')
    return _number(place, "segment", segment[0]), _number(place, "segment", segment[1]), label


def _fit(
    start: float, end: float, duration: float | None
) -> tuple[tuple[float, float] | None, str]:
    """The segment inside the video (None: left out) and the kind of oddity ("" for none)."""
    limit = math.inf if duration is None else duration
    if end < start:
        return None, "reversed"
    if start >= limit or end < 0:
        return None, "outside"
    if start < 0 or end > limit:
        return (max(start, 0.0), min(end, limit)), "clamped"
    return (start, end), "zero_length" if start == end else ""


def _number(where: str, key: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f'{where}: "{key}" must be a finite number, got {_short(value)}.')
    return number


def _positive(where: str, key: str, value: Any) -> float | None:
    if value is None:
        return None
    number = _number(where, key, value)
    if number <= 0:
        raise InputError(f'{where}: "{key}" must be above 0, got {_short(value)}.')
    return number


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
