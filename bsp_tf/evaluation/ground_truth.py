"""Reads ground truth and predictions in ActivityNet's JSON forms; says exactly what is wrong in a
bad file.

Ground truth: {"database": {id: {"subset": s, "annotations": [{"segment": [start, end], "label":
l}]}}} Predictions:  {"results": {id: [{"segment": [start, end], "label": l, "score": x}]}}
Proposals:    the same, a label is not needed.

Seconds everywhere; a video's "duration" is kept where the ground truth has one, other keys are
ignored. A file may be gzipped, whatever its name. Numbers in ground truth may be strings, as in
THUMOS14's public file. Nothing here touches the network.
"""

import math
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json

# 30 years: beyond it a time is a mistake, and lengths would begin to lose their fractions.
LONGEST_SECONDS = 1e9


@dataclass(frozen=True)
class Instances:
    """Labelled segments of many videos, as columns.

    video_names, class_names: names in order of first appearance; a video may have no instance.
    video, label: int64 [n], indices into the two lists.
    segment: float64 [n, 2], start and end in seconds.
    score: float64 [n], higher is better; None for ground truth.
    duration: Video name -> its seconds, where known.
    """

    video_names: list[str]
    class_names: list[str]
    video: np.ndarray
    label: np.ndarray
    segment: np.ndarray
    score: np.ndarray | None = None
    duration: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.video)


def make_instances(
    videos: Iterable[str],
    labels: Iterable[str],
    segments: Any,
    scores: Any = None,
    more_videos: Iterable[str] = (),
) -> Instances:
    """Instances from parallel columns.

    Args:
        videos: n video names.
        labels: n class names.
        segments: Numbers [n, 2], start and end in seconds.
        scores: Numbers [n], or None for ground truth.
        more_videos: Names of videos that have no instance.

    Raises:
        InputError: a time or score is NaN or infinite, or the columns differ in length.
    """
    video_index, label_index = {}, {}
    video = np.array([video_index.setdefault(name, len(video_index)) for name in videos], np.int64)
    label = np.array([label_index.setdefault(name, len(label_index)) for name in labels], np.int64)
    for name in more_videos:
        video_index.setdefault(name, len(video_index))
    segment = np.asarray(segments, np.float64).reshape(-1, 2)
    score = None if scores is None else np.asarray(scores, np.float64).reshape(-1)
    lengths = {len(video), len(label), len(segment)} | (set() if score is None else {len(score)})
    if len(lengths) > 1:
        raise InputError(
            f"columns of different lengths {sorted(lengths)}: give each instance one of each."
        )
    if not np.isfinite(segment).all() or (score is not None and not np.isfinite(score).all()):
        raise InputError(
            "a time or score is NaN or infinite: remove those instances or repair what wrote them."
        )
    return Instances(list(video_index), list(label_index), video, label, segment, score)


def load_ground_truth(path: str | os.PathLike, subset: str) -> Instances:
    """Ground truth of one subset.

    Raises:
        InputError: the file is missing, no JSON or has another form (the message names file, video,
            entry and key), a segment ends before it starts, or the subset holds no annotated
            segment.
    """
    database = _member(read_json(path), "database", path)
    sizes: dict[str, int] = {}
    videos, labels, segments, known, durations = [], [], [], [], {}
    for name, entry in database.items():
        where = f"{path}: video {name!r}"
        own_subset = _key(entry, "subset", where)
        if not isinstance(own_subset, str):
            raise InputError(
                f"{where}: 'subset' is {_show(own_subset)}; write a text such as 'validation'."
            )
        sizes[own_subset] = sizes.get(own_subset, 0) + 1
        if own_subset != subset:
            continue
        known.append(name)
        if (duration := _duration(entry.get("duration"))) is not None:
            durations[name] = duration
        for index, (label, segment, _) in enumerate(
            _parse_entries(_key(entry, "annotations", where), where)
        ):
            if segment[1] < segment[0]:
                raise InputError(
                    f"{where}, entry {index}: 'segment' {segment} ends before it starts; "
                    "put the earlier time first."
                )
            videos.append(name)
            labels.append(label)
            segments.append(segment)
    if not videos:
        present = (
            ", ".join(f"{name!r} ({count} videos)" for name, count in sizes.items())
            or "no video at all"
        )
        raise InputError(f"{path} has no annotated segment in subset {subset!r}; it has {present}.")
    instances = replace(
        make_instances(videos, labels, segments, more_videos=known), duration=durations
    )
    for name in instances.class_names:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise InputError(
                f"{path}: label {name!r} is no valid Unicode text and cannot be written; mend it."
            )
    return instances


def load_predictions(path: str | os.PathLike) -> Instances:
    """All predictions of a file, in its order. A segment that ends before it starts stays as it is.

    Raises:
        InputError: the file is missing, no JSON or has another form (the message names file, video,
            entry and key).
    """
    return _load_results(path, "label", "score")


def load_proposals(path: str | os.PathLike) -> Instances:
    """As `load_predictions`, but labels are neither needed nor looked at: all instances are of one
    class, "".

    Raises:
        InputError: as `load_predictions`.
    """
    return _load_results(path, "score")


def _load_results(path: str | os.PathLike, *keys: str) -> Instances:
    results = _member(read_json(path), "results", path)
    columns = _fast_columns(results, "label" in keys)
    if columns is None:
        videos, labels, segments, scores = [], [], [], []
        for name, entries in results.items():
            for label, segment, score in _parse_entries(entries, f"{path}: video {name!r}", keys):
                videos.append(name)
                labels.append(label)
                segments.append(segment)
                scores.append(score)
        columns = videos, labels, segments, scores
    return make_instances(*columns, more_videos=results)


def _member(document: Any, key: str, path: str | os.PathLike) -> dict[str, Any]:
    value = _key(document, key, f"{path}: the file")
    if not isinstance(value, dict):
        raise InputError(
            f"{path}: {key!r} is {_show(value)}; write an object with one key a video."
        )
    return value


def _key(value: Any, key: str, where: str) -> Any:
    if not isinstance(value, dict):
        raise InputError(f"{where} is {_show(value)} where an object with the key {key!r} belongs.")
    if key not in value:
        raise InputError(f"{where} has no key {key!r}; add it (keys there: {_some_keys(value)}).")
    return value[key]


def _some_keys(value: dict[str, Any]) -> str:
    return ", ".join([_show(key) for key in list(value)[:5]] + ["..."] * (len(value) > 5)) or "none"


def _fast_columns(
    results: dict[str, Any], labelled: bool
) -> tuple[list, list, np.ndarray, np.ndarray] | None:
    """Columns of a faultless file, five times as fast as `_parse_entries`; None if anything is
    unusual.
    """
    videos, labels, segments, scores = [], [], [], []
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
        times, scores = np.array(times, np.float64), np.array(scores, np.float64)
    except OverflowError:
        return None
    if not (np.abs(times) <= LONGEST_SECONDS).all() or not np.isfinite(scores).all():
        return None
    return videos, labels, times.reshape(-1, 2), scores


def _parse_entries(
    entries: Any, where: str, keys: Collection[str] = ("label",)
) -> list[tuple[str, list[float], float | None]]:
    if not isinstance(entries, list):
        raise InputError(f"{where} holds {_show(entries)} where a list of entries belongs.")
    return [
        _parse_entry(entry, f"{where}, entry {index}", keys) for index, entry in enumerate(entries)
    ]


def _parse_entry(
    entry: Any, where: str, keys: Collection[str]
) -> tuple[str, list[float], float | None]:
    label = _key(entry, "label", where) if "label" in keys else ""
    if not isinstance(label, str):
        raise InputError(f"{where}: 'label' is {_show(label)}; write the name of the class.")
    segment = _key(entry, "segment", where)
    if not isinstance(segment, list) or len(segment) != 2:
        raise InputError(f"{where}: 'segment' is {_show(segment)}; write [start, end] in seconds.")
    times = [
        _number(value, "segment", where, text_allowed="score" not in keys) for value in segment
    ]
    if max(map(abs, times)) > LONGEST_SECONDS:
        raise InputError(
            f"{where}: 'segment' {times} lies beyond {LONGEST_SECONDS:g} seconds; write seconds."
        )
    return (
        label,
        times,
        _number(_key(entry, "score", where), "score", where) if "score" in keys else None,
    )


def _duration(value: Any) -> float | None:
    """Seconds; None where there are none, or none that can be used: only the error analysis asks
    for them.
    """
    usable = (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and 0 < value <= LONGEST_SECONDS
    )
    return float(value) if usable else None


def _number(value: Any, key: str, where: str, text_allowed: bool = False) -> float:
    allowed = (int, float, str) if text_allowed else (int, float)
    try:
        # A bool is an int to Python, but no time and no score.
        number = (
            float(value) if isinstance(value, allowed) and not isinstance(value, bool) else math.nan
        )
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"{where}: {key!r} holds {_show(value)} where a finite number belongs; mend or remove "
            "it."
        )
    return number


def _show(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
