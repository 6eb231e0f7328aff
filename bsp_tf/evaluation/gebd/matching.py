"""Which annotated boundary finds which predicted one, as the public scorers of boundaries match.

The rule, for one annotator: go through the annotated boundaries in order; each looks at the nearest
predicted boundary that is still free, of equally near ones at the first, and takes it if it is near
enough. This is not the largest possible matching: a boundary may take what a later one needs.

All pairs of annotator and prediction take their steps together, at all distances.
"""

from collections.abc import Sequence

import numpy as np

# Cells of (pair, distance, prediction) looked at together: they bound the memory.
CELLS_AT_ONCE = 1 << 18


def count_hits(pairs: Sequence[tuple[np.ndarray, np.ndarray]], reach: np.ndarray) -> np.ndarray:
    """Number of annotated boundaries that find a predicted one.

    Args:
        pairs: n times (annotated, predicted): float64 [truths] and [predictions], finite, in
            seconds, each in the order of its file.
        reach: float64 [n, T], the largest gap that is a hit, in seconds, for T distances.

    Returns:
        int64 [n, T].

    >>> count_hits([(np.array([2.0, 3.0]), np.array([2.5]))], np.array([[0.4, 0.5]]))
    array([[0, 1]])
    """
    sizes, num_found = np.array([(len(times), len(places)) for times, places in pairs]).T
    # Pairs of like size together, so that little is padded.
    order = np.lexsort((-sizes, -num_found))
    hits = np.zeros(reach.shape, np.int64)
    start = 0
    while start < len(order):
        width = max(int(num_found[order[start]]), 1) * reach.shape[1]
        rows = order[start : start + max(CELLS_AT_ONCE // width, 1)]
        start += len(rows)
        rows = rows[np.argsort(-sizes[rows], kind="stable")]
        hits[rows] = _count_block([pairs[row] for row in rows], sizes[rows], reach[rows])
    return hits


def _count_block(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], sizes: np.ndarray, reach: np.ndarray
) -> np.ndarray:
    """The same for a few pairs, those with most annotated boundaries first."""
    truth = _padded([pair[0] for pair in pairs])
    place = _padded([pair[1] for pair in pairs])
    free = np.repeat(np.isfinite(place)[:, None], reach.shape[1], axis=1)  # [n, T, predictions]
    hits = np.zeros(reach.shape, np.int64)
    for index in range(sizes[0]):
        rows = np.count_nonzero(sizes > index)
        gaps = np.abs(truth[:rows, index, None] - place[:rows])
        gaps = np.where(free[:rows], gaps[:, None], np.inf)
        nearest = gaps.argmin(axis=2)
        hit = np.take_along_axis(gaps, nearest[..., None], axis=2)[..., 0] <= reach[:rows]
        hits[:rows] += hit
        row, distance = np.nonzero(hit)
        free[row, distance, nearest[row, distance]] = False
    return hits


def _padded(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Columns of different lengths as one array, infinity behind each; at least one wide."""
    padded = np.full((len(columns), max([1, *map(len, columns)])), np.inf)
    for row, column in zip(padded, columns, strict=True):
        row[: len(column)] = column
    return padded
