"""Annotations in CSV form: subsets of videos (G-TAD, BMN) and action instances (THUMOS14).

    video,...,subset,...                            G-TAD's video_info.csv: subsets of the videos
    video,type,...,start,end,startFrame,endFrame    THUMOS14's {val,test}_Annotation.csv, seconds

A THUMOS14 video names its subset itself: video_validation_0000051, video_test_0000004. Instances of
type "Ambiguous" belong to none of its classes and are left out. A file may be gzipped.
"""

import csv
import io
from typing import Any

from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import read_input
from bsp_tf.base.remote_path import plain_name

THUMOS_AMBIGUOUS = "Ambiguous"
THUMOS_SUBSETS = {"video_validation_": "validation", "video_test_": "test"}


def is_table(path: str) -> bool:
    """Whether a file is a CSV table by its name, .csv or .csv.gz."""
    return plain_name(path).removesuffix(".gz").endswith(".csv")


def read_rows(path: str) -> list[dict[str, str]]:
    """The rows of a CSV table, plain or gzipped, by the names of its header.

    Raises:
        InputError: unreadable, or no CSV.
    """
    try:
        text = read_input(path).decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV text ({error}). Check the path.") from error


def read_table(path: str) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Reads either form.

    Returns:
        Entries as in the ActivityNet JSON, {id: {"fps", "annotations": [{"segment", "label"}]}}
        with numbers as they are written, and the subsets {id: subset}. Of a table of subsets the
        entries are empty.

    Raises:
        InputError: unreadable, columns are missing, or a row names no video.
    """
    rows = read_rows(path)
    columns = set(rows[0]) if rows else set()
    for number, row in enumerate(rows, start=1):
        if "video" in columns and not row["video"]:
            raise InputError(f'{path}, row {number} below the header: "video" is empty; name it.')
    if {"video", "type", "start", "end"} <= columns:
        return _instances(rows), {row["video"]: _thumos_subset(row["video"]) for row in rows}
    if {"video", "subset"} <= columns:
        return {}, {row["video"]: row["subset"] or "" for row in rows}
    raise InputError(
        f'{path}: expected the columns "video" and "subset", or "video", "type", "start" and '
        f'"end", found {", ".join(map(str, columns)) or "no rows"}.'
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
    """The number, 0 for none: the reader of the entry says what is wrong with times."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def _thumos_subset(video_id: str) -> str:
    return next(
        (subset for prefix, subset in THUMOS_SUBSETS.items() if video_id.startswith(prefix)), ""
    )
