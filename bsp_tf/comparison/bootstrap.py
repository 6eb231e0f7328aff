"""Differences between two sides, each of one or several runs, with 95% intervals.

Videos: a paired percentile bootstrap. A resample draws videos, both sides are scored on the same
ones, and the interval holds the middle of the differences. Percentiles of few videos lie too close
together; `outer_share` goes farther out, as far as Student's t goes beyond the normal law.

Seeds: where a side has several runs (the same training with other seeds), its number is the mean
over them. Runs are few, and to draw 3 or 5 of them again and again would give intervals that are
far too narrow. Instead each resample moves the difference by the standard error over the runs
times a draw from Student's t with (runs - 1) degrees of freedom, which is the law for normal runs.
Runs differ also because each is lucky on other videos. That is in the resamples too, so it is
measured there and taken off, and the interval holds it once. If both sides have equally many, the
runs are pairs by their place, and the error is that of the differences of the pairs; that is right
also if a pair has nothing in common.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.comparison.measures import Run, measure, measure_names, prepare_run
from bsp_tf.comparison.resamples import draw_weights
from bsp_tf.evaluation.ground_truth import Instances
from bsp_tf.evaluation.thresholds import ACTIVITYNET_TIOU, check_tiou

CONFIDENCE = 0.95
NUM_RESAMPLES = 10_000
# Weights of resamples that are held at once: they bound the memory.
WEIGHTS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Difference:
    """One measure of both sides, fractions.

    Attributes:
        name: E.g. "mAP@0.5"; see `measures.measure_names`.
        first, second: Value of each side, the mean over its runs.
        low, high: Ends of the interval of second - first.
    """

    name: str
    first: float
    second: float
    low: float
    high: float

    @property
    def value(self) -> float:
        """second - first."""
        return self.second - self.first

    @property
    def holds_zero(self) -> bool:
        """Whether the interval holds 0: the data do not tell which side is better."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class Comparison:
    """Result of `compare_runs`.

    Attributes:
        differences: One per measure, in the order of `measures.measure_names`.
        num_videos, num_instances: Videos and segments of the ground truth.
        num_resamples: Resamples that hold a ground truth.
        num_runs: Runs of the first and of the second side.
        seed: Seed of the draws.
    """

    differences: list[Difference]
    num_videos: int
    num_instances: int
    num_resamples: int
    num_runs: tuple[int, int]
    seed: int

    def __getitem__(self, name: str) -> Difference:
        """The difference of the measure `name`."""
        return next(item for item in self.differences if item.name == name)

    @property
    def covers_seeds(self) -> bool:
        """Whether both sides have several runs; if not, the intervals leave the seeds aside."""
        return min(self.num_runs) > 1

    def to_json(self) -> dict:
        """All of it; "measures" by name, each with "a", "b", "difference", "interval"."""
        return {
            "videos": self.num_videos,
            "instances": self.num_instances,
            "confidence": CONFIDENCE,
            "resamples": self.num_resamples,
            "seed": self.seed,
            "covers_seeds": self.covers_seeds,
            "measures": {
                item.name: {
                    "a": item.first,
                    "b": item.second,
                    "difference": item.value,
                    "interval": [item.low, item.high],
                    "holds_zero": item.holds_zero,
                }
                for item in self.differences
            },
        }


def compare_runs(
    ground_truth: Instances,
    first: Sequence[Instances],
    second: Sequence[Instances],
    tiou: np.ndarray = ACTIVITYNET_TIOU,
    max_proposals: int = 100,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Differences second - first of mAP, average mAP, AR@AN and AUC, with 95% intervals.

    Args:
        ground_truth: At least one instance, and at least two videos.
        first, second: Detections of the runs of each side, at least one; with scores.
        tiou: Numbers [T] in (0, 1].
        max_proposals: The largest AN, at least 1.
        num_resamples: Resamples to draw, at least 100.
        seed: Seed of the draws.

    Raises:
        InputError: no ground truth, fewer than two videos or 100 resamples, detections without
            scores, a threshold outside (0, 1], or `max_proposals` below 1.
    """
    tiou = check_tiou(tiou)
    num_videos = len(ground_truth.video_names)
    if not len(ground_truth):
        raise InputError("the ground truth has no segment: nothing can be scored.")
    if num_videos < 2:
        raise InputError("the ground truth has 1 video: an interval needs at least 2 of them.")
    if num_resamples < 100:
        raise InputError(f"{num_resamples} resamples: an interval needs at least 100.")
    if max_proposals < 1:
        raise InputError(f"{max_proposals} proposals per video: give at least 1.")
    sides = [
        [prepare_run(ground_truth, run, tiou, max_proposals) for run in runs]
        for runs in (first, second)
    ]
    rng = np.random.default_rng(seed)
    whole = [_measure_runs(runs, np.ones((1, num_videos), np.int32))[:, 0] for runs in sides]
    drawn = _draw(sides, num_videos, num_resamples, rng)
    if not drawn[0].shape[1]:
        raise InputError("no resample holds a ground truth: more videos with one are needed.")
    differences = drawn[1].mean(axis=0) - drawn[0].mean(axis=0)
    paired = len(first) == len(second)
    differences = _with_seed_errors(
        differences,
        [whole[1] - whole[0]] if paired else whole,
        [drawn[1] - drawn[0]] if paired else drawn,
        rng,
    )
    rest = outer_share(num_videos)
    low, high = np.quantile(differences, [rest, 1 - rest], axis=0)
    before, after = (values.mean(axis=0) for values in whole)
    return Comparison(
        [
            Difference(*row)
            for row in zip(
                measure_names(tiou, max_proposals),
                before.tolist(),
                after.tolist(),
                low.tolist(),
                high.tolist(),
                strict=True,
            )
        ],
        num_videos,
        len(ground_truth),
        len(differences),
        (len(first), len(second)),
        seed,
    )


def outer_share(num_videos: int) -> float:
    """Share of the resamples that lies below the interval, and of those above it.

    It is (1 - CONFIDENCE) / 2 for very many videos. For few it is smaller: the spread of resamples
    is that of the videos divided by n, not n - 1, and is itself uncertain. After Hesterberg, "What
    Teachers Should Know About the Bootstrap", 2015 (the expanded percentile interval).

    Args:
        num_videos: n, at least 2.

    >>> round(outer_share(24), 4), round(outer_share(5000), 4)
    (0.0173, 0.025)
    """
    degrees = num_videos - 1
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    # Student's t as a series in 1 / degrees (Abramowitz and Stegun, 26.7.5).
    t = (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
    )
    return NormalDist().cdf(-t * np.sqrt(num_videos / degrees))


def _measure_runs(runs: list[Run], weights: np.ndarray) -> np.ndarray:
    """Each measure of each run in each resample, float64 [runs, R, M]."""
    return np.array([measure(run, weights) for run in runs])


def _draw(
    sides: list[list[Run]], num_videos: int, count: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """For each side float64 [runs, R, M] in the same resamples, those that hold a ground truth."""
    block = max(1, WEIGHTS_AT_ONCE // num_videos)
    parts = []
    for begin in range(0, count, block):
        weights = draw_weights(num_videos, min(block, count - begin), rng)
        parts.append([_measure_runs(runs, weights) for runs in sides])
    drawn = [np.concatenate(blocks, axis=1) for blocks in zip(*parts, strict=True)]
    return [values[:, ~np.isnan(values).any(axis=(0, 2))] for values in drawn]


def _with_seed_errors(
    differences: np.ndarray,
    whole: list[np.ndarray],
    drawn: list[np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Adds errors of the mean over the runs to resampled differences.

    Args:
        differences: float64 [R, M].
        whole: Independent samples, each float64 [runs, M]: its runs on all videos. One of a single
            run tells nothing of seeds and changes nothing.
        drawn: The same in the resamples, each float64 [runs, R, M].
        rng: Where the errors come from.

    Returns:
        float64 [R, M].
    """
    errors = np.zeros(differences.shape)
    in_resamples = np.zeros(differences.shape[1])
    for values, resampled in zip(whole, drawn, strict=True):
        runs = len(values)
        if runs > 1:
            deviation = values.std(axis=0, ddof=1) / np.sqrt(runs)
            errors += rng.standard_t(runs - 1, (len(errors), 1)) * deviation
            apart = (resampled - resampled.mean(axis=0)).var(axis=1).sum(axis=0)
            in_resamples += apart / (runs - 1) / runs
    middle, variance = differences.mean(axis=0), differences.var(axis=0)
    rest = np.maximum(variance - in_resamples, 0)
    share = np.sqrt(np.divide(rest, variance, where=variance > 0, out=np.zeros_like(rest)))
    return middle + (differences - middle) * share + errors
