"""Mean average precision of detections, as the official ActivityNet scorer computes it.

`matching.py` says who finds what. Two differences from the official scorer: a label that the ground
truth lacks is ignored (officially a KeyError), and where the union has no length there is no
overlap (officially 0/0 = NaN, which counts as a hit); both are counted in the warnings.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.ground_truth import Instances
from bsp_tf.evaluation.matching import match_predictions, translate
from bsp_tf.evaluation.proposal_recall import RecallScores, proposal_recall
from bsp_tf.evaluation.thresholds import ACTIVITYNET_TIOU, check_tiou

WARNING_TEXT = {
    "predictions_with_unknown_label": (
        "predictions with a label that this ground truth lacks (ignored)"
    ),
    "predictions_for_unknown_video": (
        "predictions for a video outside this ground truth (false positives)"
    ),
    "reversed_predictions": "predictions that end before they start (no overlap, false positives)",
    "zero_length_ground_truths": "ground-truth segments without length (nobody can find them)",
    "undefined_overlaps": "pairs whose union has no length (no overlap; officially 0/0, a hit)",
    "classes_without_predictions": "classes without a prediction (score 0, part of the mean)",
}


@dataclass(frozen=True)
class LocalizationAlone:
    """Result of `localization_alone`.

    Attributes:
        mean_ap: float64 [T], mAP with the true classes given.
        recall: Of the distinct segments, labels aside.
    """

    mean_ap: np.ndarray
    recall: RecallScores

    def to_json(self) -> dict:
        """{"mAP", "average_mAP", "proposals_per_video", "average_recall", "AUC"}."""
        recall = self.recall.to_json()
        return {
            "mAP": self.mean_ap.tolist(),
            "average_mAP": float(self.mean_ap.mean()),
            **{key: recall[key] for key in ("proposals_per_video", "average_recall", "AUC")},
        }


@dataclass(frozen=True)
class DetectionScores:
    """Result of `detection_map`.

    Attributes:
        tiou: float64 [T].
        mean_ap: float64 [T], fractions.
        ap: float64 [num_classes, T], rows as `class_names`.
        class_names: Classes of the ground truth.
        warnings: Counts above 0 by the keys of WARNING_TEXT.
        unknown_labels: Names that were ignored.
        localization: The same without the classifier's mistakes, where it was asked for.
    """

    tiou: np.ndarray
    mean_ap: np.ndarray
    ap: np.ndarray
    class_names: list[str]
    warnings: dict[str, int] = field(default_factory=dict)
    unknown_labels: tuple[str, ...] = ()
    localization: LocalizationAlone | None = None

    @property
    def average(self) -> float:
        """Mean of `mean_ap` over the thresholds."""
        return float(self.mean_ap.mean())

    def to_json(self) -> dict:
        """{"tiou", "mAP", "average_mAP", "ap": {label: [one per threshold]}, "warnings"}.

        Where it was asked for, "localization_alone" too.
        """
        alone = {"localization_alone": self.localization.to_json()} if self.localization else {}
        return {
            "tiou": self.tiou.tolist(),
            "mAP": self.mean_ap.tolist(),
            "average_mAP": self.average,
            "ap": dict(zip(self.class_names, self.ap.tolist(), strict=True)),
            "warnings": self.warnings,
            **alone,
        }


def detection_map(
    ground_truth: Instances, predictions: Instances, tiou: np.ndarray = ACTIVITYNET_TIOU
) -> DetectionScores:
    """Average precision of every class at every threshold.

    Args:
        ground_truth: At least one instance; classes are those that occur in it.
        predictions: With scores; may be empty.
        tiou: Numbers [T] in (0, 1]; an overlap equal to a threshold reaches it.

    Raises:
        InputError: no ground truth, predictions without scores, or a threshold outside (0, 1].

    >>> from bsp_tf.evaluation.ground_truth import make_instances
    >>> truth = make_instances(["v", "v"], ["jump", "run"], [[0, 10], [20, 30]])
    >>> found = make_instances(["v", "v"], ["jump", "run"], [[0, 9], [20, 22]], [0.9, 0.8])
    >>> detection_map(truth, found, [0.5, 0.95]).mean_ap
    array([0.5, 0. ])
    """
    tiou = check_tiou(tiou)
    if not len(ground_truth):
        raise InputError("the ground truth has no segment: nothing can be scored.")
    matching = match_predictions(ground_truth, predictions, tiou)

    num_classes = len(ground_truth.class_names)
    num_truths = np.bincount(ground_truth.label, minlength=num_classes)
    ap = np.zeros((num_classes, len(tiou)))
    for column, (places, _) in enumerate(matching.hits):
        own = np.searchsorted(places, matching.bounds)
        for index in np.flatnonzero(np.diff(own)):
            ranks = places[own[index] : own[index + 1]] - matching.bounds[index]
            ap[index, column] = average_precision(ranks, num_truths[index])

    is_reversed = predictions.segment[:, 1] < predictions.segment[:, 0]
    counts = {
        "predictions_with_unknown_label": len(predictions) - len(matching.order),
        "predictions_for_unknown_video": int((matching.video < 0)[matching.order].sum()),
        "reversed_predictions": int(is_reversed[matching.order].sum()),
        "zero_length_ground_truths": int((np.diff(ground_truth.segment) == 0).sum()),
        "undefined_overlaps": matching.undefined,
        "classes_without_predictions": int((np.diff(matching.bounds) == 0).sum()),
    }
    unknown = sorted(set(predictions.class_names) - set(ground_truth.class_names))
    return DetectionScores(
        tiou,
        ap.mean(axis=0),
        ap,
        ground_truth.class_names,
        {key: count for key, count in counts.items() if count},
        tuple(unknown),
    )


def localization_alone(
    ground_truth: Instances, predictions: Instances, tiou: np.ndarray = ACTIVITYNET_TIOU
) -> LocalizationAlone:
    """What the segments are worth: mAP with the true classes given, and recall without classes.

    Args:
        ground_truth: At least one instance.
        predictions: With scores; may be empty.
        tiou: Numbers [T] in (0, 1]; an overlap equal to a threshold reaches it.

    Raises:
        InputError: no ground truth, predictions without scores, or a threshold outside (0, 1].
    """
    if predictions.score is None:
        raise InputError("the predictions have no scores: they cannot be ranked.")
    segments = distinct_segments(predictions)
    given = with_true_classes(ground_truth, segments)
    return LocalizationAlone(
        detection_map(ground_truth, given, tiou).mean_ap,
        proposal_recall(ground_truth, segments, tiou),
    )


def distinct_segments(predictions: Instances) -> Instances:
    """Each segment of a video once, with the highest of its scores, in the order of the file.

    Detectors write a segment once for each class that it may have.
    """
    start, end = predictions.segment.T
    score = np.zeros(len(predictions)) if predictions.score is None else predictions.score
    order = np.lexsort((-score, end, start, predictions.video))
    rows = np.column_stack([predictions.video, predictions.segment])[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    keep = np.sort(order[is_first])
    return replace(
        predictions,
        video=predictions.video[keep],
        label=predictions.label[keep],
        segment=predictions.segment[keep],
        score=score[keep],
    )


def with_true_classes(ground_truth: Instances, segments: Instances) -> Instances:
    """Segments (`distinct_segments`), each with every class of its video in the ground truth.

    It is what a classifier of whole videos would give that knows each video's classes but not where
    they are. Labels of the predictions play no part; their scores stay, so that the confidence of
    the classifier still counts in the order of videos. Segments of a video without an instance, or
    outside the ground truth, have no true class and are left out.
    """
    video = translate(segments.video_names, ground_truth.video_names, segments.video)
    num_classes = len(ground_truth.class_names)
    pairs = np.unique(ground_truth.video * num_classes + ground_truth.label)
    count = np.bincount(pairs // num_classes, minlength=len(ground_truth.video_names))
    first = np.cumsum(count) - count
    copies = np.where(video >= 0, count[video], 0)
    row = np.repeat(np.arange(len(segments)), copies)
    number = np.arange(len(row)) - np.repeat(np.cumsum(copies) - copies, copies)
    return Instances(
        ground_truth.video_names,
        ground_truth.class_names,
        video[row].astype(np.int64),
        pairs[first[video[row]] + number] % num_classes,
        segments.segment[row],
        None if segments.score is None else segments.score[row],
    )


def average_precision(ranks: np.ndarray, num_ground_truths: int, true_weight: float = 1.0) -> float:
    """Area under the interpolated precision-recall curve of one class, in [0, 1].

    Precision at a rank is raised to the highest precision at that rank or later (the envelope); the
    area is its sum over the steps of recall, all 1 / num_ground_truths wide. Steps and peaks lie at
    the hits, so the other ranks need no look. Hits at the ranks 0, 2, 4 with 4 ground truths give
    0.5666...

    Args:
        ranks: int64 [hits], rising: how many predictions come before each hit.
        num_ground_truths: Number of segments to find, at least 1.
        true_weight: Weight of a true positive in the precision; see `precision_at_hits`.
    """
    envelope = np.maximum.accumulate(precision_at_hits(ranks, true_weight)[::-1])
    return float(envelope.sum()) / num_ground_truths


def precision_at_hits(ranks: np.ndarray, true_weight: float = 1.0) -> np.ndarray:
    """Precision at each hit, float64 [hits] in (0, 1]: w tp / (w tp + fp).

    With w = N / num_ground_truths it is the normalized precision of Hoiem et al. (Diagnosing Error
    in Object Detectors, ECCV 2012, section 3): what the precision would be if the class had N
    ground truths.

    Args:
        ranks: int64 [hits], rising: how many predictions come before each hit.
        true_weight: w.
    """
    true = np.arange(1, len(ranks) + 1)
    return true_weight * true / (true_weight * true + (ranks + 1 - true))
