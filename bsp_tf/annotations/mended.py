"""Annotations as training and detection take them: mended, with every mend counted.

    clamped       ends after the video or starts before 0: cut to [0, duration]
    outside       begins at or after the end of the video, or ends before 0: left out
    reversed      ends before it starts: left out, since nobody can tell what was meant
    zero_length   starts where it ends: kept, it still marks a start and an end

`bsp_tf.annotations.reader` says which files can be read. NumPy only.
"""

import dataclasses
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from bsp_tf.annotations import reader
from bsp_tf.base.errors import InputError

ODDITIES = {
    reader.CLAMPED: "cut to the video's duration",
    reader.OUTSIDE: "outside the video, left out",
    reader.REVERSED: "end before start, left out",
    reader.ZERO_LENGTH: "of zero length, kept",
}


@dataclasses.dataclass(frozen=True)
class VideoAnnotation:
    """The action instances of one untrimmed video.

    Attributes:
        duration_seconds: Length of the video; None where the file does not say (THUMOS14).
        fps: Frames per second; None where the file does not say.
        segments: float64 [n, 2], start and end in seconds, within [0, duration].
        labels: n class names.
        subset: E.g. "training"; "" where the file does not say.
        covered_seconds, extra: As in `reader.VideoEntry`.
    """

    duration_seconds: float | None
    fps: float | None
    segments: np.ndarray
    labels: list[str]
    subset: str
    covered_seconds: float | None = None
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Annotations(dict[str, VideoAnnotation]):
    """Video id -> VideoAnnotation, in the order of the file.

    Attributes:
        oddities: For each kind of `ODDITIES`, the ids of the videos concerned, one per segment.
    """

    def __init__(self) -> None:
        super().__init__()
        self.oddities: dict[str, list[str]] = {kind: [] for kind in ODDITIES}

    def warnings(self) -> list[str]:
        """One line for each kind of oddity: how many segments, and the first few videos."""
        lines = []
        for kind, video_ids in self.oddities.items():
            if video_ids:
                some = list(dict.fromkeys(video_ids))
                names = ", ".join(some[:3]) + (", ..." if len(some) > 3 else "")
                lines.append(f"{len(video_ids)} annotated segments {ODDITIES[kind]} ({names})")
        return lines


def load_annotations(path: str | os.PathLike, subset: str | None = None) -> Annotations:
    """Reads the annotations of all videos, or of one subset.

    Args:
        path: See `reader.read_entries`.
        subset: "training", "validation", ...; None for all.

    Raises:
        InputError: a file is missing or malformed, a number of a video is impossible, or no video
            is of that subset.

    >>> import json, tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
    ...     video = {"subset": "training", "duration": 10,
    ...              "annotations": [{"segment": [8, 12], "label": "jump"}]}
    ...     json.dump({"database": {"a": video}}, file)
    ...     file.flush()
    ...     annotations = load_annotations(file.name, "training")
    >>> annotations["a"].segments, annotations["a"].labels
    (array([[ 8., 10.]]), ['jump'])
    >>> annotations.warnings()
    ["1 annotated segments cut to the video's duration (a)"]
    """
    annotations = Annotations()
    entries = reader.read_entries(path, subset)
    for entry in entries.videos:
        annotations[entry.video_id] = _mend(entry, annotations.oddities)
    if subset is not None and not annotations:
        raise InputError(
            f"{path} has no video of subset {subset!r}; "
            f"{reader.describe_subsets(entries.subset_sizes)}."
        )
    return annotations


def choose_subset(
    annotations: Annotations, subset: str, path: str | os.PathLike
) -> dict[str, VideoAnnotation]:
    """The videos of one subset out of all; `path` is where they were read.

    Raises:
        InputError: no video is of that subset.
    """
    videos = {name: video for name, video in annotations.items() if video.subset == subset}
    if not videos:
        sizes = Counter(video.subset for video in annotations.values())
        raise InputError(
            f"{path} has no video of subset {subset!r}; {reader.describe_subsets(sizes)}."
        )
    return videos


def _mend(entry: reader.VideoEntry, oddities: dict[str, list[str]]) -> VideoAnnotation:
    if entry.faults:
        raise InputError(f"{entry.place}: {entry.faults[0]}.")
    segments, labels = [], []
    for instance in entry.instances:
        if instance.fault:
            oddities[instance.fault].append(entry.video_id)
        if instance.fault not in (reader.OUTSIDE, reader.REVERSED):
            segments.append(instance.segment)
            labels.append(instance.label)
    return VideoAnnotation(
        entry.duration_seconds,
        entry.fps,
        np.clip(np.array(segments, np.float64).reshape(-1, 2), 0.0, entry.duration_seconds),
        labels,
        entry.subset,
        entry.covered_seconds,
        entry.extra,
    )
