"""The videos that are shown as timelines: which ones, and everything that is known about each."""

from pathlib import Path
from typing import Any

import numpy as np

from bsp_tf.features.store import FeatureStore
from bsp_tf.report.figures import style
from bsp_tf.report.figures.timeline import Bar, Timeline, top_detections
from bsp_tf.report.inputs import Results
from bsp_tf.synthesis.boundary_types import NO_BOUNDARY_TYPE
from bsp_tf.video.reader import read_frames
from bsp_tf.video.stream import VideoError

NUM_THUMBNAILS = 10
DETECTIONS_SHOWN = 5
_THUMBNAIL_SHORT_SIDE = 120


def pick_evenly(names: list[str], most: int) -> list[str]:
    """At most `most` of the sorted names, evenly spread over the list: no look at any result, so no
    cherry-picking.
    """
    names = sorted(names)
    count = min(most, len(names))
    return [names[int((i + 0.5) * len(names) / count)] for i in range(count)]


def find_videos(folder: Path) -> dict[str, Path]:
    """Name without suffix -> file, for the files directly in `folder` (empty if there is no such
    folder).
    """
    if not folder.is_dir():
        return {}
    return {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".")
    }


def thumbnails(
    path: Path, duration_seconds: float, count: int, short_side: int = _THUMBNAIL_SHORT_SIDE
) -> list[np.ndarray]:
    """`count` frames uint8 [H, W, 3] from the middles of `count` equal parts of a video.

    Where decoding fails, the last good frame (at the front: the first one) stands for what is
    missing.

    Raises:
        VideoError: not one of the frames could be read.
    """
    chosen: list[np.ndarray | None] = []
    failure = None
    for i in range(count):
        start = (i + 0.5) / count * duration_seconds
        try:
            chosen.append(next(read_frames(path, start_seconds=start, short_side=short_side)))
        except VideoError as error:
            failure = error
            chosen.append(chosen[-1] if chosen else None)
    good = [frame for frame in chosen if frame is not None]
    if not good:
        raise VideoError(f"no frame can be shown: {failure}")
    return [good[0] if frame is None else frame for frame in chosen]


def knows_boundaries(store: FeatureStore) -> bool:
    """Whether the features come from a two-stream model, so that snippets have boundary
    probabilities.
    """
    return NO_BOUNDARY_TYPE in store.metadata.get("boundary_labels", ())


def boundary_curve(store: FeatureStore, video: str) -> tuple[np.ndarray, np.ndarray]:
    """Centres of the snippets of a video in seconds, and their 1 - p(no boundary), float64 [n]."""
    metadata = store.metadata
    probabilities = np.asarray(store.load_probabilities(video)["boundary"], np.float64)
    column = list(metadata["boundary_labels"]).index(NO_BOUNDARY_TYPE)
    half_window = ((metadata["window"] - 1) * metadata["frame_step"] + 1) / 2
    fps = metadata["videos"][video]["fps"]
    seconds = (np.arange(len(probabilities)) * metadata["stride"] + half_window) / fps
    return seconds, 1 - probabilities[:, column]


def _spans(marks: list[dict[str, Any]]) -> list[tuple[float, float, str]]:
    return [
        (float(mark["segment"][0]), float(mark["segment"][1]), str(mark["kind"])) for mark in marks
    ]


def build_timeline(
    results: Results, video: str, video_file: Path | None, store: FeatureStore | None
) -> Timeline:
    """Collects what the results know about one video.

    Args:
        results: From `load_results`.
        video: Its name in the annotations.
        video_file: Where it lies; None leaves the thumbnails out.
        store: Features with probabilities; None, or a store without this video, leaves the curve
            out.
    """
    entry = results.database[video]
    truth = [
        Bar(float(item["segment"][0]), float(item["segment"][1]), item["label"])
        for item in entry["annotations"]
    ]
    rows = {"ground truth": truth}
    for stream, detections in results.detections.items():
        rows[style.STREAM_NAMES[stream]] = top_detections(
            detections.get(video, []), truth, DETECTIONS_SHOWN
        )
    duration = float(entry["duration"])
    frames = thumbnails(video_file, duration, NUM_THUMBNAILS) if video_file else []
    seconds = curve = None
    if store and video in store.metadata["videos"] and knows_boundaries(store):
        seconds, curve = boundary_curve(store, video)
    return Timeline(
        duration,
        frames,
        rows,
        seconds,
        curve,
        _spans(entry.get("joints", [])),
        _spans(entry.get("distractors", [])),
    )
