"""Made-up ground truth and detections of any size, for the scoring benchmark."""

import numpy as np

from bsp_tf.evaluation.ground_truth import Instances


def make_ground_truth(videos: int, segments: int, classes: int, seed: int = 0) -> Instances:
    """Made-up annotations: each video has one class, at least one segment, and a duration."""
    rng = np.random.default_rng(seed)
    names = [f"video_{i}" for i in range(videos)]
    duration = rng.uniform(20, 235, videos)
    label = rng.permutation(np.arange(videos) % classes)
    video = np.sort(np.concatenate([np.arange(videos), rng.integers(0, videos, segments - videos)]))
    segment = np.sort(rng.uniform(0, 1, (segments, 2)), axis=1) * duration[video, np.newaxis]
    return Instances(
        names,
        [f"class_{i}" for i in range(classes)],
        video,
        label[video],
        segment,
        None,
        dict(zip(names, duration.tolist(), strict=True)),
    )


def make_predictions(ground_truth: Instances, count: int, seed: int = 1) -> Instances:
    """`count` detections, spread evenly over the videos with ground truth, two classes in each.

    Half are a true segment of the video with moved ends, the others lie anywhere; scores are
    random, higher for the former, without ties. None lacks a length.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(ground_truth.video, kind="stable")
    videos, first, size = np.unique(
        ground_truth.video[order], return_index=True, return_counts=True
    )
    row = np.sort(np.arange(count) % len(videos))
    chosen = order[first[row] + rng.integers(0, size[row])]
    truth = ground_truth.segment[chosen]
    end = np.ones(len(ground_truth.video_names))
    np.maximum.at(end, ground_truth.video, ground_truth.segment[:, 1])
    near = truth + rng.normal(0, 0.15, truth.shape) * np.maximum(np.diff(truth), 1)
    anywhere = rng.uniform(0, 1.2, truth.shape) * end[videos[row], np.newaxis]
    is_near, is_own = rng.random((2, count)) < 0.5
    segment = np.sort(np.where(is_near[:, np.newaxis], near, anywhere), axis=1)
    num_classes = len(ground_truth.class_names)
    label = np.where(
        is_own, ground_truth.label[chosen], (ground_truth.label[chosen] + 1) % num_classes
    )
    # Ranks, so that none are equal.
    score = np.argsort(np.argsort(rng.random(count) * np.where(is_near & is_own, 1.0, 0.6))) / count
    return Instances(
        ground_truth.video_names, ground_truth.class_names, videos[row], label, segment, score
    )


def part_of(instances: Instances, column: str, below: int) -> Instances:
    """The instances whose "label" or "video" is below a number; names of videos stay."""
    keep = getattr(instances, column) < below
    classes = instances.class_names[:below] if column == "label" else instances.class_names
    return Instances(
        instances.video_names,
        classes,
        instances.video[keep],
        instances.label[keep],
        instances.segment[keep],
        None if instances.score is None else instances.score[keep],
    )
