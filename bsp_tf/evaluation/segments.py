"""Overlap of temporal segments, for one pair or for millions at once."""

import numpy as np


def overlap(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intersection and union of segments, in the unit of the inputs.

    The operations are in the order of the official ActivityNet scorer, so that an overlap which
    equals a threshold there equals it here, to the last bit.

    Args:
        first: Numbers [..., 2], start and end.
        second: Numbers [..., 2] that broadcast against `first`.

    Returns:
        intersection [...] >= 0 and union [...]. The union is 0 for two segments without length, and
        may be 0 or negative where a segment ends before it starts.
    """
    intersection = np.minimum(first[..., 1], second[..., 1]) - np.maximum(
        first[..., 0], second[..., 0]
    )
    intersection = np.maximum(intersection, 0)
    union = (first[..., 1] - first[..., 0]) + (second[..., 1] - second[..., 0]) - intersection
    return intersection, union


def tiou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Temporal intersection over union, float64 [...] in [0, 1]; 0 where the union has no length.

    Args:
        first: Numbers [..., 2], start and end.
        second: Numbers [..., 2] that broadcast against `first`.

    >>> float(tiou(np.array([0.0, 10.0]), np.array([5.0, 20.0])))
    0.25
    """
    return ratio(*overlap(first, second))


def ratio(intersection: np.ndarray, union: np.ndarray) -> np.ndarray:
    """intersection / union, float64 [...]; 0 where the union is not positive (0/0 would be NaN)."""
    positive = union > 0
    return np.where(positive, intersection / np.where(positive, union, 1), 0.0)
