"""The answers about videos as the page holds them: compact, so that a thousand videos stay small.

Times are rounded to hundredths, as they are shown, scores to three digits; names are numbers into
lists that stand once in the page; probabilities are bytes. All videos together have
`MOST_DETECTIONS`, the best of each, and `MOST_WINDOWS`: of neighbouring windows the one that shows
a boundary most clearly.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import numpy as np

from bsp_tf.annotations.reader import Instance
from bsp_tf.annotations.video_ids import match_id
from bsp_tf.evaluation.segments import tiou
from bsp_tf.synthesis.boundary_types import BY_NAME, NO_BOUNDARY_TYPE

MOST_DETECTIONS = 150_000
MOST_WINDOWS = 500_000
_OTHER_COLOR = "#7f8c9b"


def page_data(
    kind: str,
    sections: Mapping[str, Mapping[str, Any]],
    about: Mapping[str, Mapping[str, Any]],
    truth: Mapping[str, Sequence[Instance]] = MappingProxyType({}),
) -> dict[str, Any]:
    """What the script of the page reads; JSON values.

    Args:
        kind: "detections" or "boundaries".
        sections: "results": video id -> detections {"label", "score", "segment"} or boundaries
            {"time", "type", "score"}; "curves", where they are known: video id -> {"times": [n],
            "probabilities": {type: [n]}}, evenly over time. Times are seconds.
        about: Video id -> "file", "duration_seconds", "complete", "partial", and "uri": its file,
            seen from the page.
        truth: Video id, with or without "v_" -> its actions, where it is annotated.

    Returns:
        {"kind", "labels": names, "types": [{"name", "caption", "color", "quiet"}],
        "videos": [{"name", "file", "uri", "duration", "part", "detections", "left_out",
        "boundaries"}, "truth" and "curve" where there are]}.
    """
    results, curves = sections["results"], sections.get("curves", {})
    labels, types = _Numbers(), _Numbers()
    shares = MOST_DETECTIONS, MOST_WINDOWS
    most, most_windows = (max(share // max(len(results), 1), 1) for share in shares)
    videos = []
    for name, found in results.items():
        facts = about[name]
        annotated = match_id(name, truth)
        actions = sorted(truth[annotated], key=lambda one: one.segment) if annotated else []
        detections = [one for one in found if "segment" in one]
        video = {
            "name": name,
            "file": facts["file"],
            # Outputs of before do not say where the file lies: perhaps beside the page.
            "uri": facts.get("uri", quote(facts["file"])),
            "duration": round(facts["duration_seconds"], 2),
            "part": facts["partial"] or not facts["complete"],
            "detections": _detections(detections, actions, labels, most),
            "left_out": max(len(detections) - most, 0),
            "boundaries": [
                [types[one["type"]], round(one["time"], 2), _digits(one["score"])]
                for one in found
                if "time" in one
            ],
        }
        if annotated:
            video["truth"] = [[labels[one.label], *_times(one.segment)] for one in actions]
        if name in curves and len(curves[name]["times"]):
            video["curve"] = _curve(curves[name], types, most_windows)
        videos.append(video)
    return {
        "kind": kind,
        "labels": list(labels),
        "types": [_describe_type(name) for name in types],
        "videos": videos,
    }


class _Numbers(dict[str, int]):
    """Names to numbers, in the order in which they are first asked for."""

    def __missing__(self, name: str) -> int:
        return self.setdefault(name, len(self))


def _times(segment: Sequence[float]) -> list[float]:
    return [round(float(time), 2) for time in segment]


def _digits(score: float) -> float:
    return float(f"{score:.3g}")


def _describe_type(name: str) -> dict[str, Any]:
    # A model may know types of its own.
    row = BY_NAME.get(name)
    return {
        "name": name,
        "caption": row.caption.replace("\n", " ") if row else "boundary",
        "color": row.color if row else _OTHER_COLOR,
        "quiet": name == NO_BOUNDARY_TYPE,
    }


def _detections(
    detections: Sequence[Mapping[str, Any]],
    actions: Sequence[Instance],
    labels: _Numbers,
    most: int,
) -> list[list[float]]:
    """[label, start, end, score], best first; and which action it overlaps most, with the tIoU."""
    best = sorted(detections, key=lambda one: -one["score"])[:most]
    rows: list[list[float]] = [
        [labels[one["label"]], *_times(one["segment"]), _digits(one["score"])] for one in best
    ]
    if not rows or not actions:
        return rows
    segments = np.array([one["segment"] for one in best], np.float64)
    overlaps = tiou(segments[:, None], np.array([one.segment for one in actions], np.float64))
    for row, nearest, overlap in zip(
        rows, overlaps.argmax(axis=1).tolist(), overlaps.max(axis=1).tolist(), strict=True
    ):
        if overlap > 0:
            row += [nearest, round(overlap, 3)]
    return rows


def _curve(curve: Mapping[str, Any], types: _Numbers, most: int) -> dict[str, Any]:
    """{"types", "start", "step", "values"}: seconds; base64 of uint8 [n, types], 255 = certain."""
    names = list(curve["probabilities"])
    values = np.array([curve["probabilities"][name] for name in names], np.float64).T
    first, last = curve["times"][0], curve["times"][-1]
    step = (last - first) / max(len(values) - 1, 1)
    each = math.ceil(len(values) / most)
    kept = clearest(values[:, names.index(NO_BOUNDARY_TYPE)], each)
    coded = np.rint(values[kept] * 255).astype(np.uint8)
    return {
        "types": [types[name] for name in names],
        "start": round(first + step * (each - 1) / 2, 5),
        "step": round(step * each, 7),
        "values": base64.b64encode(coded.tobytes()).decode(),
    }


def clearest(quiet: np.ndarray, each: int) -> np.ndarray:
    """Of every `each` values the place of the lowest, int64 [n / each, rounded up].

    Args:
        quiet: Probabilities of no boundary, float [n].
        each: At least 1.

    >>> clearest(np.array([0.5, 0.2, 0.9, 0.8, 0.1]), 2).tolist()
    [1, 3, 4]
    """
    groups = math.ceil(len(quiet) / each)
    filled = np.pad(quiet, (0, groups * each - len(quiet)), constant_values=np.inf)
    return filled.reshape(groups, each).argmin(axis=1) + np.arange(groups) * each
