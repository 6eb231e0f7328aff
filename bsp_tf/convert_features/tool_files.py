"""Features and annotations of videos in the forms that other tools of the field read.

The tools place a row of features in time by one rule each, which the annotations and the settings
here are made to fit:

    opentad, actionformer   row i is centred on frame i * stride + offset; all rows are given as
                            they are
    gtad, mmaction2         100 rows lie evenly over the whole video; so many are interpolated

Ids begin with "v_" for the last two, which take the first two letters of an id away again.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bsp_tf.annotations.mended import VideoAnnotation
from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.json_file import write_json
from bsp_tf.base.labels_file import write_label_file
from bsp_tf.features.formats import write_data_set
from bsp_tf.features.span import feature_span
from bsp_tf.features.store import MISSING_FILE, FeatureStore, resize_features

# Rows of the networks for ActivityNet: BMN's and G-TAD's published number.
COLUMNS = 100
PREFIX = "v_"
ARRAYS = "features"
ANNOTATIONS = "annotations.json"
CLASSES = "category_idx.txt"
TABLE = "video_info.csv"


@dataclass(frozen=True)
class Shown:
    """A video that has features.

    Attributes:
        name: Its id in the tool's files.
        stored: Its id in the feature folder.
        annotation: Its annotation.
        duration: Seconds; by the annotations, else as measured.
        fps: The rate by which frames are counted, of the file that was read.
    """

    name: str
    stored: str
    annotation: VideoAnnotation
    duration: float
    fps: float

    @property
    def num_frames(self) -> int:
        """Frames of the whole duration."""
        return round(self.duration * self.fps)


@dataclass(frozen=True)
class Rows:
    """The features: parts of a folder of bsp_tf.extract, side by side."""

    store: FeatureStore
    streams: tuple[str, ...]

    @property
    def feature_dim(self) -> int:
        """Numbers in a row."""
        ranges = self.store.metadata["streams"]
        return sum(ranges[name][1] - ranges[name][0] for name in self.streams)

    @property
    def stride(self) -> int:
        """Frames from one row to the next."""
        return self.store.metadata["stride"]

    @property
    def reach(self) -> int:
        """Frames from the first to the last of a snippet, both shown."""
        about = self.store.metadata
        return (about["window"] - 1) * about["frame_step"] + 1

    def all(self, video: Shown) -> np.ndarray:
        """float32 [num_snippets, feature_dim]; raises UnusableFeatures."""
        return self.store.load(video.stored, self.streams)

    def columns(self, video: Shown) -> np.ndarray:
        """float32 [COLUMNS, feature_dim], evenly over the whole video; the ends are repeated."""
        rows, span = self.all(video), feature_span(self.store.metadata, video.stored)
        rows_per_second = len(rows) / (span.end_seconds - span.start_seconds)
        begin, length = -span.start_seconds * rows_per_second, video.duration * rows_per_second
        return resize_features(rows, COLUMNS, begin, length)


@dataclass(frozen=True)
class Dataset:
    """What the other files speak of.

    Attributes:
        rows: The features.
        videos: With features.
        missing: Ids in the annotations of videos without.
        classes: Names of all classes, by number.
    """

    rows: Rows
    videos: Sequence[Shown]
    missing: Sequence[str]
    classes: Sequence[str]


def write_npy(rows: Rows, video: Shown, path: Path) -> None:
    """All rows."""
    values = rows.all(video)
    with atomic_write(path) as file:
        np.save(file, values)


def write_csv(rows: Rows, video: Shown, path: Path) -> None:
    """A header and COLUMNS rows."""
    text = io.StringIO()
    header = ",".join(f"f{i}" for i in range(rows.feature_dim))
    np.savetxt(text, rows.columns(video), "%.7g", ",", header=header, comments="")
    with atomic_write(path) as file:
        file.write(text.getvalue().encode())


def write_h5(rows: Rows, video: Shown, path: Path) -> None:
    """A data set, called by the id, of COLUMNS rows."""
    write_data_set(path, video.name, rows.columns(video))


def _actions(video: VideoAnnotation, classes: Mapping[str, int] | None = None) -> list[dict]:
    rows = []
    for segment, label in zip(video.segments.tolist(), video.labels, strict=True):
        about = {"label": label} | ({"label_id": classes[label]} if classes else {})
        rows.append({**about, "segment": segment})
    return rows


def write_database(data: Dataset, output: Path) -> None:
    """ActivityNet's form, with what these tools want beside it.

    Each video has "duration", and those with features "fps" and "frame" (their number); each action
    has a "label_id". Classes stand in CLASSES by number, and the videos that have no features, by
    the ids of the annotations, in MISSING_FILE beside the features.
    """
    numbers = {name: number for number, name in enumerate(data.classes)}
    database: dict[str, dict[str, Any]] = {}
    for video in data.videos:
        database[video.name] = {
            "subset": video.annotation.subset,
            "duration": video.duration,
            "fps": video.fps,
            "frame": video.num_frames,
            "annotations": _actions(video.annotation, numbers),
        }
    write_json(output / ANNOTATIONS, {"version": "", "taxonomy": [], "database": database})
    write_label_file(output / CLASSES, data.classes)
    with atomic_write(output / ARRAYS / MISSING_FILE) as file:
        file.write("".join(f"{name}\n" for name in data.missing).encode())


def write_frames_files(data: Dataset, output: Path) -> None:
    """The form of BMN and G-TAD: "duration_second", "duration_frame", "feature_frame".

    ANNOTATIONS holds all videos, TABLE their subsets, annotations_<subset>.json those of one.
    """
    database: dict[str, Any] = {}
    subsets: dict[str, dict[str, Any]] = {}
    table: list[tuple[Any, ...]] = [
        ("video", "numFrame", "seconds", "fps", "rfps", "subset", "featureFrame")
    ]
    for video in data.videos:
        entry = {
            "duration_second": video.duration,
            "duration_frame": video.num_frames,
            # The rows lie evenly over the whole video.
            "feature_frame": video.num_frames,
            "fps": video.fps,
            "rfps": video.num_frames / video.duration,
            "annotations": _actions(video.annotation),
        }
        subset = video.annotation.subset
        database[video.name] = subsets.setdefault(subset, {})[video.name] = entry
        frames = video.num_frames
        table.append((video.name, frames, video.duration, video.fps, entry["rfps"], subset, frames))
    write_json(output / ANNOTATIONS, database)
    for subset, entries in subsets.items():
        write_json(output / f"annotations_{subset or 'none'}.json", entries)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    with atomic_write(output / TABLE) as file:
        file.write(text.getvalue().encode())
    write_label_file(output / CLASSES, data.classes)
