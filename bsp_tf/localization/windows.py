"""Long videos in overlapping windows, as G-TAD treats THUMOS14 (code branch `master`). NumPy only.

A video of n snippets is cut into windows of T snippets; the network sees each by itself, and the
proposals of all windows of a video are merged. Positions: snippets from the start of the video.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from bsp_tf.localization.nms import Suppression, suppress
from bsp_tf.localization.proposals import Proposals, join

# Snippets at the end of a video that may stay outside all windows: the share of a window.
MAX_UNSEEN_SHARE = 1 / 5
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
