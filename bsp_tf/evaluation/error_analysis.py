"""What kinds of mistakes a detector makes, after DETAD.

Alwassel, Caba Heilbron, Escorcia and Ghanem, Diagnosing Error in Temporal Action Detectors, ECCV
2018 (sections 4 to 6: false positives, sensitivity, false negatives).

False positives: of each class with G ground truths the best 10 G predictions are looked at. One
that finds nothing is judged by the ground truth, of any class, of highest tIoU in its video (of
equal ones by that of its own class):

| kind             | tIoU with it                    | its label |
|------------------|---------------------------------|-----------|
| double detection | reaches the threshold           | the same  |
| wrong label      | reaches the threshold           | another   |
| localization     | 0.1 up to the threshold         | the same  |
| confusion        | 0.1 up to the threshold         | another   |
| background       | below 0.1, or no ground truth   | -         |

Average mAP_N is the average mAP with normalized precision (Hoiem et al., ECCV 2012), in which every
class counts as if it had the average number of ground truths N: classes and groups of different
sizes can be compared.

Ground truths are grouped by length, coverage and number of instances (`characteristics.py`). For
each group: the share that is missed, by all predictions without those hits whose normalized
precision is not above 0.05; and average mAP_N on it alone, over the classes that occur in it,
without the predictions that found ground truths of other groups.

All numbers are means over the thresholds. As in DETAD, ground truths without length are left out.
Three differences: one that lasts longer than its video counts with coverage 1 (there it is left
out), a prediction that found a ground truth of another group is left out at that threshold only
(there at all further ones), and equal tIoU favours the own class (there the first in the file).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.characteristics import split
from bsp_tf.evaluation.detection_map import average_precision, precision_at_hits
from bsp_tf.evaluation.ground_truth import Instances
from bsp_tf.evaluation.matching import Matching, match_predictions, overlapping_pairs
from bsp_tf.evaluation.thresholds import check_tiou

KINDS = (
    "true_positive",
    "double_detection",
    "wrong_label",
    "localization",
    "confusion",
    "background",
)
TRUE, DOUBLE, WRONG_LABEL, LOCALIZATION, CONFUSION, BACKGROUND = range(len(KINDS))
LIMIT = 10
LOWEST_TIOU = 0.1
LOWEST_PRECISION = 0.05


@dataclass(frozen=True)
class ErrorAnalysis:
    """Result of `analyze_errors`; shares and mAP_N are fractions.

    Attributes:
        profile: float64 [LIMIT, 6], shares of KINDS among the predictions of each class ranked 1 to
            G, G + 1 to 2 G, ...
        counted: int64 [LIMIT], predictions behind the rows.
        shares: float64 [6], shares of KINDS among all of them.
        average_map_n: Average mAP_N of these predictions.
        gain: Kind of false positive -> what `average_map_n` gains without them.
        missed, all_average_map_n: Share of missed ground truths, average mAP_N of all predictions.
        groups: Characteristic -> rows {"size", "above", "up_to" (None: no end), "ground_truths",
            "missed", "average_mAP_N"}; the last two are None in an empty group.
        without_duration: Ground truths that are in no group of coverage.
    """

    profile: np.ndarray
    counted: np.ndarray
    shares: np.ndarray
    average_map_n: float
    gain: dict[str, float]
    missed: float
    all_average_map_n: float
    groups: dict[str, list[dict]]
    without_duration: int

    def to_json(self) -> dict:
        """{"false_positives": {...}, "ground_truths": {...}}, JSON values only."""
        rows = zip(self.counted.tolist(), self.profile.tolist(), strict=True)
        return {
            "false_positives": {
                "shares": dict(zip(KINDS, self.shares.tolist(), strict=True)),
                "profile": [
                    {
                        "up_to": f"{top}G",
                        "predictions": count,
                        **dict(zip(KINDS, shares, strict=True)),
                    }
                    for top, (count, shares) in enumerate(rows, 1)
                ],
                "average_mAP_N": self.average_map_n,
                "average_mAP_N_gain_without": self.gain,
            },
            "ground_truths": {
                "missed": self.missed,
                "average_mAP_N": self.all_average_map_n,
                **self.groups,
                "without_duration": self.without_duration,
            },
        }


def analyze_errors(
    ground_truth: Instances, predictions: Instances, tiou: np.ndarray, scale: str = "activitynet"
) -> ErrorAnalysis:
    """Shares of the kinds of false positives; false negatives and average mAP_N by characteristic.

    Args:
        ground_truth: With durations, where coverage is wanted.
        predictions: With scores; labels that the ground truth lacks are ignored.
        tiou: Numbers [T] in (0.1, 1].
        scale: Ends of the groups, one of `characteristics.SCALE_NAMES`.

    Raises:
        InputError: no ground truth with a length, predictions without scores, an unknown scale, or
            a threshold outside (0.1, 1].
    """
    tiou = check_tiou(tiou)
    if tiou.min() <= LOWEST_TIOU:
        raise InputError(
            f"tIoU {tiou.min():g}: the error analysis needs thresholds above {LOWEST_TIOU:g}, "
            "where localization errors begin."
        )
    truths = _with_length(ground_truth)
    matching = match_predictions(truths, predictions, tiou)
    num_truths = np.bincount(truths.label, minlength=len(truths.class_names))

    size = np.diff(matching.bounds)
    rank = np.arange(len(matching.order)) - np.repeat(matching.bounds[:-1], size)
    top = rank // np.repeat(num_truths, size)
    kinds = _kinds(truths, predictions, matching, tiou)
    counts = np.zeros((LIMIT, len(KINDS)))
    for row in kinds:
        counts += np.bincount(
            top[top < LIMIT] * len(KINDS) + row[top < LIMIT], minlength=counts.size
        ).reshape(counts.shape) / len(tiou)
    counted = np.bincount(top[top < LIMIT], minlength=LIMIT)

    best = np.broadcast_to(top < LIMIT, kinds.shape)
    base = _average_map_n(matching, best, num_truths)
    gain = {
        name: _average_map_n(matching, best & (kinds != kind), num_truths) - base
        for kind, name in enumerate(KINDS)
        if kind != TRUE
    }
    groups, missed = _by_group(truths, matching, num_truths, scale)
    return ErrorAnalysis(
        counts / np.maximum(counted, 1)[:, np.newaxis],
        counted,
        counts.sum(axis=0) / max(counted.sum(), 1),
        base,
        gain,
        missed,
        _average_map_n(matching, np.ones_like(best), num_truths),
        groups,
        len(truths) - sum(row["ground_truths"] for row in groups["coverage"]),
    )


def _with_length(ground_truth: Instances) -> Instances:
    """The ground truths that have a length, and the classes that have one of them."""
    kept = np.diff(ground_truth.segment)[:, 0] > 0
    if not kept.any():
        raise InputError("the ground truth has no segment with a length: nothing can be analysed.")
    classes, label = np.unique(ground_truth.label[kept], return_inverse=True)
    return replace(
        ground_truth,
        class_names=[ground_truth.class_names[index] for index in classes],
        video=ground_truth.video[kept],
        label=label,
        segment=ground_truth.segment[kept],
    )


def _kinds(
    truths: Instances, predictions: Instances, matching: Matching, tiou: np.ndarray
) -> np.ndarray:
    """Kind of each ranked prediction at each threshold, int64 [T, m]."""
    label = np.repeat(np.arange(len(truths.class_names)), np.diff(matching.bounds))
    prediction, truth, value, _ = overlapping_pairs(
        matching.video[matching.order],
        predictions.segment[matching.order],
        truths.video,
        truths.segment,
        LOWEST_TIOU,
    )
    is_own = truths.label[truth] == label[prediction]
    pairs = np.lexsort((is_own, value, prediction))
    # The last pair of each prediction is that of its highest tIoU.
    last = pairs[np.diff(prediction[pairs], append=-1) != 0]
    highest, own = np.zeros(len(label)), np.zeros(len(label), bool)
    highest[prediction[last]], own[prediction[last]] = value[last], is_own[last]

    kinds = np.full((len(tiou), len(label)), BACKGROUND)
    for row, threshold, (places, _) in zip(kinds, tiou, matching.hits, strict=True):
        near, reached = highest >= LOWEST_TIOU, highest >= threshold
        row[near] = np.where(own, LOCALIZATION, CONFUSION)[near]
        row[reached] = np.where(own, DOUBLE, WRONG_LABEL)[reached]
        row[places] = TRUE
    return kinds


def _average_map_n(
    matching: Matching,
    kept: np.ndarray,
    num_truths: np.ndarray,
    num_in_group: np.ndarray | None = None,
) -> float:
    """Average mAP_N of the predictions where `kept` bool [T, m].

    Args:
        matching: Who finds what.
        kept: bool [T, m].
        num_truths: int64 [classes], each at least 1; their mean is N.
        num_in_group: The same, of a group of ground truths; classes with 0 are left out. Default:
            `num_truths`.
    """
    num_in_group = num_truths if num_in_group is None else num_in_group
    classes = np.flatnonzero(num_in_group)
    ap = np.zeros((len(kept), len(classes)))
    for row, mask, (places, _) in zip(ap, kept, matching.hits, strict=True):
        before = np.append(0, np.cumsum(mask))
        places = places[mask[places]]
        own = np.searchsorted(places, matching.bounds)
        for column, index in enumerate(classes):
            ranks = before[places[own[index] : own[index + 1]]] - before[matching.bounds[index]]
            if len(ranks):
                row[column] = average_precision(
                    ranks, num_in_group[index], num_truths.mean() / num_in_group[index]
                )
    return float(ap.mean())


def _by_group(
    truths: Instances, matching: Matching, num_truths: np.ndarray, scale: str
) -> tuple[dict[str, list[dict]], float]:
    """Rows of `ErrorAnalysis.groups`, and the share of all ground truths that is missed."""
    found = np.zeros((len(matching.hits), len(truths)), bool)
    for row, (places, truth) in zip(found, matching.hits, strict=True):
        own = np.searchsorted(places, matching.bounds)
        for index in np.flatnonzero(np.diff(own)):
            hits = slice(own[index], own[index + 1])
            precision = precision_at_hits(
                places[hits] - matching.bounds[index], num_truths.mean() / num_truths[index]
            )
            row[truth[hits][precision > LOWEST_PRECISION]] = True

    rows: dict[str, list[dict]] = {}
    for name, groups in split(truths, scale).items():
        rows[name] = []
        for group in groups:
            count = int(group.members.sum())
            line: dict[str, Any] = {
                "size": group.size,
                "above": group.lowest,
                "up_to": None if np.isinf(group.highest) else group.highest,
                "ground_truths": count,
                "missed": None,
                "average_mAP_N": None,
            }
            if count:
                kept = np.ones((len(found), len(matching.order)), bool)
                for mask, (places, truth) in zip(kept, matching.hits, strict=True):
                    mask[places[~group.members[truth]]] = False
                in_group = np.bincount(truths.label[group.members], minlength=len(num_truths))
                line["missed"] = float(1 - found[:, group.members].mean())
                line["average_mAP_N"] = _average_map_n(matching, kept, num_truths, in_group)
            rows[name].append(line)
    return rows, float(1 - found.mean())
