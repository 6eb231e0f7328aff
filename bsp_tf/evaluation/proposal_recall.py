"""Average recall against the average number of proposals (AR@AN): ActivityNet's proposal task.

Labels play no part. A ground truth is recalled at a tIoU threshold if any of the best proposals of
its video reaches it. How many of a video's proposals are looked at grows in proportion to how many
it has, so that AN is an average over the videos that have a ground truth.

By default all numbers are the official scorer's, its roundings included: the share of proposals
goes through floating point and is cut off (with 100 proposals per video, AN 29, 57 and 58 look at
28, 56 and 57), it is cut off twice, and proposals for videos outside the subset thin out the
others. `exact=True` counts in whole numbers and leaves those proposals out. Among equal scores the
proposal later in the file comes first, as in `matching.py`.
"""

from dataclasses import dataclass, field

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.ground_truth import Instances
from bsp_tf.evaluation.matching import overlapping_pairs, rank, translate
from bsp_tf.evaluation.thresholds import ACTIVITYNET_TIOU, check_tiou

# Points of the curve, in percent of the largest AN.
PERCENT = np.arange(1, 101)
# Place of a proposal that is not there: behind all others.
NEVER = np.iinfo(np.int64).max

WARNING_TEXT = {
    "proposals_for_unknown_video": "proposals for a video without ground truth in this subset",
    "reversed_proposals": "proposals that end before they start (no overlap)",
    "videos_without_proposals": "videos with ground truth but without a proposal",
    "zero_length_ground_truths": "ground-truth segments without length (nobody can find them)",
}


@dataclass(frozen=True)
class RecallScores:
    """Result of `proposal_recall`.

    Attributes:
        tiou: float64 [T].
        proposals_per_video: float64 [100], AN.
        recall: float64 [T, 100], fractions.
        warnings: Counts above 0 by the keys of WARNING_TEXT.
    """

    tiou: np.ndarray
    proposals_per_video: np.ndarray
    recall: np.ndarray
    warnings: dict[str, int] = field(default_factory=dict)

    @property
    def average_recall(self) -> np.ndarray:
        """AR at each AN, float64 [100]: the mean over the thresholds."""
        return self.recall.mean(axis=0)

    @property
    def area(self) -> float:
        """AUC in [0, 1]: area under AR from first to last AN (trapezoids), over the last AN."""
        recall, counts = self.average_recall, self.proposals_per_video
        return float(np.sum(np.diff(counts) * (recall[1:] + recall[:-1]) / 2) / counts[-1])

    def at(self, number: float) -> float:
        """AR at the largest AN that is at most `number`; 0 below the first."""
        index = int(np.searchsorted(self.proposals_per_video, number + 1e-9, side="right")) - 1
        return float(self.average_recall[index]) if index >= 0 else 0.0

    def to_json(self) -> dict:
        """{"tiou", "proposals_per_video", "average_recall", "AUC", "recall", "warnings"}."""
        return {
            "tiou": self.tiou.tolist(),
            "proposals_per_video": self.proposals_per_video.tolist(),
            "average_recall": self.average_recall.tolist(),
            "AUC": self.area,
            "recall": self.recall.tolist(),
            "warnings": self.warnings,
        }


def proposal_recall(
    ground_truth: Instances,
    proposals: Instances,
    tiou: np.ndarray = ACTIVITYNET_TIOU,
    max_proposals: int = 100,
    exact: bool = False,
) -> RecallScores:
    """Recall at 100 average numbers of proposals, up to `max_proposals`.

    Args:
        ground_truth: At least one instance.
        proposals: With scores; may be empty (recall 0).
        tiou: Numbers [T] in (0, 1]; an overlap equal to a threshold reaches it.
        max_proposals: The largest AN, at least 1; 100 officially.
        exact: Whole numbers instead of the official roundings.

    Raises:
        InputError: no ground truth, proposals without scores, a threshold outside (0, 1] or
            `max_proposals` below 1.
    """
    tiou = check_tiou(tiou)
    if max_proposals < 1:
        raise InputError(f"{max_proposals} proposals per video: give at least 1.")
    if not len(ground_truth):
        raise InputError("the ground truth has no segment: nothing can be scored.")
    finders = first_finders(ground_truth, proposals, tiou)
    is_scored, available = finders.is_scored, finders.available
    in_use = finders.video >= 0
    num_videos = int(is_scored.sum())
    if exact:
        used = _used(available, num_videos, int(in_use.sum()), max_proposals)
    else:
        used = officially_used(available, is_scored, num_videos, len(proposals), max_proposals)
    # AN is the quick axis of the result: [AN, truths] is compared and counted row by row.
    used = np.ascontiguousarray(used[ground_truth.video].T)
    recall = np.empty((len(tiou), len(PERCENT)))
    for row, first in zip(recall, finders.first, strict=True):
        row[:] = np.count_nonzero(first < used, axis=1) / len(ground_truth)

    is_reversed = proposals.segment[:, 1] < proposals.segment[:, 0]
    counts = {
        "proposals_for_unknown_video": int((~in_use).sum()),
        "reversed_proposals": int(is_reversed[in_use].sum()),
        "videos_without_proposals": int((available[is_scored] == 0).sum()),
        "zero_length_ground_truths": int((np.diff(ground_truth.segment) == 0).sum()),
    }
    return RecallScores(
        tiou,
        PERCENT / 100.0 * max_proposals,
        recall,
        {key: count for key, count in counts.items() if count},
    )


@dataclass(frozen=True)
class FirstFinders:
    """Result of `first_finders`.

    Attributes:
        video: int32 [n], video of each proposal; -1 where it has no ground truth.
        is_scored: bool [videos], those with a ground truth.
        available: int64 [videos], proposals of each of them.
        first: int64 [T, g], place of the proposal among those of its video, the best being 0; NEVER
            where none reaches the threshold.
    """

    video: np.ndarray
    is_scored: np.ndarray
    available: np.ndarray
    first: np.ndarray


def first_finders(ground_truth: Instances, proposals: Instances, tiou: np.ndarray) -> FirstFinders:
    """The best proposal that reaches each threshold, for each ground truth.

    Raises:
        InputError: the proposals have no scores.
    """
    if proposals.score is None:
        raise InputError("the proposals have no scores: they cannot be ranked.")
    num_videos = len(ground_truth.video_names)
    is_scored = np.bincount(ground_truth.video, minlength=num_videos) > 0
    video = translate(proposals.video_names, ground_truth.video_names, proposals.video)
    video[(video >= 0) & ~is_scored[video]] = -1

    order, bounds = rank(video, proposals.score, num_videos)
    available = np.diff(bounds)
    place = np.zeros(len(video), np.int64)
    place[order] = np.arange(len(order)) - np.repeat(bounds[:-1], available)

    proposal, truth, value, _ = overlapping_pairs(
        video, proposals.segment, ground_truth.video, ground_truth.segment, tiou.min()
    )
    place = place[proposal]
    first = np.full((len(tiou), len(ground_truth)), NEVER)
    for row, threshold in zip(first, tiou, strict=True):
        enough = value >= threshold
        np.minimum.at(row, truth[enough], place[enough])
    return FirstFinders(video, is_scored, available, first)


def officially_used(
    available: np.ndarray,
    weight: np.ndarray,
    num_videos: int,
    num_proposals: int,
    max_proposals: int,
) -> np.ndarray:
    """Proposals looked at, int64 [kinds, 100]: the official scorer's operations in its order.

    Args:
        available: int64 [kinds], proposals of a video.
        weight: Integers [kinds], how many videos with a ground truth have so many.
        num_videos: Videos with a ground truth.
        num_proposals: All rows of the file, whatever their video.
        max_proposals: The largest AN.
    """
    if not num_proposals:
        return np.zeros((len(available), len(PERCENT)), np.int64)
    ratio = max_proposals * float(num_videos) / num_proposals
    kept = np.minimum((available * ratio).astype(np.int64), available)
    total = max(int((kept * weight).sum()), 1)
    share = PERCENT / 100.0 * (max_proposals * float(num_videos) / total)
    return np.minimum((kept[:, np.newaxis] * share).astype(np.int64), kept[:, np.newaxis])


def _used(
    available: np.ndarray, num_videos: int, num_proposals: int, max_proposals: int
) -> np.ndarray:
    """The same in whole numbers, cut off once: floor(available * AN / mean available)."""
    wanted = (
        available[:, np.newaxis]
        * PERCENT
        * max_proposals
        * num_videos
        // max(100 * num_proposals, 1)
    )
    return np.minimum(wanted, available[:, np.newaxis])
