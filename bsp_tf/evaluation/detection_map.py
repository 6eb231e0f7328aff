"""Mean average precision of detections, as the official ActivityNet scorer has it, without its Python loops.

The official rule, per class and tIoU threshold: go through the predictions by falling score; each takes,
among the ground truths of its video and class that reach the threshold and are still free, the one with the
highest tIoU (a true positive), or is a false positive. That is a stable matching in which all ground truths
prefer the higher score, so deferred acceptance (Gale and Shapley, 1962) finds the same matching with all
classes and videos at once.

Three differences. Among equal scores the prediction later in the file always comes first: what the official
scorer does with few predictions, while with many its unstable sort makes the order arbitrary. A label that
the ground truth lacks is ignored (officially a KeyError), and where the union has no length there is no
overlap (officially 0/0 = NaN, which counts as a hit); both are counted in the warnings.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.ground_truth import Instances
from bsp_tf.evaluation.segments import overlap, ratio

ACTIVITYNET_TIOU = np.linspace(0.5, 0.95, 10)
THUMOS_TIOU = np.linspace(0.3, 0.7, 5)

WARNING_TEXT = {
    "predictions_with_unknown_label": "predictions with a label that this ground truth lacks (ignored)",
    "predictions_for_unknown_video": "predictions for a video outside this ground truth (false positives)",
    "reversed_predictions": "predictions that end before they start (no overlap, false positives)",
    "zero_length_ground_truths": "ground-truth segments without length (nobody can find them)",
    "undefined_overlaps": "pairs whose union has no length (no overlap; officially 0/0, a hit)",
    "classes_without_predictions": "classes without a prediction (score 0, part of the mean)",
}

# Pairs of prediction and ground truth looked at together: bounds the memory, whatever the input.
PAIRS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class DetectionScores:
    """Result of `detection_map`.

    tiou: float64 [T]. mean_ap: float64 [T], fractions. ap: float64 [num_classes, T], rows as `class_names`.
    warnings: non-zero counts by the keys of WARNING_TEXT. unknown_labels: names that were ignored.
    """

    tiou: np.ndarray
    mean_ap: np.ndarray
    ap: np.ndarray
    class_names: list[str]
    warnings: dict[str, int] = field(default_factory=dict)
    unknown_labels: tuple[str, ...] = ()

    @property
    def average(self) -> float:
        """Mean of `mean_ap` over the thresholds."""
        return float(self.mean_ap.mean())

    def to_json(self) -> dict:
        """{"tiou", "mAP", "average_mAP", "ap": {label: [one a threshold]}, "warnings"}."""
        return {
            "tiou": self.tiou.tolist(),
            "mAP": self.mean_ap.tolist(),
            "average_mAP": self.average,
            "ap": dict(zip(self.class_names, self.ap.tolist(), strict=True)),
            "warnings": self.warnings,
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
    """
    tiou = np.atleast_1d(np.asarray(tiou, np.float64))
    if not len(tiou) or not ((tiou > 0) & (tiou <= 1)).all():
        raise InputError(f"tIoU thresholds {tiou.tolist()}: give at least one, each above 0 and at most 1.")
    if not len(ground_truth):
        raise InputError("the ground truth has no segment: nothing can be scored.")
    if predictions.score is None:
        raise InputError("the predictions have no scores: they cannot be ranked.")

    label, video = _translate(ground_truth, predictions)
    known = np.flatnonzero(label >= 0)
    # By class, then by falling score, then the later one in the file first.
    order = known[np.lexsort((-known, -predictions.score[known], label[known]))]
    label, video, segment = label[order], video[order], predictions.segment[order]

    num_classes = len(ground_truth.class_names)
    truth_key = ground_truth.video * num_classes + ground_truth.label
    prediction_key = np.where(video >= 0, video * num_classes + label, -1)
    rank, truth, value, undefined = _overlapping_pairs(
        prediction_key, segment, truth_key, ground_truth.segment, tiou.min()
    )
    is_true = np.zeros((len(tiou), len(order)), bool)
    for row, threshold in zip(is_true, tiou, strict=True):
        enough = value >= threshold
        row[_match(rank[enough], truth[enough], len(ground_truth))] = True

    ap = np.zeros((num_classes, len(tiou)))
    num_truths = np.bincount(ground_truth.label, minlength=num_classes)
    bounds = np.searchsorted(label, np.arange(num_classes + 1))
    for index in range(num_classes):
        ap[index] = average_precision(is_true[:, bounds[index] : bounds[index + 1]], num_truths[index])

    length = np.diff(ground_truth.segment)
    counts = {
        "predictions_with_unknown_label": len(predictions) - len(known),
        "predictions_for_unknown_video": int((video < 0).sum()),
        "reversed_predictions": int((segment[:, 1] < segment[:, 0]).sum()),
        "zero_length_ground_truths": int((length == 0).sum()),
        "undefined_overlaps": undefined,
        "classes_without_predictions": int((np.diff(bounds) == 0).sum()),
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


def average_precision(is_true_positive: np.ndarray, num_ground_truths: int) -> np.ndarray:
    """Area under the interpolated precision-recall curve, float64 [...] in [0, 1].

    Precision at a rank is raised to the highest precision at that rank or later (the envelope); the area is
    its sum over the steps of recall, all 1 / num_ground_truths wide. Hits 1, 0, 1, 0, 1 with 4 ground truths
    give 0.5666...

    Args:
        is_true_positive: bool [..., n], predictions by falling score.
        num_ground_truths: Number of segments to find, at least 1.
    """
    hits = np.cumsum(is_true_positive, axis=-1)
    precision = hits / np.arange(1, is_true_positive.shape[-1] + 1)
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    return np.where(is_true_positive, envelope, 0.0).sum(axis=-1) / num_ground_truths


def _translate(ground_truth: Instances, predictions: Instances) -> tuple[np.ndarray, np.ndarray]:
    """Label and video of each prediction as indices into the ground truth's names; -1 where it lacks them."""
    columns = []
    for names, own, column in (
        (ground_truth.class_names, predictions.class_names, predictions.label),
        (ground_truth.video_names, predictions.video_names, predictions.video),
    ):
        index = {name: i for i, name in enumerate(names)}
        table = np.array([index.get(name, -1) for name in own], np.int64)
        columns.append(table[column] if len(column) else column)
    return columns[0], columns[1]


def _overlapping_pairs(
    prediction_key: np.ndarray,
    prediction_segment: np.ndarray,
    truth_key: np.ndarray,
    truth_segment: np.ndarray,
    lowest: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """All pairs of one video and class whose tIoU is at least `lowest`.

    Returns:
        prediction int64 [m], ground truth int64 [m], tIoU float64 [m], sorted by prediction, then by falling
        tIoU, then by falling index of the ground truth (the official order); and the number of pairs without
        a union.
    """
    by_key = np.argsort(truth_key, kind="stable")
    first = np.searchsorted(truth_key[by_key], prediction_key, side="left")
    count = np.searchsorted(truth_key[by_key], prediction_key, side="right") - first
    nothing = np.zeros(0, np.int64)
    parts, undefined = [(nothing, nothing, np.zeros(0))], 0
    for begin, end in _chunks(count, PAIRS_AT_ONCE):
        prediction = np.repeat(np.arange(begin, end), count[begin:end])
        before = np.repeat(np.cumsum(count[begin:end]) - count[begin:end], count[begin:end])
        truth = by_key[first[prediction] + np.arange(len(prediction)) - before]
        intersection, union = overlap(truth_segment[truth], prediction_segment[prediction])
        undefined += int((union == 0).sum())
        value = ratio(intersection, union)
        enough = value >= lowest
        parts.append((prediction[enough], truth[enough], value[enough]))
    prediction, truth, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((-truth, -value, prediction))
    return prediction[order], truth[order], value[order], undefined


def _chunks(count: np.ndarray, limit: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows that cover all, each with at most `limit` pairs (or one row)."""
    total = np.concatenate([[0], np.cumsum(count)])
    begin = 0
    while begin < len(count):
        end = int(np.searchsorted(total, total[begin] + limit, side="right")) - 1
        end = min(max(end, begin + 1), len(count))
        yield begin, end
        begin = end


def _match(prediction: np.ndarray, truth: np.ndarray, num_truths: int) -> np.ndarray:
    """Predictions that get a ground truth, int64 [hits].

    Args:
        prediction: int64 [m], pairs sorted by prediction (a lower number has the right of way), then by
            preference.
        truth: int64 [m], ground truth of each pair.
        num_truths: Number of ground truths.
    """
    if not len(prediction):
        return prediction
    begin = np.flatnonzero(np.concatenate([[True], prediction[1:] != prediction[:-1]]))
    end = np.append(begin[1:], len(prediction))
    nobody = len(begin)
    owner = np.full(num_truths, nobody)
    cursor = begin.copy()
    asking = np.arange(len(begin))
    while len(asking):
        wanted = truth[cursor[asking]]
        previous = owner[wanted]
        np.minimum.at(owner, wanted, asking)
        refused = asking[owner[wanted] != asking]
        # A ground truth may have been wanted by several: its previous owner is displaced once.
        displaced = np.unique(previous[(previous != nobody) & (owner[wanted] != previous)])
        asking = np.concatenate([refused, displaced])
        cursor[asking] += 1
        asking = asking[cursor[asking] < end[asking]]
    return prediction[begin[owner[owner != nobody]]]
