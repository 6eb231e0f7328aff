"""AR@AN of resamples of the videos, from overlaps that are computed once.

A ground truth is recalled as soon as its best proposals in use reach down to the first one that
overlaps enough. How many are in use at each AN follows from totals over the videos, so it is
computed for each resample, once for all videos with equally many proposals.
"""

from dataclasses import dataclass

import numpy as np

from bsp_tf.evaluation.ground_truth import Instances
from bsp_tf.evaluation.matching import translate
from bsp_tf.evaluation.proposal_recall import NEVER, PERCENT, first_finders, officially_used


@dataclass(frozen=True)
class RankedProposals:
    """The proposals of one run; see `rank_proposals`.

    Attributes:
        num_proposals: int64 [videos], proposals of each, also of those without a ground truth.
        num_elsewhere: Proposals of videos that the ground truth does not name.
        is_scored: bool [videos], those with a ground truth.
        truth_video: int64 [g].
        threshold, truth: int64 [n], which threshold finds which ground truth.
        kinds: int64 [kinds], rising: numbers of proposals that occur.
        kind: int64 [videos], index into `kinds`.
        pair: int64 [n], index into the pairs below.
        pair_kind, pair_place: int64 [pairs], the kind of a video, and the place of its first
            proposal that reaches the threshold, the best proposal being 0.
        num_tiou: Number of thresholds.
        max_proposals: The largest AN.
    """

    num_proposals: np.ndarray
    num_elsewhere: int
    is_scored: np.ndarray
    truth_video: np.ndarray
    threshold: np.ndarray
    truth: np.ndarray
    kinds: np.ndarray
    kind: np.ndarray
    pair: np.ndarray
    pair_kind: np.ndarray
    pair_place: np.ndarray
    num_tiou: int
    max_proposals: int


def rank_proposals(
    ground_truth: Instances, proposals: Instances, tiou: np.ndarray, max_proposals: int = 100
) -> RankedProposals:
    """Finds the first proposal for each ground truth at every threshold; labels play no part.

    Args:
        ground_truth: At least one instance.
        proposals: With scores; may be empty.
        tiou: float64 [T] in (0, 1].
        max_proposals: The largest AN, at least 1.

    Raises:
        InputError: the proposals have no scores.
    """
    num_videos = len(ground_truth.video_names)
    finders = first_finders(ground_truth, proposals, tiou)
    video = translate(proposals.video_names, ground_truth.video_names, proposals.video)
    kinds, kind = np.unique(finders.available, return_inverse=True)
    place = finders.first.reshape(-1)
    found = np.flatnonzero(place < NEVER)
    place = place[found]
    # A table would have a row for each kind and a column for each place; few of its cells occur.
    columns = int(place.max(initial=0)) + 1
    threshold, truth = np.divmod(found, len(ground_truth))
    truth_kind = kind[ground_truth.video[truth]]
    pairs, pair = np.unique(truth_kind * columns + place, return_inverse=True)
    return RankedProposals(
        np.bincount(video[video >= 0], minlength=num_videos),
        int((video < 0).sum()),
        finders.is_scored,
        ground_truth.video,
        threshold,
        truth,
        kinds,
        kind,
        pair,
        pairs // columns,
        pairs % columns,
        len(tiou),
        max_proposals,
    )


def recall_of_resamples(ranked: RankedProposals, weights: np.ndarray) -> np.ndarray:
    """AR of each resample at each AN, float64 [R, 100], fractions; NaN without ground truth.

    It is `average_recall` of what `proposal_recall` gives for files that hold each video as often
    as the resample does, under other ids. Proposals of unknown videos are there once.

    Args:
        ranked: Proposals of one run.
        weights: int32 [R, videos], how often each resample holds each video.
    """
    return np.array([_average_recall(ranked, own) for own in weights.astype(np.int64)])


def _average_recall(ranked: RankedProposals, weight: np.ndarray) -> np.ndarray:
    """AR at each AN, float64 [100], of one resample: `weight` int64 [videos]."""
    truth_weight = weight[ranked.truth_video]
    num_truths = truth_weight.sum()
    if not num_truths:
        return np.full(len(PERCENT), np.nan)
    scored = weight * ranked.is_scored
    used = officially_used(
        ranked.kinds,
        np.bincount(ranked.kind, scored, len(ranked.kinds)),
        int(scored.sum()),
        int(weight @ ranked.num_proposals) + ranked.num_elsewhere,
        ranked.max_proposals,
    )
    # `used` rises with AN. Kinds, one behind the other, make one rising row to search.
    stride = int(max(used.max(initial=0), ranked.pair_place.max(initial=0))) + 1
    rising = (used + np.arange(len(used))[:, np.newaxis] * stride).reshape(-1)
    wanted = ranked.pair_kind * stride + ranked.pair_place
    reached = np.searchsorted(rising, wanted, side="right") - ranked.pair_kind * len(PERCENT)
    columns = len(PERCENT) + 1
    counts = np.bincount(
        ranked.threshold * columns + reached[ranked.pair],
        truth_weight[ranked.truth],
        ranked.num_tiou * columns,
    ).reshape(ranked.num_tiou, columns)
    recall = np.cumsum(counts[:, :-1], axis=1) / num_truths
    return recall.mean(axis=0)
