"""Score maps of G-TAD -> candidate segments (Xu et al., arXiv 1911.11462; BSN's candidate rule)."""

import numpy as np

from bsp_tf.base.errors import InputError

# A boundary whose probability exceeds this share of the video's highest is a candidate even off a peak.
CANDIDATE_SHARE = 0.5


def boundary_candidates(probability: np.ndarray) -> np.ndarray:
    """Positions at which a segment may start or end, bool [T].

    A position counts if it is a strict local peak (the two ends of the video have only one neighbour and are
    none) or exceeds half of the highest probability.

    Args:
        probability: Numbers [T] in [0, 1].
    """
    candidate = probability > CANDIDATE_SHARE * probability.max()
    inner = probability[1:-1]
    candidate[1:-1] |= (inner > probability[:-2]) & (inner > probability[2:])
    return candidate


def decode_proposals(
    start: np.ndarray, end: np.ndarray, score_map: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """All segments between a candidate start and a candidate end.

    Cell (d, s) of the map is the segment [s, s + d + 1] / T; it is kept if s is a candidate start (0 always
    is) and s + d + 1, below T, a candidate end (T - 1 always is). Its score is classification times
    regression.

    Args:
        start: Numbers [T], probability that a segment starts at each position.
        end: Numbers [T], the same for ends.
        score_map: Numbers [2, D, T]; channel 0 regression, channel 1 classification, rows = duration, columns
            = start.

    Returns:
        segments float64 [n, 2] as fractions of the video, and scores float64 [n], by duration, then by start.

    Raises:
        InputError: shapes that do not belong together, or NaN or infinity in any input.
    """
    start, end, score_map = (np.asarray(array, np.float64) for array in (start, end, score_map))
    length = start.shape[-1] if start.ndim else 0
    if (
        length < 2
        or start.shape != (length,)
        or end.shape != start.shape
        or score_map.ndim != 3
        or score_map.shape[0] != 2
        or score_map.shape[2] != length
    ):
        raise InputError(
            f"score maps of shapes start {start.shape}, end {end.shape}, map {score_map.shape}: "
            "expected [T], [T] and [2, D, T]."
        )
    if not all(np.isfinite(array).all() for array in (start, end, score_map)):
        raise InputError("score maps hold NaN or infinity: look for a diverged training or broken features.")
    may_start, may_end = boundary_candidates(start), boundary_candidates(end)
    may_start[0] = may_end[-1] = True
    duration, first = np.indices(score_map.shape[1:])
    last = first + duration + 1
    keep = (last < length) & may_start & may_end[np.minimum(last, length - 1)]
    segments = np.stack([first[keep], last[keep]], axis=1) / length
    return segments, (score_map[1] * score_map[0])[keep]
