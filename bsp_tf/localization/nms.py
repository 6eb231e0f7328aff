"""Suppression of overlapping proposals."""

import numpy as np

from bsp_tf.evaluation.segments import tiou

# Width of the Gaussian: a proposal of tIoU t with a better one keeps exp(-t^2 / SOFT_NMS_WIDTH) of its score.
# This is exp(-t^2 / (2 sigma^2)) with sigma^2 = 0.4, G-TAD's value on ActivityNet.
SOFT_NMS_WIDTH = 0.8
MAX_PROPOSALS = 100


def soft_nms(
    segments: np.ndarray,
    scores: np.ndarray,
    width: float = SOFT_NMS_WIDTH,
    max_proposals: int = MAX_PROPOSALS,
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian soft-NMS (Bodla et al., ICCV 2017): pick the best, fade what overlaps it, again.

    The reference implementation stops with one proposal left over and so loses the last of every video that
    has no more than `max_proposals`; here all come through.

    Args:
        segments: Numbers [n, 2], start and end.
        scores: Numbers [n], not negative.
        width: Denominator of the exponent, above 0.
        max_proposals: Most picks.

    Returns:
        indices int64 [m] into the inputs in the order of picking (scores never rise), and float64 [m] faded
        scores. Among equal scores the first wins.
    """
    segments, current = np.asarray(segments, np.float64), np.array(scores, np.float64)
    index = np.arange(len(current))
    picked, picked_scores = [], []
    for _ in range(min(max_proposals, len(current))):
        best = int(current.argmax())
        picked.append(index[best])
        picked_scores.append(current[best])
        # A pick leaves the arrays: later rounds are shorter, and equal scores keep their order.
        overlap = tiou(segments, segments[best])
        current = np.delete(current * np.exp(-np.square(overlap) / width), best)
        segments, index = np.delete(segments, best, axis=0), np.delete(index, best)
    return np.array(picked, np.int64), np.array(picked_scores, np.float64)
