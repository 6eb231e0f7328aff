"""F1 of boundaries in time, as the scorers of Kinetics-GEBD (LOVEU challenge) and TAPOS count it.

The rule, for one relative distance d and one video of `duration` seconds:

1. A predicted boundary outside [0, duration] is left out.
2. For each annotator: go through the annotated boundaries in the order of the file. Each looks at
   the nearest predicted boundary that is still free (of equally near ones the first in the file);
   if that lies at most d * duration away, it is a hit and no longer free. If not, it stays free.
3. The annotator with the highest F1 counts for this video and this d; the first of equals.

Hits, annotated and predicted boundaries are summed over all videos; precision, recall and F1 come
from these sums. Precision without a prediction is 0, recall without an annotation 1. Videos whose
annotators agree too little are left out. For an action instance of TAPOS, the instance is the
video: its length is the duration, and it has one annotator.

A video that the predictions do not name counts as one without a boundary, as in TAPOS's scorer;
Kinetics-GEBD's leaves it out, which rewards silence. It is counted in the warnings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import numpy as np

from bsp_tf.annotations.video_ids import respelled
from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.gebd.matching import count_hits

# 1/20, ..., 10/20: the same floating-point numbers as .05, ..., .5.
RELATIVE_DISTANCES = np.arange(1, 11) / 20
LEAST_CONSISTENCY = 0.3

WARNING_TEXT = {
    "videos_of_low_consistency": (
        f"videos left out: their annotators agree too little (consistency < {LEAST_CONSISTENCY})"
    ),
    "videos_without_predictions": (
        "videos that the predictions do not name (counted as without a boundary)"
    ),
    "unknown_videos": "videos of the predictions that this ground truth lacks (ignored)",
    "predictions_outside_video": "predicted boundaries outside their video (ignored)",
    "truths_outside_video": "annotated boundaries outside their video (they count all the same)",
    "predictions_below_min_score": "predicted boundaries below --min_score (left out)",
}


@dataclass(frozen=True)
class VideoTruth:
    """What annotators say of one video, or of one action instance.

    Attributes:
        annotators: For each its boundaries, float64 [n] seconds from the start of the video.
        duration_seconds: Above 0.
        consistency: How well the annotators agree, in [0, 1].
    """

    annotators: tuple[np.ndarray, ...]
    duration_seconds: float
    consistency: float = 1.0


@dataclass(frozen=True)
class BoundaryScores:
    """Result of `boundary_f1`.

    Attributes:
        distances: float64 [T], fractions of the duration.
        hits, num_truths: int64 [T], sums over the videos, of the annotator that counts.
        num_predictions, num_videos: Of the videos that are scored.
        warnings: Counts above 0 by the keys of WARNING_TEXT.
        names: Videos behind a warning, in the order of the file.
    """

    distances: np.ndarray
    hits: np.ndarray
    num_truths: np.ndarray
    num_predictions: int
    num_videos: int
    warnings: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def precision(self) -> np.ndarray:
        """float64 [T], in [0, 1]."""
        return _precision(self.hits, np.asarray(self.num_predictions))

    @property
    def recall(self) -> np.ndarray:
        """float64 [T], in [0, 1]."""
        return _recall(self.hits, self.num_truths)

    @property
    def f1(self) -> np.ndarray:
        """float64 [T], in [0, 1]."""
        return _f1(self.precision, self.recall)

    def to_json(self) -> dict:
        """The numbers by name, fractions of 1; lists have one entry per relative distance."""
        return {
            "relative_distance": self.distances.tolist(),
            "f1": self.f1.tolist(),
            "average_f1": float(self.f1.mean()),
            "precision": self.precision.tolist(),
            "recall": self.recall.tolist(),
            "hits": self.hits.tolist(),
            "num_boundaries": self.num_truths.tolist(),
            "num_predictions": self.num_predictions,
            "num_videos": self.num_videos,
            "warnings": dict(self.warnings),
        }


def boundary_f1(
    truths: Mapping[str, VideoTruth],
    found: Mapping[str, np.ndarray],
    distances: np.ndarray = RELATIVE_DISTANCES,
) -> BoundaryScores:
    """Scores predicted boundaries by the rule above.

    Args:
        truths: Video -> what annotators say of it.
        found: Video -> predicted boundaries, numbers [n], seconds from its start; with or without
            the prefix "v_" of ActivityNet's files.
        distances: Numbers [T], fractions of the duration.

    Raises:
        InputError: no video is left to score, or one of them has no annotator.

    >>> truth = VideoTruth((np.array([2.0, 5.0]), np.array([2.0])), duration_seconds=10)
    >>> boundary_f1({"v": truth}, {"v": np.array([2.4])}, np.array([0.03, 0.05])).f1
    array([0., 1.])
    """
    names = respelled(found, truths)
    found = {names[name]: times for name, times in found.items()}
    scored = {
        name: truth for name, truth in truths.items() if truth.consistency >= LEAST_CONSISTENCY
    }
    if not scored:
        raise InputError(
            f"none of {len(truths)} videos with annotated boundaries can be scored: in all, the "
            "annotators agree too little. Check that it is the right file."
        )
    if not all(truth.annotators for truth in scored.values()):
        raise InputError("a video has no annotator: leave it out, or give it an empty list of one.")
    inside = {name: _inside(found.get(name, ()), truth) for name, truth in scored.items()}
    pairs, reach = [], []
    for name, truth in scored.items():
        for times in truth.annotators:
            pairs.append((np.asarray(times, np.float64), inside[name]))
            reach.append(np.asarray(distances, np.float64) * truth.duration_seconds)
    sizes, num_found = np.array([(len(times), len(places)) for times, places in pairs]).T
    hits = count_hits(pairs, np.array(reach))
    f1 = _f1(_precision(hits, num_found[:, None]), _recall(hits, sizes[:, None]))
    ends = accumulate((len(truth.annotators) for truth in scored.values()), initial=0)
    best = np.array([first + f1[first:end].argmax(axis=0) for first, end in pairwise(ends)])
    return BoundaryScores(
        np.asarray(distances, np.float64),
        np.take_along_axis(hits, best, axis=0).sum(axis=0),
        sizes[best].sum(axis=0),
        sum(map(len, inside.values())),
        len(scored),
        *_warnings(truths, found, scored),
    )


def _inside(times: Sequence[float] | np.ndarray, truth: VideoTruth) -> np.ndarray:
    times = np.asarray(times, np.float64)
    return times[(times >= 0) & (times <= truth.duration_seconds)]


def _precision(hits: np.ndarray, num_predictions: np.ndarray) -> np.ndarray:
    return hits / np.maximum(num_predictions, 1)


def _recall(hits: np.ndarray, num_truths: np.ndarray) -> np.ndarray:
    return np.where(num_truths > 0, hits / np.maximum(num_truths, 1), 1.0)


def _f1(precision: np.ndarray, recall: np.ndarray) -> np.ndarray:
    # In this order of operations, as the public scorers: it decides which of two annotators is
    # better where both are equally good.
    total = recall + precision
    return 2 * recall * precision / np.where(total > 0, total, 1)


def _warnings(
    truths: Mapping[str, VideoTruth],
    found: Mapping[str, np.ndarray],
    scored: Mapping[str, VideoTruth],
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """What was left out or odd: counts above 0, and the videos, by the keys of WARNING_TEXT."""
    names = {
        "videos_of_low_consistency": [name for name in truths if name not in scored],
        "videos_without_predictions": [name for name in scored if name not in found],
        "unknown_videos": [name for name in found if name not in truths],
    }
    counts = {key: len(videos) for key, videos in names.items()}
    beyond = {
        "predictions_outside_video": {
            name: _num_outside([found.get(name, ())], truth) for name, truth in scored.items()
        },
        "truths_outside_video": {
            name: _num_outside(truth.annotators, truth) for name, truth in scored.items()
        },
    }
    for key, by_video in beyond.items():
        names[key] = [name for name, count in by_video.items() if count]
        counts[key] = sum(by_video.values())
    counts = {key: count for key, count in counts.items() if count}
    return counts, {key: names[key] for key in counts}


def _num_outside(columns: Sequence[Sequence[float] | np.ndarray], truth: VideoTruth) -> int:
    return sum(len(times) - len(_inside(times, truth)) for times in columns)
