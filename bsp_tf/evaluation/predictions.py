"""Reads predictions in ActivityNet's JSON form; says exactly what is wrong in a bad file.

    Detections:  {"results": {id: [{"segment": [start, end], "label": l, "score": x}]}}
    Proposals:   the same; a label is not needed

Seconds everywhere. A file may be gzipped, whatever its name. Of other keys only one is looked at:
where `bsp_tf.predict` has marked a video as unfinished, a warning says so.
"""

import math
import os
import sys
from itertools import chain
from typing import Any

import numpy as np

from bsp_tf.annotations.reader import LONGEST_SECONDS
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json, show_value
from bsp_tf.evaluation.ground_truth import Instances, make_instances

Columns = tuple[list[str], list[str], np.ndarray, np.ndarray]


def load_predictions(path: str | os.PathLike) -> Instances:
    """All predictions of a file, in its order; a segment that ends before it starts stays so.

    Raises:
        InputError: the file is missing, no JSON or has another form (the message names file, video,
            entry and key).
    """
    return _load_results(path, labelled=True)


def load_proposals(path: str | os.PathLike) -> Instances:
    """As `load_predictions`, but no label is needed or looked at: all are of one class, "".

    Raises:
        InputError: as `load_predictions`.
    """
    return _load_results(path, labelled=False)


def _load_results(path: str | os.PathLike, labelled: bool) -> Instances:
    content = read_json(path)
    results = take_key(content, "results", f"{path}: the file")
    if not isinstance(results, dict):
        raise InputError(
            f"{path}: 'results' is {show_value(results)}; write an object with one key per video."
        )
    _warn_of_unfinished(path, content)
    columns = _fast_columns(results, labelled) or _checked_columns(path, results, labelled)
    return make_instances(*columns, more_videos=results)


def video_facts(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a file of detections says of its videos beside them; {} if it is not `predict`'s."""
    more = content.get("external_data")
    videos = more.get("videos") if isinstance(more, dict) else None
    videos = videos if isinstance(videos, dict) else {}
    return {name: facts for name, facts in videos.items() if isinstance(facts, dict)}


def _warn_of_unfinished(path: str | os.PathLike, content: dict[str, Any]) -> None:
    names = [name for name, facts in video_facts(content).items() if facts.get("complete") is False]
    if names:
        more = ", ..." * (len(names) > 3)
        print(
            f"warning: {path}: {len(names)} videos are unfinished ({', '.join(names[:3])}{more}): "
            "what lies behind the point that was reached is missing.",
            file=sys.stderr,
        )


def _fast_columns(results: dict[str, Any], labelled: bool) -> Columns | None:
    """Columns of a faultless file, five times as fast as `_checked_columns`; None for any other."""
    videos: list[str] = []
    labels: list[str] = []
    segments: list[Any] = []
    scores: list[Any] = []
    try:
        for name, entries in results.items():
            if type(entries) is not list:
                return None
            videos += [name] * len(entries)
            labels += [entry["label"] if labelled else "" for entry in entries]
            segments += [entry["segment"] for entry in entries]
            scores += [entry["score"] for entry in entries]
    except (KeyError, TypeError):
        return None
    if (
        set(map(type, labels)) - {str}
        or set(map(type, segments)) - {list}
        or set(map(len, segments)) - {2}
    ):
        return None
    times = list(chain.from_iterable(segments))
    if (set(map(type, times)) | set(map(type, scores))) - {float, int}:
        return None
    try:
        seconds, values = np.array(times, np.float64), np.array(scores, np.float64)
    except OverflowError:
        return None
    if not (np.abs(seconds) <= LONGEST_SECONDS).all() or not np.isfinite(values).all():
        return None
    return videos, labels, seconds.reshape(-1, 2), values


def _checked_columns(path: str | os.PathLike, results: dict[str, Any], labelled: bool) -> Columns:
    videos, labels, segments, scores = [], [], [], []
    for name, entries in results.items():
        where = f"{path}: video {name!r}"
        if not isinstance(entries, list):
            raise InputError(
                f"{where} holds {show_value(entries)} where a list of entries belongs."
            )
        for index, entry in enumerate(entries):
            label, segment, score = _parse_entry(entry, f"{where}, entry {index}", labelled)
            videos.append(name)
            labels.append(label)
            segments.append(segment)
            scores.append(score)
    return videos, labels, np.array(segments).reshape(-1, 2), np.array(scores)


def _parse_entry(entry: Any, where: str, labelled: bool) -> tuple[str, list[float], float]:
    label = take_key(entry, "label", where) if labelled else ""
    if not isinstance(label, str):
        raise InputError(f"{where}: 'label' is {show_value(label)}; write the name of the class.")
    segment = take_key(entry, "segment", where)
    if not isinstance(segment, list) or len(segment) != 2:
        raise InputError(
            f"{where}: 'segment' is {show_value(segment)}; write [start, end] in seconds."
        )
    times = [take_number(value, "segment", where) for value in segment]
    if max(map(abs, times)) > LONGEST_SECONDS:
        raise InputError(
            f"{where}: 'segment' {times} lies beyond {LONGEST_SECONDS:g} seconds; write seconds."
        )
    return label, times, take_number(take_key(entry, "score", where), "score", where)


def take_key(value: Any, key: str, where: str) -> Any:
    """What an object of a file has under a key.

    Args:
        value: The object, as read.
        key: The key.
        where: File, video and entry, for messages.

    Raises:
        InputError: no object, or it lacks the key.
    """
    if not isinstance(value, dict):
        raise InputError(
            f"{where} is {show_value(value)} where an object with the key {key!r} belongs."
        )
    if key not in value:
        raise InputError(f"{where} has no key {key!r}; add it (keys there: {_some_keys(value)}).")
    return value[key]


def _some_keys(value: dict[str, Any]) -> str:
    return (
        ", ".join([show_value(key) for key in list(value)[:5]] + ["..."] * (len(value) > 5))
        or "none"
    )


def take_number(value: Any, key: str, where: str) -> float:
    """A finite number of a file.

    Args:
        value: As read.
        key: Where in its object it stands, for messages.
        where: File, video and entry, for messages.

    Raises:
        InputError: no number (also a bool or a text), NaN or infinite.
    """
    # A bool is an int to Python, but no time and no score.
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        number = float(value) if usable else math.nan
    except OverflowError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"{where}: {key!r} holds {show_value(value)} where a finite number belongs; mend or "
            "remove it."
        )
    return number


def take_seconds(value: Any, key: str, where: str) -> float:
    """As `take_number`, for a time in seconds; one beyond LONGEST_SECONDS is refused too."""
    seconds = take_number(value, key, where)
    if abs(seconds) > LONGEST_SECONDS:
        raise InputError(
            f"{where}: {key!r} is {seconds:g}, beyond {LONGEST_SECONDS:g} seconds; write seconds."
        )
    return seconds
