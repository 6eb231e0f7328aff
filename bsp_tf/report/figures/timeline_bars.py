"""Bars of a timeline: the detections that are shown, which of them are hits, and on which lanes."""

import dataclasses

import numpy as np

from bsp_tf.evaluation.segments import tiou

_MATCH_TIOU = 0.5


@dataclasses.dataclass(frozen=True)
class Bar:
    """A labelled part of the time axis.

    Attributes:
        score: Of a detection; None for ground truth.
        hit: Whether the detection found a ground truth.
    """

    start_seconds: float
    end_seconds: float
    label: str
    score: float | None = None
    hit: bool = False


def top_detections(detections: list[dict], ground_truth: list[Bar], most: int) -> list[Bar]:
    """The `most` best-scored detections of a video as bars, best first, with hits marked.

    A hit overlaps a ground truth of its own label with a tIoU of at least .5 that no better
    detection took, which is how mAP@0.5 counts.

    Args:
        detections: Dicts with "segment" [start, end] in seconds, "label" and "score".
        ground_truth: The actions of the video.
        most: How many to keep.
    """
    best = sorted(detections, key=lambda detection: -detection["score"])[:most]
    free = list(ground_truth)
    bars = []
    for detection in best:
        start, end = (float(second) for second in detection["segment"])
        segment = np.array([start, end])
        rivals = [
            (float(tiou(segment, np.array([truth.start_seconds, truth.end_seconds]))), i)
            for i, truth in enumerate(free)
            if truth.label == detection["label"]
        ]
        overlap, taken = max(rivals, default=(0.0, -1))
        hit = overlap >= _MATCH_TIOU
        if hit:
            del free[taken]
        bars.append(Bar(start, end, detection["label"], float(detection["score"]), hit))
    return bars


def assign_lanes(bars: list[Bar], clearance_seconds: float = 0.0) -> list[int]:
    """Number, from 0, of the first lane where each bar in turn overlaps no earlier one.

    >>> assign_lanes([Bar(0, 5, "a"), Bar(4, 8, "a"), Bar(5, 9, "a")])
    [0, 1, 0]
    """
    lanes: list[list[Bar]] = []
    chosen = []
    for bar in bars:
        free = [
            all(
                bar.end_seconds + clearance_seconds <= other.start_seconds
                or bar.start_seconds >= other.end_seconds + clearance_seconds
                for other in lane
            )
            for lane in lanes
        ]
        number = free.index(True) if True in free else len(lanes)
        if number == len(lanes):
            lanes.append([])
        lanes[number].append(bar)
        chosen.append(number)
    return chosen
