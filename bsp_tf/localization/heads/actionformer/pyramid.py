"""The points of the pyramid: one for each position of each level, level after level. NumPy only.

Positions are columns of the features; the middle of column i is position i. Each level has half the
positions of the one before, and looks for segments of its own range of lengths.
"""

import math
from typing import NamedTuple

import numpy as np

# Reach of the first level from a point to the farther end of a segment; doubled at each level.
FIRST_REACH = 4.0


class Points(NamedTuple):
    """The P points of all levels.

    Attributes:
        positions: float32 [P], in columns.
        strides: float32 [P], columns from one point of the level to the next.
        lows, highs: float32 [P]: the range, in columns, of the distance to the farther end of the
            segments that the level looks for.
    """

    positions: np.ndarray
    strides: np.ndarray
    lows: np.ndarray
    highs: np.ndarray


def level_lengths(num_columns: int, num_levels: int) -> list[int]:
    """Positions of each level."""
    return [math.ceil(num_columns / 2**level) for level in range(num_levels)]


def columns_of(num_points: int, num_levels: int) -> int:
    """How many columns make so many points; the columns are a multiple of 2^(num_levels - 1).

    >>> columns_of(sum(level_lengths(2304, 6)), 6)
    2304
    """
    return num_points * 2 ** (num_levels - 1) // (2**num_levels - 1)


def make_points(num_columns: int, num_levels: int) -> Points:
    """The points of sequences of `num_columns`."""
    lengths = level_lengths(num_columns, num_levels)
    strides = 2.0 ** np.arange(num_levels)
    highs = FIRST_REACH * strides
    lows = np.concatenate([[0.0], highs[:-1]])
    # The last level looks for whatever is longer; any number above all lengths will do.
    highs[-1] = np.inf
    each = (
        np.concatenate([np.arange(n) * s for n, s in zip(lengths, strides, strict=True)]),
        *(np.repeat(values, lengths) for values in (strides, lows, highs)),
    )
    return Points(*(values.astype(np.float32) for values in each))
