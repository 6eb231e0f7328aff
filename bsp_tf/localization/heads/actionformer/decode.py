"""What the points say -> proposals: the best classes of each level, with their segments. NumPy."""

from collections.abc import Mapping

import numpy as np

from bsp_tf.localization.heads.actionformer.pyramid import columns_of, level_lengths, make_points
from bsp_tf.localization.proposals import Proposals, join

# Of each level, so many scores above the smallest count.
MIN_SCORE, MOST_OF_A_LEVEL = 1e-3, 2000


def decode_points(
    outputs: Mapping[str, np.ndarray], num_levels: int, min_length: float
) -> list[Proposals]:
    """Proposals of each example, level after level, the best of each first.

    Segments are in columns (see `pyramid`); they may reach outside of the video.

    Args:
        outputs: Of `ActionFormer`, B examples.
        num_levels: Of the network; the columns are a multiple of 2^(num_levels - 1).
        min_length: Shorter segments, and those of this length, are left out; in columns.
    """
    logits = np.asarray(outputs["logits"], np.float32)
    num_columns = columns_of(logits.shape[1], num_levels)
    points = make_points(num_columns, num_levels)
    ends = np.cumsum(level_lengths(num_columns, num_levels)).tolist()
    levels = [
        slice(end - length, end) for end, length in zip(ends, np.diff([0, *ends]), strict=True)
    ]
    # Where exp overflows, the score is 0.
    with np.errstate(over="ignore"):
        scores = outputs["inside"][..., np.newaxis] / (1 + np.exp(-logits))
    reach = np.asarray(outputs["offsets"], np.float64) * points.strides[:, np.newaxis]
    segments = points.positions[:, np.newaxis] + reach * [-1, 1]
    found = []
    for number in range(len(logits)):
        parts = [_of_level(scores[number, rows], segments[number, rows]) for rows in levels]
        together = join(parts)
        lengths = together.segments[:, 1] - together.segments[:, 0]
        found.append(together.take(lengths > min_length))
    return found


def _of_level(scores: np.ndarray, segments: np.ndarray) -> Proposals:
    """The best of a level: scores float32 [P, K], segments float64 [P, 2]."""
    flat = scores.ravel()
    good = np.flatnonzero(flat > MIN_SCORE)
    best = good[np.argsort(-flat[good], kind="stable")[:MOST_OF_A_LEVEL]]
    point, label = np.divmod(best, scores.shape[1])
    return Proposals(segments[point], flat[best].astype(np.float64), label)
