"""Score maps of G-TAD (arXiv 1911.11462) -> candidate segments, by BSN's rule. NumPy only."""

from functools import lru_cache

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.localization.proposals import Proposals

# A boundary above this share of the video's highest is a candidate even off a peak.
CANDIDATE_SHARE = 0.5


def boundary_candidates(probability: np.ndarray) -> np.ndarray:
    """Positions at which a segment may start or end, bool [..., T].

    A position counts if it is a strict local peak (the two ends of the video have only one
    neighbour and are none) or exceeds half of the highest probability.

    Args:
        probability: Numbers [..., T] in [0, 1].
    """
    candidate = probability > CANDIDATE_SHARE * probability.max(axis=-1, keepdims=True)
    inner = probability[..., 1:-1]
    candidate[..., 1:-1] |= (inner > probability[..., :-2]) & (inner > probability[..., 2:])
    return candidate


def decode_proposals(
    score_map: np.ndarray, start: np.ndarray | None = None, end: np.ndarray | None = None
) -> list[Proposals]:
    """All segments that end inside the video, or those between a candidate start and end.

    Cell (d, s) of the map is the segment [s, s + d + 1] / T, where s + d + 1 is below T. With
    `start` and `end` it is kept if s is a candidate start (0 always is) and s + d + 1 a candidate
    end (T - 1 always is); G-TAD goes without them on THUMOS14. Its score is classification times
    regression.

    Args:
        score_map: Numbers [V, 2, D, T] of V videos; channel 0 regression, channel 1 classification,
            rows = duration, columns = start.
        start: Numbers [V, T], probability that a segment starts at each position; None: anywhere.
        end: Numbers [V, T], the same for ends.

    Returns:
        For each video the segments as fractions of it, by duration, then by start.

    Raises:
        InputError: shapes that do not belong together, or NaN or infinity in any input.

    >>> scores = np.zeros((1, 2, 2, 4))  # one video, durations 1 and 2, four starts
    >>> scores[0, :, 1, 0] = 0.5, 0.8  # duration index 1, start 0: regression, classification
    >>> (found,) = decode_proposals(scores)
    >>> best = found.scores.argmax()
    >>> found.segments[best].tolist(), float(found.scores[best])
    ([0.0, 0.5], 0.4)
    """
    given = [np.asarray(array) for array in (score_map, start, end) if array is not None]
    shapes = [array.shape for array in given]
    videos, length = shapes[0][0] if shapes[0] else 0, shapes[0][-1] if shapes[0] else 0
    if (
        len(shapes[0]) != 4
        or shapes[0][1] != 2
        or length < 2
        or len(given) == 2
        or any(shape != (videos, length) for shape in shapes[1:])
    ):
        raise InputError(
            f"score maps of shapes {shapes}: expected a map [V, 2, D, T] alone, or with start and "
            "end [V, T]."
        )
    if not all(np.isfinite(array).all() for array in given):
        raise InputError(
            "score maps hold NaN or infinity: look for a diverged training or broken features."
        )
    cell, first, last = _cells(shapes[0][2], length)
    if len(given) == 1:
        video, kept = np.divmod(np.arange(videos * len(cell)), len(cell))
    else:
        may_start, may_end = map(boundary_candidates, given[1:])
        may_start[:, 0] = may_end[:, -1] = True
        video, kept = np.nonzero(may_start[:, first] & may_end[:, last])
    regression, classification = np.moveaxis(
        given[0].reshape(videos, 2, shapes[0][2] * length), 1, 0
    )
    scores = classification[video, cell[kept]].astype(np.float64) * regression[video, cell[kept]]
    segments = np.stack([first[kept], last[kept]], axis=1) / length
    ends = np.searchsorted(video, np.arange(videos + 1))
    return [
        Proposals(segments[begin:end], scores[begin:end])
        for begin, end in zip(ends[:-1], ends[1:], strict=True)
    ]


@lru_cache(maxsize=4)
def _cells(durations: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat index, start and end of the cells [D, T] that end inside the video, int64 [n] each."""
    duration, first = np.indices((durations, length))
    last = first + duration + 1
    cell = np.flatnonzero(last < length)
    return cell, first.ravel()[cell], last.ravel()[cell]
