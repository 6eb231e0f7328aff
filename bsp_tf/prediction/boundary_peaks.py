"""Peaks of a curve over time: where boundaries lie. Pure functions, NumPy only.

1. Local maxima that reach the threshold are candidates; a flat top counts once, in its middle.
2. Between samples, a candidate lies at the vertex of the parabola through it and its neighbours.
3. Non-maximum suppression: the highest candidate stays and removes all that are nearer than the
   minimal distance, then the next one that is left, and so on. Of equal ones the first wins.
"""

from typing import NamedTuple

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.synthesis.place_peaks import vertices


class Peaks(NamedTuple):
    """The peaks of a curve, in the order of time.

    Attributes:
        positions: float64 [m], in samples, also between them.
        samples: int64 [m], the highest sample of each (of a flat top, the middle one).
        heights: float64 [m], values of these samples.
    """

    positions: np.ndarray
    samples: np.ndarray
    heights: np.ndarray


def pick_peaks(curve: np.ndarray, threshold: float, min_distance: float) -> Peaks:
    """The peaks of a curve, see the module's docstring.

    The first and the last sample are maxima if their one neighbour is lower; a curve that is flat
    from end to end is one flat top.

    Args:
        curve: float [n], n >= 0, evenly over time.
        threshold: lowest height of a peak.
        min_distance: peaks nearer than this many samples to a higher one are left out; 0: none is.

    Raises:
        InputError: another shape, NaN or infinity, or a negative distance.

    >>> pick_peaks(np.array([0, 0.2, 0.9, 0.6, 0, 0.7, 0.7, 0]), 0.5, 2)
    Peaks(positions=array([2.2, 5.5]), samples=array([2, 5]), heights=array([0.9, 0.7]))
    """
    curve = np.asarray(curve, np.float64)
    if curve.ndim != 1 or not np.isfinite(curve).all():
        raise InputError(
            f"a curve must be finite numbers [n], got shape {list(curve.shape)} or NaN: the model "
            "is broken. Train or export it again."
        )
    if not min_distance >= 0:
        raise InputError(f"the minimal distance must be at least 0, got {min_distance}.")
    firsts, lasts = _flat_tops(curve)
    high = curve[firsts] >= threshold
    firsts, lasts = firsts[high], lasts[high]
    positions = np.where(firsts == lasts, vertices(curve, firsts), (firsts + lasts) / 2)
    samples = (firsts + lasts) // 2
    kept = _suppress(positions, curve[samples], min_distance)
    return Peaks(positions[kept], samples[kept], curve[samples][kept])


def _flat_tops(curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last samples, int64 [m] each, of the runs of equal values that are maxima."""
    if not len(curve):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    firsts = np.flatnonzero(np.diff(curve, prepend=np.nan) != 0)
    lasts = np.append(firsts[1:], len(curve)) - 1
    values = np.pad(curve[firsts], 1, constant_values=-np.inf)
    top = (values[1:-1] > values[:-2]) & (values[1:-1] > values[2:])
    return firsts[top], lasts[top]


def _suppress(positions: np.ndarray, heights: np.ndarray, min_distance: float) -> np.ndarray:
    """bool [m]: those that stay."""
    kept = np.zeros(len(positions), bool)
    removed = np.zeros(len(positions), bool)
    for peak in np.argsort(-heights, kind="stable"):
        if not removed[peak]:
            kept[peak] = True
            removed |= np.abs(positions - positions[peak]) < min_distance
    return kept
