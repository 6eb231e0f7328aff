"""Reads predicted boundaries.

    {id: [seconds, ...]}                                                 as Kinetics-GEBD takes them
    {"results": {id: [{"time": seconds, "score": x}]}}                   boundaries with scores

Entries are numbers or objects in either form; other keys are ignored. A file may be gzipped.
"""

import os
from typing import Any

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object, show_value
from bsp_tf.evaluation.predictions import take_key, take_number, take_seconds


def load_boundaries(
    path: str | os.PathLike, min_score: float | None = None
) -> tuple[dict[str, np.ndarray], int]:
    """Predicted boundaries of all videos of a file, in its order.

    Args:
        path: A file in one of the forms above.
        min_score: Boundaries below it are left out; None takes all and looks at no score.

    Returns:
        Video -> float64 [n], seconds from its start; and how many were left out.

    Raises:
        InputError: the file is missing, no JSON or has another form, or lacks a score that is
            needed (the message names file, video, entry and key).
    """
    content = read_json_object(path)
    results = content.get("results", content)
    if isinstance(results, list):
        results = content  # a video of that name
    if not isinstance(results, dict):
        raise InputError(
            f"{path}: 'results' is {show_value(results)}; write an object with one key per video."
        )
    found, left_out = {}, 0
    for name, entries in results.items():
        where = f"{path}: video {name!r}"
        if not isinstance(entries, list):
            raise InputError(
                f"{where} holds {show_value(entries)} where a list of boundaries belongs."
            )
        times = [
            _read_boundary(entry, f"{where}, entry {index}", min_score)
            for index, entry in enumerate(entries)
        ]
        kept = [time for time in times if time is not None]
        found[name] = np.array(kept, np.float64)
        left_out += len(times) - len(kept)
    return found, left_out


def _read_boundary(entry: Any, where: str, min_score: float | None) -> float | None:
    """Its seconds; None if its score is too low."""
    value = take_key(entry, "time", where) if isinstance(entry, dict) else entry
    time = take_seconds(value, "time", where)
    if min_score is None:
        return time
    score = take_number(take_key(entry, "score", where), "score", where)
    return time if score >= min_score else None
