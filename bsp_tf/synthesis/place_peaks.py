"""Where the maps of a placing head, and curves over time, are highest: also between two samples.

NumPy only. The vertex of the parabola through the largest value and its two neighbours.
"""

import numpy as np


def vertices(curve: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Where the parabolas through maxima and their neighbours are highest.

    At either end, and where the curve is flat, it is the sample itself.

    Args:
        curve: float [n].
        samples: integer [m], maxima of the curve.

    Returns:
        float64 [m], in samples.
    """
    padded = np.pad(np.asarray(curve, np.float64), 1, constant_values=np.nan)
    before, here, after = (padded[samples + shift] for shift in (0, 1, 2))
    curvature = before - 2 * here + after
    offset = np.zeros(len(samples))
    np.divide(before - after, 2 * curvature, out=offset, where=curvature < 0)
    return samples + offset


def peak_positions(maps: np.ndarray) -> np.ndarray:
    """Where each map is highest, in frames: frame t covers [t, t + 1).

    Args:
        maps: float [n, T].

    Returns:
        float64 [n], .5 to T - .5.

    >>> peak_positions(np.array([[0, 1, 1, 0], [0, 0, 1, 0], [3, 2, 1, 0]]))
    array([2. , 2.5, 0.5])
    """
    found = [vertices(row, row.argmax(keepdims=True))[0] for row in np.asarray(maps, np.float64)]
    return np.array(found, np.float64) + 0.5
