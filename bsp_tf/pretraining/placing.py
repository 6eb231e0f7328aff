"""How well boundaries are placed in time, and told from clips without one, by a map over frames."""

from typing import Any

import numpy as np

from bsp_tf.evaluation.joint_auc import auc
from bsp_tf.synthesis.place_peaks import peak_positions


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
