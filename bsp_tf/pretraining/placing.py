"""How well boundaries are placed in time, and told from clips without one, by a map over frames."""

from typing import Any

import numpy as np

from bsp_tf.evaluation.joint_auc import auc


def peak_positions(maps: np.ndarray) -> np.ndarray:
    """Where each map is highest, in frames: frame t covers [t, t + 1).

    Between frames: the vertex of the parabola through the largest value and its two neighbours. At
    either end, and in a flat map, it is the middle of the frame.

    Args:
        maps: float [n, T].

    Returns:
        float64 [n], .5 to T - .5.

    >>> peak_positions(np.array([[0, 1, 1, 0], [0, 0, 1, 0], [3, 2, 1, 0]]))
    array([2. , 2.5, 0.5])
    """
    peak = maps.argmax(axis=1)
    padded = np.pad(np.asarray(maps, np.float64), [(0, 0), (1, 1)], constant_values=np.nan)
    rows = np.arange(len(maps))
    before, here, after = (padded[rows, peak + shift] for shift in (0, 1, 2))
    curvature = before - 2 * here + after
    offset = np.zeros(len(maps))
    np.divide(before - after, 2 * curvature, out=offset, where=curvature < 0)
    return peak + 0.5 + offset


def placing_scores(maps: np.ndarray, boundary: np.ndarray) -> dict[str, Any]:
    """Scores of maps against the true positions, ready for JSON.

    Args:
        maps: float [n, T], higher = rather the boundary.
        boundary: float [n], true position in frames; below 0 for none.

    Returns:
        "num_boundaries"; of the samples with a boundary the "median_error" of the position in
        frames and the share "within_1_frame"; "auc", in [0, 1], of a map's maximum as a score of
        whether there is a boundary. None where there is nothing to take it of.
    """
    has = boundary >= 0
    errors = np.abs(peak_positions(maps) - boundary)[has]
    highest = maps.max(axis=1)
    return {
        "num_boundaries": int(has.sum()),
        "median_error": float(np.median(errors)) if len(errors) else None,
        "within_1_frame": float((errors <= 1).mean()) if len(errors) else None,
        "auc": auc(highest[has], highest[~has]),
    }
