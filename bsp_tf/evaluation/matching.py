"""Which prediction finds which ground truth, by the official ActivityNet rule.

The rule, per class and tIoU threshold: go through the predictions by falling score; each takes,
among the ground truths of its video and class that reach the threshold and are still free, the one
with the highest tIoU, or finds nothing. That is a stable matching in which all ground truths prefer
the higher score, so deferred acceptance (Gale and Shapley, 1962) gives the same matching without
going through them one by one.

Among equal scores the prediction later in the file comes first: what the official scorer does with
few predictions, while with many its unstable sort makes the order arbitrary.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.ground_truth import Instances
from bsp_tf.evaluation.segments import overlap, ratio

# Predictions looked at together, and pairs of prediction and ground truth: they bound the memory,
# whatever the input, and such blocks stay in the processor's cache.
ROWS_AT_ONCE = 1 << 16
PAIRS_AT_ONCE = 1 << 17


@dataclass(frozen=True)
class Matching:
    """Result of `match_predictions`.

    Attributes:
        order: int64 [m], indices of the predictions whose label is known, by class, then by falling
            score.
        bounds: int64 [num_classes + 1]; those of class c are order[bounds[c]:bounds[c + 1]].
        hits: One pair per threshold: places in `order` int32 [hits], rising, and the ground truth
            that each found.
        video: int32 [n], video of every prediction as an index into the ground truth's names; -1
            where it is unknown.
        undefined: Pairs whose union has no length.
    """

    order: np.ndarray
    bounds: np.ndarray
    hits: list[tuple[np.ndarray, np.ndarray]]
    video: np.ndarray
    undefined: int


def match_predictions(
    ground_truth: Instances, predictions: Instances, tiou: np.ndarray
) -> Matching:
    """Matches all predictions at every threshold.

    Args:
        ground_truth: Instances, of at least one class.
        predictions: With scores; may be empty.
        tiou: float64 [T] in (0, 1]; an overlap equal to a threshold reaches it.

    Raises:
        InputError: the predictions have no scores.
    """
    num_classes = len(ground_truth.class_names)
    label = translate(predictions.class_names, ground_truth.class_names, predictions.label)
    video = translate(predictions.video_names, ground_truth.video_names, predictions.video)
    if predictions.score is None:
        raise InputError("the predictions have no scores: they cannot be ranked.")
    order, bounds = rank(label, predictions.score, num_classes)
    place = np.zeros(len(label), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)

    key = video * np.int64(num_classes) + label
    key[(label < 0) | (video < 0)] = -1
    prediction, truth, value, undefined = overlapping_pairs(
        key,
        predictions.segment,
        ground_truth.video * num_classes + ground_truth.label,
        ground_truth.segment,
        tiou.min(),
    )
    prediction = place[prediction]
    by_preference = _sort_pairs(prediction, truth, value)
    prediction, truth, value = prediction[by_preference], truth[by_preference], value[by_preference]
    hits: list = [None] * len(tiou)
    for index in np.argsort(tiou):
        # What misses a threshold misses the higher ones too.
        enough = value >= tiou[index]
        prediction, truth, value = prediction[enough], truth[enough], value[enough]
        hits[index] = _match(prediction, truth, len(ground_truth))
    return Matching(order, bounds, hits, video, undefined)


def translate(names: list[str], into: list[str], column: np.ndarray) -> np.ndarray:
    """Indices into `names` as indices into the names `into`, int32 [n]; -1 for names it lacks."""
    index = {name: i for i, name in enumerate(into)}
    table = np.array([index.get(name, -1) for name in names], np.int32)
    return table[column] if len(column) else np.zeros(0, np.int32)


def rank(group: np.ndarray, score: np.ndarray, num_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorts predictions by group, then by falling score, then the later one first.

    Args:
        group: Integers [n], -1 for those to leave out.
        score: float64 [n].
        num_groups: Groups are below it.

    Returns:
        indices int64 [m], and bounds int64 [num_groups + 1] of the groups in them.
    """
    # NumPy sorts 16-bit integers in linear time; small groups then stay in the cache.
    small = group.astype(np.int16) if num_groups < 1 << 15 else group
    order = np.argsort(small, kind="stable")
    bounds = np.cumsum(np.bincount(group + 1, minlength=num_groups + 1))
    order, bounds = order[bounds[0] :], bounds - bounds[0]
    for index in np.flatnonzero(np.diff(bounds) > 1):
        own = slice(bounds[index], bounds[index + 1])
        later_first = order[own][::-1]
        falling = -score[later_first]
        by_score = np.argsort(falling)
        ranked = falling[by_score]
        if (ranked[1:] == ranked[:-1]).any():
            # The quick sort is half the time, but keeps no order among equals.
            by_score = np.argsort(falling, kind="stable")
        order[own] = later_first[by_score]
    return order, bounds


def overlapping_pairs(
    prediction_key: np.ndarray,
    prediction_segment: np.ndarray,
    truth_key: np.ndarray,
    truth_segment: np.ndarray,
    lowest: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """All pairs with equal keys whose tIoU is at least `lowest`.

    Args:
        prediction_key: int64 [n]; a negative one has no partner.
        prediction_segment: float64 [n, 2].
        truth_key: int64 [g], not negative.
        truth_segment: float64 [g, 2].
        lowest: Above 0.

    Returns:
        prediction int64 [m], rising, ground truth int64 [m], tIoU float64 [m]; and the number of
        pairs with equal keys whose union has no length.
    """
    by_key = np.argsort(truth_key, kind="stable")
    keys, start, size = np.unique(truth_key[by_key], return_index=True, return_counts=True)
    # One more key, that nobody has, so that every position is valid.
    keys, start, size = np.append(keys, -2), np.append(start, 0), np.append(size, 0)
    nothing = np.zeros(0, np.int64)
    parts, undefined = [(nothing, nothing, np.zeros(0))], 0
    for block in range(0, len(prediction_key), ROWS_AT_ONCE):
        own = prediction_key[block : block + ROWS_AT_ONCE]
        position = np.searchsorted(keys[:-1], own)
        first, count = start[position], np.where(keys[position] == own, size[position], 0)
        for begin, end in _chunks(count, PAIRS_AT_ONCE):
            row = np.repeat(np.arange(begin, end), count[begin:end])
            before = np.repeat(np.cumsum(count[begin:end]) - count[begin:end], count[begin:end])
            truth = by_key[first[row] + np.arange(len(row)) - before]
            prediction = block + row
            intersection, union = overlap(truth_segment[truth], prediction_segment[prediction])
            undefined += int((union == 0).sum())
            value = ratio(intersection, union)
            enough = value >= lowest
            parts.append((prediction[enough], truth[enough], value[enough]))
    prediction, truth, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    return prediction, truth, value, undefined


def _chunks(count: np.ndarray, limit: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows that cover all, each with at most `limit` pairs (or one row)."""
    total = np.concatenate([[0], np.cumsum(count)])
    begin = 0
    while begin < len(count):
        end = int(np.searchsorted(total, total[begin] + limit, side="right")) - 1
        end = min(max(end, begin + 1), len(count))
        yield begin, end
        begin = end


def _sort_pairs(place: np.ndarray, truth: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Order of pairs by place, then as officially: by falling tIoU, then by falling index."""
    order = np.argsort(place, kind="stable")
    same = np.diff(place[order]) == 0
    # Most predictions have one partner; only the others need the slow sort by three keys.
    several = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    pairs = order[several]
    order[several] = pairs[np.lexsort((-truth[pairs], -value[pairs], place[pairs]))]
    return order


def _match(
    prediction: np.ndarray, truth: np.ndarray, num_truths: int
) -> tuple[np.ndarray, np.ndarray]:
    """Deferred acceptance.

    Args:
        prediction: int32 [m], pairs sorted by prediction (a lower number has the right of way),
            then by preference.
        truth: int64 [m], ground truth of each pair.
        num_truths: Number of ground truths.

    Returns:
        Predictions that get a ground truth, int32 [hits], rising; and the one that each gets, int64
        [hits].
    """
    if not len(prediction):
        return prediction, truth
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
        holder = owner[wanted]
        refused = asking[holder != asking]
        # A ground truth may have been wanted by several: its previous owner is displaced once.
        displaced = np.unique(previous[(previous != nobody) & (holder != previous)])
        asking = np.concatenate([refused, displaced])
        following = cursor[asking] + 1
        cursor[asking] = following
        asking = asking[following < end[asking]]
    found = np.flatnonzero(owner != nobody)
    found = found[np.argsort(owner[found])]
    return prediction[begin[owner[found]]], found
