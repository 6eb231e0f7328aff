"""Parts of long videos: overlapping windows, and random crops to train on. NumPy only.

Windows (G-TAD on THUMOS14, code branch `master`): a video of n snippets is cut into windows of T
snippets; the network sees each by itself, and the proposals of all windows of a video are merged.
Crops (ActionFormer on THUMOS14): one random part of a video in each epoch.
Positions: snippets from the start of the video.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from bsp_tf.localization.nms import Suppression, suppress
from bsp_tf.localization.proposals import Proposals, join

# Snippets at the end of a video that may stay outside all windows: the share of a window.
MAX_UNSEEN_SHARE = 1 / 5
# A crop is drawn so often until it holds a segment; of short videos it takes at least this share.
MOST_CROPS, MIN_CROP = 200, 0.9
# A crop holds a segment if this share of it lies inside.
MIN_SHARE_IN_CROP = 0.5
# Of positions in snippets: takes away what dividing by T and multiplying again leaves.
DECIMALS = 9


def window_starts(num_snippets: int, window: int) -> list[int]:
    """First snippets of the windows: every half window, and one at the end if needed.

    A video shorter than a window has one, which reaches over its end.

    Args:
        num_snippets: n >= 1.
        window: T >= 2.
    """
    if num_snippets < window:
        return [0]
    starts = list(range(0, num_snippets - window + 1, window // 2))
    if num_snippets - window - starts[-1] > int(window * MAX_UNSEEN_SHARE):
        starts.append(num_snippets - window)
    return starts


def cut_windows(features: np.ndarray, window: int) -> np.ndarray:
    """The windows of a video, float32 [W, T, C]; after the end of the video there are zeros.

    Args:
        features: float32 [n, C].
        window: T.
    """
    padded = np.pad(features, ((0, max(window - len(features), 0)), (0, 0)))
    return np.stack(
        [padded[first : first + window] for first in window_starts(len(features), window)]
    )


def window_proposals(
    decoded: Sequence[Proposals], starts: Sequence[int], window: int, max_length: float
) -> list[Proposals]:
    """The proposals of windows that are shorter than `max_length`, in snippets of the video.

    Args:
        decoded: Those of W windows, segments as fractions of the window.
        starts: W first snippets.
        window: T.
        max_length: In snippets.
    """
    found = []
    for proposals, first in zip(decoded, starts, strict=True):
        segments = np.round(proposals.segments * window, DECIMALS)
        short = segments[:, 1] - segments[:, 0] < max_length
        found.append(proposals._replace(segments=segments + first).take(short))
    return found


def merge_windows(windows: Sequence[Proposals], rule: Suppression) -> Proposals:
    """Proposals of one video: those of each window suppressed, joined, and suppressed again.

    Args:
        windows: One or more, in one unit of time.
        rule: How; the same both times.

    Returns:
        At most `rule.max_proposals`, by falling score.
    """
    # Segments are moved once, at the end.
    in_place = dataclasses.replace(rule, voting=0)
    return suppress([join(suppress(windows, in_place))], rule)[0]


def draw_crop(
    rng: np.random.Generator, num_snippets: int, limit: int, segments: np.ndarray, margin: float
) -> tuple[int, int]:
    """First snippet and length of a random part, drawn again until it holds one of the segments.

    Args:
        rng: Decides.
        num_snippets: n >= 1.
        limit: Longer videos give parts of this length, others most of themselves.
        segments: float64 [k, 2]; k may be 0.
        margin: See `segments_in_crop`.
    """
    length = limit
    if num_snippets <= limit:
        length = int(rng.integers(max(round(MIN_CROP * num_snippets), 1), num_snippets + 1))
    first = 0
    for _ in range(MOST_CROPS):
        first = int(rng.integers(num_snippets - length + 1))
        if length == num_snippets or segments_in_crop(segments, first, length, margin)[0].any():
            break
    return first, length


def segments_in_crop(
    segments: np.ndarray, first: int, length: int, margin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Which segments a crop holds, bool [k], and those, float64 [j, 2], from its first snippet on.

    Args:
        segments: float64 [k, 2]; k may be 0.
        first, length: The crop; all that its snippets show is `margin` longer on both sides.
        margin: How far a snippet sees.
    """
    inside = np.clip(segments, first - margin, first + length + margin)
    lengths = np.maximum(segments[:, 1] - segments[:, 0], np.finfo(np.float64).tiny)
    held = (inside[:, 1] - inside[:, 0]) / lengths >= MIN_SHARE_IN_CROP
    return held, inside[held] - first
