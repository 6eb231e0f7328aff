"""The one reader of temporal annotations: ActivityNet's JSON, G-TAD's and BMN's, and CSV tables.

    {"database": {id: {"subset", "duration", "fps",                          ActivityNet, THUMOS14
                       "annotations": [{"segment": [start, end], "label"}]}}}
    {"v_" + id: {"duration_second", "duration_frame", "feature_frame",       G-TAD, BMN
                 "annotations": [the same]}}

G-TAD's files name no subsets, for which there is a second file, and lose the "v_" of their ids.
Several files are given side by side, "anno.json,video_info.csv"; `bsp_tf.annotations.tables`
describes the CSVs. Any file may be gzipped. Numbers may be written as strings, as in the THUMOS14
files.

What is wrong in form is an InputError with the file, the video and the key. What is odd in
substance is marked, and the caller decides: `bsp_tf.annotations.mended` mends and counts for
training, `bsp_tf.evaluation.ground_truth` takes segments as they are written. NumPy is not needed.
"""

import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bsp_tf.annotations.tables import is_table, read_table
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json, show_value

# Marks of a segment: it is cut off by the ends of the video, lies outside, ends before it starts,
# or ends where it starts (ActivityNet has 12 of these).
CLAMPED, OUTSIDE, REVERSED, ZERO_LENGTH = "clamped", "outside", "reversed", "zero_length"
# 30 years: beyond it a time is a mistake, and lengths would begin to lose their fractions.
LONGEST_SECONDS = 1e9
# The numbers of a video, and the keys that they have in one file or another.
_NUMBERS = {
    "duration": ("duration", "duration_second"),
    "fps": ("fps",),
    "frames": ("duration_frame", "frame"),
    "covered": ("feature_frame",),
}


@dataclass(frozen=True)
class Instance:
    """One annotated action.

    Attributes:
        segment: Start and end in seconds, as the file has them.
        label: Class name.
        fault: One of the marks above; "" for none.
    """

    segment: tuple[float, float]
    label: str
    fault: str = ""


@dataclass(frozen=True)
class VideoEntry:
    """What a file says of one video; None or "" where it does not say.

    Attributes:
        video_id: Its id.
        place: File and video, for messages.
        subset: E.g. "training".
        duration_seconds: Length of the video.
        fps: Frames per second, also from "duration_frame" or "frame" and the duration.
        covered_seconds: How far the public features of G-TAD and BMN reach, "feature_frame" /
            "duration_frame" * "duration_second".
        instances: The actions, in the order of the file.
        faults: What is wrong with the numbers of the video itself, which are None then.
        extra: All else that the file has for the video, e.g. the sample data's "joints".
    """

    video_id: str
    place: str
    subset: str
    duration_seconds: float | None
    fps: float | None
    covered_seconds: float | None
    instances: tuple[Instance, ...]
    faults: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entries:
    """The videos of the wanted subset, and how many videos each subset of the files has."""

    videos: tuple[VideoEntry, ...]
    subset_sizes: Mapping[str, int]


def read_entries(path: str | os.PathLike, subset: str | None = None) -> Entries:
    """Reads the annotations of all videos, or of one subset.

    Args:
        path: A file, or several with commas between them.
        subset: "training", "validation", ...; None for all. Of other subsets' videos no more than
            the subset is looked at.

    Raises:
        InputError: a file is missing or malformed, or a video is there twice.
    """
    videos, sizes = [], Counter[str]()
    for place, video_id, entry, table_subset in _raw_entries(annotation_files(path)):
        if not isinstance(entry, dict):
            raise InputError(f"{place} is {show_value(entry)}; write an object with 'annotations'.")
        own_subset = entry.get("subset", table_subset)
        if not isinstance(own_subset, str):
            raise InputError(f"{place}: 'subset' is {show_value(own_subset)}; write its name.")
        sizes[own_subset] += 1
        if subset is None or own_subset == subset:
            videos.append(_read_video(place, video_id, entry, own_subset))
    return Entries(tuple(videos), sizes)


def describe_subsets(sizes: Mapping[str, int]) -> str:
    """What to say when the wanted subset is not among those that are there."""
    if sizes and not any(sizes):
        return (
            'it names no subsets at all: give a CSV with the columns "video" and "subset" beside '
            "it, as in anno.json,video_info.csv"
        )
    names = ", ".join(f"{name!r} ({count} videos)" for name, count in sorted(sizes.items()))
    return f"it has {names or 'no video at all'}"


def annotation_files(path: str | os.PathLike) -> list[str]:
    """The files that a path means: itself, or if there is none, its parts between commas."""
    text = str(path)
    if os.path.exists(text):
        return [text]
    return [part.strip() for part in text.split(",") if part.strip()] or [text]


def _raw_entries(paths: list[str]) -> list[tuple[str, str, Any, str]]:
    """(place, video id, its object, its subset by the tables or "") of all files."""
    subsets: dict[str, str] = {}
    found: dict[str, tuple[str, Any]] = {}
    for path in paths:
        if is_table(path):
            database, table_subsets = read_table(path)
            subsets |= table_subsets
        else:
            database = _read_database(path)
        for video_id, entry in database.items():
            if video_id in found:
                raise InputError(
                    f"{path}: video {video_id!r} is also there as {found[video_id][0]}. Give each "
                    "video once."
                )
            found[video_id] = f"{path}: video {video_id!r}", entry
    if subsets and not found:
        raise InputError(
            f"{','.join(paths)} has subsets only: give the annotations JSON beside it."
        )
    return [
        (place, video_id, entry, subsets.get(video_id, subsets.get(f"v_{video_id}", "")))
        for video_id, (place, entry) in found.items()
    ]


def _read_database(path: str) -> dict[str, Any]:
    content = read_json(path)
    database = content
    if isinstance(content, dict):
        database = content.get("database", _bare_database(content))
    if not isinstance(database, dict):
        raise InputError(
            f"{path} has no object 'database' (it holds {show_value(content)}): write it in the "
            "form of ActivityNet."
        )
    return database


def _bare_database(content: dict[str, Any]) -> dict[str, Any] | None:
    """The content itself if it holds annotated videos only, without "v_" if all ids have it."""
    entries = content.values()
    if not entries or not all(
        isinstance(entry, dict) and "annotations" in entry for entry in entries
    ):
        return None
    if not all(video_id.startswith("v_") for video_id in content):
        return content
    return {video_id.removeprefix("v_"): entry for video_id, entry in content.items()}


def _read_video(place: str, video_id: str, entry: dict[str, Any], subset: str) -> VideoEntry:
    others = dict(entry)
    numbers: dict[str, float | None] = {}
    faults: list[str] = []
    for name, keys in _NUMBERS.items():
        values = {key: others.pop(key) for key in keys if key in others}
        numbers[name] = _read_positive(*next(iter(values.items())), faults) if values else None
    duration, fps, frames = (numbers[name] for name in ("duration", "fps", "frames"))
    covered = None
    if duration and frames:
        fps = fps or frames / duration
        covered = numbers["covered"] and numbers["covered"] / frames * duration
    others.pop("subset", None)
    if "annotations" not in others:
        raise InputError(f"{place} has no key 'annotations': add a list.")
    rows = others.pop("annotations")
    if not isinstance(rows, list):
        raise InputError(f"{place}: 'annotations' is {show_value(rows)}; write a list.")
    instances = tuple(
        _read_instance(f"{place}, entry {index}", row, duration) for index, row in enumerate(rows)
    )
    return VideoEntry(
        video_id, place, subset, duration, fps, covered, instances, tuple(faults), others
    )


def _read_instance(place: str, row: Any, duration: float | None) -> Instance:
    if not isinstance(row, dict):
        raise InputError(
            f"{place} is {show_value(row)}; write an object with 'segment' and 'label'."
        )
    segment, label = row.get("segment"), row.get("label")
    if not isinstance(segment, list) or len(segment) != 2:
        raise InputError(
            f"{place}: 'segment' is {show_value(segment)}; write [start, end] in seconds."
        )
    if not isinstance(label, str) or not label:
        raise InputError(f"{place}: 'label' is {show_value(label)}; write the name of the class.")
    times = [_finite(value) for value in segment]
    for value, time in zip(segment, times, strict=True):
        if abs(time) > LONGEST_SECONDS or math.isnan(time):
            raise InputError(
                f"{place}: 'segment' holds {show_value(value)}; write a finite number of seconds."
            )
    return Instance((times[0], times[1]), label, _find_fault(times[0], times[1], duration))


def _find_fault(start: float, end: float, duration: float | None) -> str:
    limit = math.inf if duration is None else duration
    if end < start:
        return REVERSED
    if start >= limit or end < 0:
        return OUTSIDE
    if start < 0 or end > limit:
        return CLAMPED
    return ZERO_LENGTH if start == end else ""


def _finite(value: Any) -> float:
    """The number, which may be written as text; NaN if it is none, or not finite."""
    # A bool is an int to Python, but no time.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _read_positive(key: str, value: Any, faults: list[str]) -> float | None:
    if value is None:
        return None
    number = _finite(value)
    if not 0 < number <= LONGEST_SECONDS:
        faults.append(f"{key!r} is {show_value(value)}; write a number above 0, or leave it out")
        return None
    return number
