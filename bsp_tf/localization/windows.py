"""Long videos in overlapping windows, as G-TAD treats THUMOS14 (code branch `master`). NumPy only.

A video of n snippets is cut into windows of T snippets; the network sees each by itself, and the
proposals of all windows of a video are merged. Unit of all positions here: snippets from the start
of the video.
"""

from collections.abc import Sequence

import numpy as np

from bsp_tf.localization.heads.gtad.decode import Proposals, decode_proposals
from bsp_tf.localization.nms import Suppression, suppress

# The published settings of THUMOS14: soft-NMS of each window, and again of all windows together.
WINDOW_SUPPRESSION = Suppression(width=0.46, max_proposals=200)
# Proposals of 300 video frames or more are not used there.
MAX_PROPOSAL_FRAMES = 300
# Snippets at the end of a video that may stay outside all windows: the share of a window.
MAX_UNSEEN_SHARE = 1 / 5


def window_starts(num_snippets: int, window: int) -> list[int]:
    """First snippets of the windows: every half window, and one that ends with the video if too
    much is unseen.

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
    score_maps: np.ndarray, starts: Sequence[int], max_length: float
) -> list[Proposals]:
    """All cells of the maps of windows that are shorter than `max_length`, without regard to
    boundaries.

    Args:
        score_maps: Numbers [W, 2, D, T], see `decode_proposals`.
        starts: W first snippets.
        max_length: In snippets; MAX_PROPOSAL_FRAMES / frames between snippets.

    Returns:
        One a window, segments in snippets of the video, whole numbers.

    Raises:
        InputError: as `decode_proposals`.
    """
    found = []
    for proposals, first in zip(decode_proposals(score_maps), starts, strict=True):
        # Fractions of a window back to whole numbers.
        segments = np.rint(proposals.segments * score_maps.shape[-1])
        short = segments[:, 1] - segments[:, 0] < max_length
        found.append(Proposals(segments[short] + first, proposals.scores[short]))
    return found


def merge_windows(
    windows: Sequence[Proposals], rule: Suppression = WINDOW_SUPPRESSION
) -> Proposals:
    """Proposals of one video: those of each window suppressed by themselves, joined, and suppressed
    again.

    Args:
        windows: One or more, in one unit of time.
        rule: How; the same both times.

    Returns:
        At most `rule.max_proposals`, by falling score.
    """
    survivors = suppress(windows, rule)
    joined = Proposals(*map(np.concatenate, zip(*survivors, strict=True)))
    return suppress([joined], rule)[0]
