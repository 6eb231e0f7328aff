"""Labelled segments of many videos as columns, and ground truth read into them.

`bsp_tf.annotations.reader` says which files can be read. Segments are taken as they are written, as
the official scorers do: nothing is cut to the duration of the video.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bsp_tf.annotations.reader import REVERSED, VideoEntry, describe_subsets, read_entries
from bsp_tf.base.errors import InputError


@dataclass(frozen=True)
class Instances:
    """Labelled segments of many videos, as columns.

    Attributes:
        video_names, class_names: Names in order of first appearance; a video may have no instance.
        video, label: int64 [n], indices into the two lists.
        segment: float64 [n, 2], start and end in seconds.
        score: float64 [n], higher is better; None for ground truth.
        duration: Video name -> its seconds, where known.
    """

    video_names: list[str]
    class_names: list[str]
    video: np.ndarray
    label: np.ndarray
    segment: np.ndarray
    score: np.ndarray | None = None
    duration: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.video)


def make_instances(
    videos: Iterable[str],
    labels: Iterable[str],
    segments: Any,
    scores: Any = None,
    more_videos: Iterable[str] = (),
) -> Instances:
    """Instances from parallel columns.

    Args:
        videos: n video names.
        labels: n class names.
        segments: Numbers [n, 2], start and end in seconds.
        scores: Numbers [n], or None for ground truth.
        more_videos: Names of videos that have no instance.

    Raises:
        InputError: a time or score is NaN or infinite, or the columns differ in length.
    """
    videos_seen: dict[str, int] = {}
    labels_seen: dict[str, int] = {}
    video = np.array([videos_seen.setdefault(name, len(videos_seen)) for name in videos], np.int64)
    label = np.array([labels_seen.setdefault(name, len(labels_seen)) for name in labels], np.int64)
    for name in more_videos:
        videos_seen.setdefault(name, len(videos_seen))
    segment = np.asarray(segments, np.float64).reshape(-1, 2)
    score = None if scores is None else np.asarray(scores, np.float64).reshape(-1)
    lengths = {len(video), len(label), len(segment)} | (set() if score is None else {len(score)})
    if len(lengths) > 1:
        raise InputError(
            f"columns of different lengths {sorted(lengths)}: give each instance one of each."
        )
    if not np.isfinite(segment).all() or (score is not None and not np.isfinite(score).all()):
        raise InputError(
            "a time or score is NaN or infinite: remove those instances or repair what wrote them."
        )
    return Instances(list(videos_seen), list(labels_seen), video, label, segment, score)


def load_ground_truth(
    path: str | os.PathLike, subset: str, *, refuse_reversed: bool = True
) -> Instances:
    """Ground truth of one subset.

    Args:
        path: Annotations in any form, see `bsp_tf.annotations.reader.read_entries`.
        subset: E.g. "validation".
        refuse_reversed: Whether a segment that ends before it starts is an error; if not, it stays
            as it is (`filtering.without_reversed` leaves it out).

    Raises:
        InputError: a file is missing or malformed (the message names file, video, entry and key), a
            video has no subset, a segment ends before it starts, or the subset holds no segment.
    """
    entries = read_entries(path, subset)
    if "" in entries.subset_sizes and any(entries.subset_sizes):
        nameless = read_entries(path, "").videos[0]
        raise InputError(f"{nameless.place} has no key 'subset'; add its name.")
    rows = [
        (entry.video_id, instance.label, instance.segment)
        for entry in entries.videos
        for instance in entry.instances
    ]
    if not rows:
        raise InputError(
            f"{path} has no annotated segment in subset {subset!r}; "
            f"{describe_subsets(entries.subset_sizes)}."
        )
    if refuse_reversed:
        for entry in entries.videos:
            _refuse_reversed(entry)
    videos, labels, segments = zip(*rows, strict=True)
    known = [entry.video_id for entry in entries.videos]
    return replace(
        make_instances(videos, labels, segments, more_videos=known),
        duration={e.video_id: e.duration_seconds for e in entries.videos if e.duration_seconds},
    )


def _refuse_reversed(entry: VideoEntry) -> None:
    for index, instance in enumerate(entry.instances):
        if instance.fault == REVERSED:
            raise InputError(
                f"{entry.place}, entry {index}: 'segment' {list(instance.segment)} ends before it "
                "starts; put the earlier time first."
            )
