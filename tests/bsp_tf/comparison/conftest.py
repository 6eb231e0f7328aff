"""Worlds of many videos, and the slow way to score a resample: really repeat the videos."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bsp_tf.evaluation.ground_truth import Instances, make_instances

CLASSES = ("jump", "run", "throw")


def make_world(
    rng: np.random.Generator, videos: int, noises: tuple[float, ...], proposals: int = 6
) -> tuple[Instances, list[Instances]]:
    """Ground truth, and the detections of a detector for each noise (seconds, at the ends)."""
    rows = []
    for video in range(videos):
        for index in range(rng.integers(1, 4)):
            start = 20 * index + rng.uniform(0, 5)
            rows.append((f"v{video}", str(rng.choice(CLASSES)), start, start + rng.uniform(4, 12)))
    detectors = []
    for noise in noises:
        found = []
        for video, label, start, end in rows:
            for _ in range(proposals // 2):
                near = np.sort(np.array([start, end]) + rng.normal(0, noise, 2))
                right = label if rng.random() < 0.7 else str(rng.choice(CLASSES))
                score = rng.normal(1, 0.7) - abs(near[0] - start) / 4
                found.append((video, right, *near, score))
            anywhere = np.sort(rng.uniform(0, 60, 2))
            found.append((video, str(rng.choice(CLASSES)), *anywhere, rng.normal(0, 0.7)))
        detectors.append(make_columns(found))
    return make_columns(rows), detectors


def make_columns(rows: list[tuple]) -> Instances:
    """Rows (video, label, start, end), with a score behind or not, as columns."""
    scores = [row[4] for row in rows] if len(rows[0]) > 4 else None
    return make_instances(
        [row[0] for row in rows], [row[1] for row in rows], [row[2:4] for row in rows], scores
    )


def repeat_videos(instances: Instances, count_of: dict[str, int]) -> Instances:
    """Each video as often as `count_of` says, under other ids; unknown videos once as they are.

    Copies of a row follow each other, so that copies of a video keep the order among equal scores.
    """
    rows = []
    for i, (video, label) in enumerate(zip(instances.video, instances.label, strict=True)):
        name = instances.video_names[video]
        copies = [f"{name}/{n}" for n in range(count_of[name])] if name in count_of else [name]
        rows += [(copy, instances.class_names[label], i) for copy in copies]
    index = [row[2] for row in rows]
    score = None if instances.score is None else instances.score[index]
    known = [f"{name}/{n}" for name, count in count_of.items() for n in range(count)]
    return make_instances(
        [row[0] for row in rows],
        [row[1] for row in rows],
        instances.segment[index],
        score,
        more_videos=known,
    )


@pytest.fixture(scope="session")
def world() -> Callable[..., tuple[Instances, list[Instances]]]:
    """`world(rng, videos, noises)`, see `make_world`."""
    return make_world


@pytest.fixture(scope="session")
def repeated() -> Callable[[Instances, dict[str, int]], Instances]:
    """`repeated(instances, count_of)`, see `repeat_videos`."""
    return repeat_videos


def _random_rows(rng: np.random.Generator, videos: int, count: int) -> list[tuple]:
    """Rows (video, label, start, end) of few different times, so that overlaps are equal too."""
    rows = []
    for _ in range(count):
        start, length = rng.integers(0, 12) / 2, rng.integers(1, 6) / 2
        rows.append(
            (f"v{rng.integers(videos)}", str(rng.choice(list("abc"))), start, start + length)
        )
    return rows


@pytest.fixture(params=["many ties", "no ties", "spread over few videos"])
def odd_world(request) -> tuple[Instances, Instances]:
    """Ground truth and detections with what is unusual in files.

    Equal scores, thresholds that are hit exactly, a video and a label that the ground truth lacks,
    a video without ground truth, and a class that occurs in one video only.
    """
    rng = np.random.default_rng(4)
    videos = 3 if request.param == "spread over few videos" else 9
    scores = rng.permutation(240) if request.param == "no ties" else rng.integers(0, 40, 240)
    truths: list[tuple] = _random_rows(rng, videos, 40)
    found: list[tuple] = [
        (*row, float(score))
        for row, score in zip(_random_rows(rng, videos, 240), scores, strict=True)
    ]
    truths.append(("v1", "rare", 1.0, 3.0))
    found += [
        ("v1", "rare", 1.0, 3.5, 7.0),
        ("v2", "rare", 1.0, 3.0, 9.0),
        ("v2", "rare", 1.0, 3.0, 9.0),
        ("elsewhere", "a", 0.0, 3.0, 20.0),
        ("empty", "a", 0.0, 3.0, 21.0),
        ("empty", "b", 0.0, 3.0, 3.0),
        ("v0", "unknown", 0.0, 3.0, 30.0),
    ]
    truth = make_columns(truths)
    return replace(truth, video_names=[*truth.video_names, "empty"]), make_columns(found)
