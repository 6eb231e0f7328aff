"""mAP of resamples of the videos, from matches that are found once.

A detection finds a ground truth of its own video, so that which one finds which does not depend on
the other videos. A video that is n times in a resample gives n equal copies of its detections, side
by side in the ranking: counts of true and false positives become sums of weights, and nothing is
matched or sorted again. Copies of a true positive raise the precision one after another, so the
envelope over all of them is that at the last one.
"""

from dataclasses import dataclass

import numpy as np

from bsp_tf.evaluation.ground_truth import Instances
from bsp_tf.evaluation.matching import match_predictions

# Weights of the detections of one class that are looked at together: they bound the memory (16 MB)
# and stay near the processor.
WEIGHTS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class RankedClass:
    """Detections of one class by falling score, down to the last that finds a ground truth.

    Attributes:
        video: int64 [m], video of each; the number of videos where it is unknown.
        last: int64 [u], rising: places of those that find one at any threshold; the last is m - 1.
        hits: One array int64 [hits] per threshold, rising: the places in `last` of those that find
            one.
        truth_video: int64 [g], video of each ground truth of the class.
    """

    video: np.ndarray
    last: np.ndarray
    hits: list[np.ndarray]
    truth_video: np.ndarray


@dataclass(frozen=True)
class MatchedDetections:
    """The detections of one run, matched; see `match_detections`.

    Attributes:
        num_videos: Videos of the ground truth.
        tiou: float64 [T].
        classes: One for each class of the ground truth.
    """

    num_videos: int
    tiou: np.ndarray
    classes: list[RankedClass]


def match_detections(
    ground_truth: Instances, predictions: Instances, tiou: np.ndarray
) -> MatchedDetections:
    """Matches all detections at every threshold, as `detection_map` does.

    Args:
        ground_truth: Instances, of at least one class.
        predictions: With scores; may be empty.
        tiou: float64 [T] in (0, 1].

    Raises:
        InputError: the predictions have no scores.
    """
    matching = match_predictions(ground_truth, predictions, tiou)
    num_videos = len(ground_truth.video_names)
    video = matching.video[matching.order].astype(np.int64)
    video[video < 0] = num_videos
    classes = []
    for label, (begin, end) in enumerate(
        zip(matching.bounds[:-1], matching.bounds[1:], strict=True)
    ):
        places = [
            found[np.searchsorted(found, begin) : np.searchsorted(found, end)] - begin
            for found, _ in matching.hits
        ]
        last = np.unique(np.concatenate(places)).astype(np.int64)
        length = int(last[-1]) + 1 if len(last) else 0
        classes.append(
            RankedClass(
                video[begin : begin + length],
                last,
                [np.searchsorted(last, found) for found in places],
                ground_truth.video[ground_truth.label == label],
            )
        )
    return MatchedDetections(num_videos, tiou, classes)


def map_of_resamples(matched: MatchedDetections, weights: np.ndarray) -> np.ndarray:
    """mAP of each resample at each threshold, float64 [R, T], fractions; NaN without ground truth.

    It is what `detection_map` gives for files that hold each video as often as the resample does,
    under other ids: the mean over the classes that the resample holds. Detections of unknown videos
    are false positives once.

    Args:
        matched: Detections of one run.
        weights: int32 [R, videos], how often each resample holds each video.
    """
    longest = max(len(ranked.video) for ranked in matched.classes)
    block = max(1, WEIGHTS_AT_ONCE // max(longest, matched.num_videos + 1))
    return np.concatenate(
        [
            _map_of_block(matched, weights[begin : begin + block])
            for begin in range(0, len(weights), block)
        ]
    )


def _map_of_block(matched: MatchedDetections, weights: np.ndarray) -> np.ndarray:
    once = np.ones((1, len(weights)), weights.dtype)
    of_video = np.concatenate([weights.T, once])
    total = np.zeros((len(weights), len(matched.tiou)))
    num_classes = np.zeros(len(weights))
    for ranked in matched.classes:
        num_truths = of_video[ranked.truth_video].sum(axis=0)
        num_classes += num_truths > 0
        areas = _areas(ranked, of_video)
        total += np.divide(
            areas.T, num_truths[:, None], where=num_truths[:, None] > 0, out=0 * total
        )
    empty = num_classes == 0
    return np.where(empty[:, None], np.nan, total / np.maximum(num_classes, 1)[:, None])


def _areas(ranked: RankedClass, of_video: np.ndarray) -> np.ndarray:
    """Sum over the true positives of the envelope of precision, float64 [T, R].

    Args:
        ranked: Detections of one class.
        of_video: int32 [videos + 1, R], weights; those of unknown videos last.
    """
    areas = np.zeros((len(ranked.hits), of_video.shape[1]))
    if not len(ranked.last):
        return areas
    first = np.concatenate([[0], ranked.last[:-1] + 1])
    before = np.add.reduceat(of_video[ranked.video], first, axis=0, dtype=np.int64)
    # A weight of 0 comes before any other where this is 0, and its precision counts for nothing.
    ranks = np.maximum(np.cumsum(before, axis=0), 1)
    own = of_video[ranked.video[ranked.last]]
    for area, hits in zip(areas, ranked.hits, strict=True):
        weight = own[hits]
        precision = np.cumsum(weight, axis=0) / ranks[hits]
        envelope = np.maximum.accumulate(precision[::-1], axis=0)
        # Resamples in rows: NumPy then adds in the order of `average_precision`.
        area[:] = np.ascontiguousarray((envelope * weight[::-1]).T).sum(axis=1)
    return areas
