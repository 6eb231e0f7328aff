"""ActionFormer's soft-NMS and voting in arrays, and in loops over pairs, on the same segments.

A video has thousands of them. They go through soft-NMS of each class, as for THUMOS14, and through
soft-NMS without classes with voting, as for ActivityNet. Both ways must give the same list.
"""

import math
import statistics
import time

import numpy as np

from benchmarks.detections import tiou_of_pair
from bsp_tf.localization.heads.actionformer.head import BLIND_SUPPRESSION, CLASS_SUPPRESSION
from bsp_tf.localization.nms import Suppression, suppress
from bsp_tf.localization.proposals import Proposals

# About as many as the levels of ActionFormer give for a video of THUMOS14.
CANDIDATES, CLASSES, VIDEOS = 3000, 20, 4
RULES = {"each class": CLASS_SUPPRESSION, "with voting": BLIND_SUPPRESSION}
TOLERANCE = 1e-9


def make_candidates(video: int, count: int = CANDIDATES) -> Proposals:
    """Random segments around a few places, of all classes; the same each time."""
    rng = np.random.default_rng([0, video])
    middle = rng.choice(rng.uniform(0, 1, 30), count) + rng.normal(0, 0.004, count)
    half = rng.uniform(0.002, 0.03, count)
    segments = np.stack([middle - half, middle + half], 1)
    return Proposals(segments, rng.uniform(0.001, 1, count), rng.integers(0, CLASSES, count))


def suppress_in_loops(video: Proposals, rule: Suppression) -> list[tuple[float, float, float]]:
    """Gaussian soft-NMS of one class, one pair at a time, and votes: (start, end, score)."""
    candidates = [(*ends, score) for ends, score in zip(video.segments, video.scores, strict=True)]
    left, picked = list(candidates), []
    while left and len(picked) < rule.max_proposals:
        best = max(range(len(left)), key=lambda i: left[i][2])
        begin, end, score = left.pop(best)
        picked.append((begin, end, score))
        lowered = []
        for other in left:
            overlap = tiou_of_pair(other[0], other[1], begin, end)
            kept = other[2] * math.exp(-overlap * overlap / rule.width)
            if kept >= rule.min_score:
                lowered.append((other[0], other[1], kept))
        left = lowered
    return (
        [vote_in_loops(one, candidates, rule.voting) for one in picked] if rule.voting else picked
    )


def vote_in_loops(
    picked: tuple[float, float, float], voters: list[tuple[float, float, float]], threshold: float
) -> tuple[float, float, float]:
    """The picked segment at the mean of those that overlap it enough."""
    total = begin = end = 0.0
    for voter in voters:
        overlap = tiou_of_pair(voter[0], voter[1], picked[0], picked[1])
        if overlap >= threshold:
            total += overlap * voter[2]
            begin += overlap * voter[2] * voter[0]
            end += overlap * voter[2] * voter[1]
    return begin / total, end / total, picked[2]


def compare_suppression(videos: int = VIDEOS, repeats: int = 5) -> dict[str, dict]:
    """Rule -> {"loops_seconds", "ours_seconds" (a video), "ratio", "largest_difference"}.

    Raises:
        RuntimeError: the lists differ.
    """
    results = {}
    for name, rule in RULES.items():
        candidates = [make_candidates(video) for video in range(videos)]
        if rule.voting:
            candidates = [video._replace(labels=None) for video in candidates]
        begin = time.perf_counter()
        expected = []
        for video in candidates:
            labels = [None] if video.labels is None else np.unique(video.labels)
            parts = [video if n is None else video.take(video.labels == n) for n in labels]
            found = [one for part in parts for one in suppress_in_loops(part, rule)]
            expected.append(sorted(found, key=lambda one: -one[2])[: rule.max_proposals])
        loops = time.perf_counter() - begin
        seconds = []
        for _ in range(repeats):
            begin = time.perf_counter()
            ours = suppress(candidates, rule)
            seconds.append(time.perf_counter() - begin)
        difference = 0.0
        for found, wanted in zip(ours, expected, strict=True):
            rows = np.column_stack([found.segments, found.scores])
            if rows.shape != np.shape(wanted):
                raise RuntimeError("the lists of the loops and of the arrays differ in length.")
            difference = max(difference, float(np.abs(rows - wanted).max()))
        if difference > TOLERANCE:
            raise RuntimeError(f"the lists of loops and arrays differ by {difference:.3g}.")
        ours_seconds = statistics.median(seconds)
        results[name] = {
            "loops_seconds": loops / videos,
            "ours_seconds": ours_seconds / videos,
            "ratio": loops / ours_seconds,
            "largest_difference": difference,
        }
    return results


def format_suppression(results: dict[str, dict]) -> str:
    """A line for each rule, in milliseconds a video."""
    return "\n".join(
        f"{name:<12}{'loops':>8}{row['loops_seconds'] * 1000:>8.0f} ms{'arrays':>8}"
        f"{row['ours_seconds'] * 1000:>8.2f} ms{row['ratio']:>8.0f}x"
        for name, row in results.items()
    )
