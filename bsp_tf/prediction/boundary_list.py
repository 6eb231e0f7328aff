"""Boundary-type probabilities along a video -> its boundaries: when, of which type, how sure."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.prediction.boundary_peaks import Peaks, pick_peaks
from bsp_tf.synthesis.boundary_types import NO_BOUNDARY_TYPE
from bsp_tf.synthesis.place_peaks import peak_positions

# Of the probabilities in files: finer than any use of them.
DECIMALS = 5


@dataclasses.dataclass(frozen=True)
class Timing:
    """Where the snippets of a video lie: source frames, but for `fps`.

    >>> Timing(window=8, frame_step=1, stride=4, fps=25.0).centres(2).tolist()
    [0.16, 0.32]
    """

    window: int
    frame_step: int
    stride: int
    fps: float

    def centres(self, num_snippets: int) -> np.ndarray:
        """The middles of the snippets in seconds, float64 [num_snippets]."""
        return self.centre(np.arange(num_snippets))

    def centre(self, positions: np.ndarray) -> np.ndarray:
        """The same of given snippets, also between them."""
        reach = (self.window - 1) * self.frame_step + 1
        return (positions * self.stride + reach / 2) / self.fps

    def placed(self, snippets: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Seconds of places inside snippets; frame t of a snippet covers [t, t + 1)."""
        return (snippets * self.stride + (places - 0.5) * self.frame_step + 0.5) / self.fps


def check_types(types: Sequence[str], model: str) -> None:
    """Refuses a model that cannot tell a boundary from none.

    Raises:
        InputError: the type without a boundary is not among its types; the message names `model`.
    """
    if NO_BOUNDARY_TYPE not in types or len(types) < 2:
        raise InputError(
            f"{model} knows the boundary types {', '.join(types)}: without {NO_BOUNDARY_TYPE} and "
            "another one it cannot tell a boundary from none. Train one with both "
            "(boundary.types)."
        )


def boundary_curve(probabilities: np.ndarray, types: Sequence[str]) -> np.ndarray:
    """1 - p(no boundary), float64 [n]; `probabilities` float [n, types]."""
    return 1 - np.asarray(probabilities, np.float64)[:, types.index(NO_BOUNDARY_TYPE)]


def find_boundaries(
    probabilities: np.ndarray,
    types: Sequence[str],
    timing: Timing,
    threshold: float,
    min_seconds: float,
    duration_seconds: float,
    place: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """The boundaries of a video in the order of time.

    They are the peaks (`pick_peaks`) of the curve 1 - p(no boundary).

    Args:
        probabilities: float [n, types], of each snippet.
        types: names of the boundary types, `NO_BOUNDARY_TYPE` among them.
        timing: where the snippets lie.
        threshold: least 1 - p(no boundary), in [0, 1].
        min_seconds: peaks of the curve are at least so far apart, seconds.
        duration_seconds: of the video; the last snippet may reach over its end.
        place: float [n, window], a map over the frames of each snippet, higher = rather the
            boundary; where it is given, its highest place is the time of a peak. None: the time is
            the peak of the curve itself, which is placed between snippets.

    Returns:
        [{"time": seconds, "type": the most probable type that has a boundary, "score": 1 - p(no
        boundary)}].

    Raises:
        InputError: see `pick_peaks`.
    """
    curve = boundary_curve(probabilities, types)
    peaks: Peaks = pick_peaks(curve, threshold, min_seconds * timing.fps / timing.stride)
    samples = peaks.samples
    if place is None:
        times = timing.centre(peaks.positions)
    else:
        times = timing.placed(samples, peak_positions(place[samples]))
    times = np.clip(times, 0, duration_seconds)
    rows = np.asarray(probabilities)[samples]
    found = [
        describe_boundary(time, row, types, score)
        for time, row, score in zip(times, rows, peaks.heights, strict=True)
    ]
    return sorted(found, key=lambda boundary: boundary["time"])


def describe_boundary(
    time: float, probabilities: np.ndarray, types: Sequence[str], score: float
) -> dict[str, Any]:
    """One boundary: {"time", "type": the most probable type that has a boundary, "score"}."""
    with_boundary = [number for number, name in enumerate(types) if name != NO_BOUNDARY_TYPE]
    best = with_boundary[np.asarray(probabilities)[with_boundary].argmax()]
    return {"time": float(time), "type": types[best], "score": round(float(score), DECIMALS)}


def describe_curve(
    probabilities: np.ndarray, types: Sequence[str], timing: Timing
) -> Mapping[str, Any]:
    """What a page or figure draws: {"times": [n seconds], "probabilities": {type: [n]}}."""
    rounded = np.asarray(probabilities, np.float64).round(DECIMALS)
    return {
        "times": timing.centres(len(rounded)).round(DECIMALS).tolist(),
        "probabilities": {name: rounded[:, i].tolist() for i, name in enumerate(types)},
    }
