"""Annotations in CSV form: subsets of videos (G-TAD, BMN) and action instances (THUMOS14). NumPy is
not needed.

    video,...,subset,...                                  G-TAD's video_info.csv: which subset a video is in
    video,type,...,start,end,startFrame,endFrame          THUMOS14's val_Annotation.csv and test_Annotation.csv, seconds

A THUMOS14 video names its subset itself: video_validation_0000051, video_test_0000004. Instances of
type "Ambiguous" belong to none of its classes and are left out.
"""

import csv
from typing import Any

from bsp_tf.base.errors import InputError

THUMOS_AMBIGUOUS = "Ambiguous"
THUMOS_SUBSETS = {"video_validation_": "validation", "video_test_": "test"}


def read_table(path: str) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Reads either form.

    Returns:
        Entries as in the ActivityNet JSON {id: {"fps", "annotations": [{"segment", "label"}]}} with
            numbers as they
        stand there, and the subsets {id: subset}; one of the two is empty, or both describe
            THUMOS14 videos.

    Raises:
        InputError: unreadable, or columns are missing.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}. Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV text ({error}). Check the path.") from error
    columns = set(rows[0]) if rows else set()
    if {"video", "type", "start", "end"} <= columns:
        return _instances(rows), {row["video"]: _thumos_subset(row["video"]) for row in rows}
    if {"video", "subset"} <= columns:
        return {}, {row["video"]: row["subset"] or "" for row in rows}
    raise InputError(
        f'{path}: expected the columns "video" and "subset", or "video", "type", "start" and "end", found '
        f"{', '.join(map(str, columns)) or 'no rows'}."
    )


def _instances(rows: list[dict[str, str]]) -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = {}
    last_times: dict[str, tuple[float, float]] = {}
    for row in rows:
        entry = entries.setdefault(row["video"], {"annotations": []})
        if row["type"] != THUMOS_AMBIGUOUS:
            entry["annotations"].append(
                {"segment": [row["start"], row["end"]], "label": row["type"]}
            )
        times = _number(row["end"]), _number(row.get("endFrame"))
        last_times[row["video"]] = max(times, last_times.get(row["video"], (0.0, 0.0)))
    for video_id, (seconds, frames) in last_times.items():
        # Frames are seconds * rate, rounded; the last time is the least rounded.
        if seconds > 0 and frames > 0:
            entries[video_id]["fps"] = frames / seconds
    return entries


def _number(text: str | None) -> float:
    """The number, 0 for none: what is wrong with times is told when the entry is read."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def _thumos_subset(video_id: str) -> str:
    return next(
        (subset for prefix, subset in THUMOS_SUBSETS.items() if video_id.startswith(prefix)), ""
    )
