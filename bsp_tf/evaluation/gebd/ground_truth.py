"""Reads annotated boundaries: Kinetics-GEBD's and TAPOS's as JSON, and our own annotations.

    {id: {"substages_timestamps": [[seconds, ...], ...],                 Kinetics-GEBD
          "video_duration", "f1_consis": [...], "f1_consis_avg"}}
    {id: {"boundaries_seconds": [[seconds, ...], ...],                   TAPOS, an instance each
          "duration", "f1_consis": [...]}}
    {"database": {id: {"subset", "duration", "annotations",              ours
                       "joints": [{"segment": [start, end]}]}}}

There is one list per annotator. The consistency is "f1_consis_avg", else the mean of "f1_consis",
else 1. In our own form a boundary is the middle of a joint, and there is one annotator. Other keys
are ignored. A file may be gzipped.
"""

import os
from typing import Any

import numpy as np

from bsp_tf.annotations.reader import VideoEntry, describe_subsets, read_entries
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object, show_value
from bsp_tf.evaluation.gebd.boundary_f1 import VideoTruth
from bsp_tf.evaluation.predictions import take_key, take_number, take_seconds

_ANNOTATORS = ("substages_timestamps", "boundaries_seconds")
_DURATION = ("video_duration", "duration")


def load_boundary_truths(path: str | os.PathLike, subset: str) -> dict[str, VideoTruth]:
    """Annotated boundaries of all videos of a file.

    Args:
        path: A file in one of the forms above.
        subset: E.g. "validation", of our own annotations; the other forms have no subsets.

    Returns:
        Video -> its boundaries, in the order of the file.

    Raises:
        InputError: the file is missing, no JSON or has another form (the message names file, video
            and key), or the subset is empty.
    """
    content = read_json_object(path)
    if not content:
        raise InputError(f"{path} holds no video; check that it is the right file.")
    if "database" not in content:
        return {
            name: _read_video(entry, f"{path}: video {name!r}") for name, entry in content.items()
        }
    entries = read_entries(path, subset)
    if not entries.videos:
        raise InputError(
            f"{path} has no video in subset {subset!r}; {describe_subsets(entries.subset_sizes)}."
        )
    return {entry.video_id: _read_joints(entry) for entry in entries.videos}


def _read_video(entry: Any, where: str) -> VideoTruth:
    key = _present(entry, _ANNOTATORS)
    annotators = take_key(entry, key, where)
    if not isinstance(annotators, list) or not annotators:
        raise InputError(f"{where}: {key!r} is {show_value(annotators)}; write a list of lists.")
    columns = []
    for index, times in enumerate(annotators):
        if not isinstance(times, list):
            raise InputError(
                f"{where}: {key!r}, annotator {index}, is {show_value(times)}; write a list of "
                "seconds."
            )
        if times and isinstance(times[0], dict) and "start_time" in times[0]:
            raise InputError(
                f"{where}: {key!r} holds raw annotations (start and end, with a label); make one "
                "time of each first, as Kinetics-GEBD's prepare_k400_release does."
            )
        columns.append(np.array([take_seconds(value, key, where) for value in times], np.float64))
    return VideoTruth(tuple(columns), _duration(entry, where), _consistency(entry, where))


def _read_joints(entry: VideoEntry) -> VideoTruth:
    joints = take_key(dict(entry.extra), "joints", entry.place)
    if not isinstance(joints, list):
        raise InputError(f"{entry.place}: 'joints' is {show_value(joints)}; write a list.")
    times = []
    for index, joint in enumerate(joints):
        where = f"{entry.place}, joint {index}"
        segment = take_key(joint, "segment", where)
        if not isinstance(segment, list) or len(segment) != 2:
            raise InputError(
                f"{where}: 'segment' is {show_value(segment)}; write [start, end] in seconds."
            )
        times.append(sum(take_seconds(value, "segment", where) for value in segment) / 2)
    if entry.duration_seconds is None:
        raise InputError(f"{entry.place} has no usable 'duration'; write its seconds.")
    return VideoTruth((np.array(times, np.float64),), entry.duration_seconds)


def _duration(entry: dict[str, Any], where: str) -> float:
    key = _present(entry, _DURATION)
    duration = take_seconds(take_key(entry, key, where), key, where)
    if duration <= 0:
        raise InputError(f"{where}: {key!r} is {duration:g}; write a number of seconds above 0.")
    return duration


def _consistency(entry: dict[str, Any], where: str) -> float:
    if "f1_consis_avg" in entry:
        return take_number(entry["f1_consis_avg"], "f1_consis_avg", where)
    values = entry.get("f1_consis", [])
    if not isinstance(values, list):
        raise InputError(f"{where}: 'f1_consis' is {show_value(values)}; write a list of numbers.")
    numbers = [take_number(value, "f1_consis", where) for value in values]
    return sum(numbers) / len(numbers) if numbers else 1.0


def _present(entry: Any, keys: tuple[str, ...]) -> str:
    """The key that an entry has; the first for an entry that has none, for the message."""
    there = [key for key in keys if isinstance(entry, dict) and key in entry]
    return there[0] if there else keys[0]
