"""Videos as a video classifier sees them: a fixed number of steps each, and classes. NumPy only.

A step is the mean of a share of the snippets. So memory is bounded however long a video is (10,000
snippets of 4,096 channels are 164 MB, 64 steps 1 MB), all examples have one shape, and every
snippet counts: interpolation would look at two snippets a step and pass over the rest.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from bsp_tf.annotations.mended import Annotations, VideoAnnotation
from bsp_tf.base.errors import InputError
from bsp_tf.features.layout import SETTINGS, source_paths
from bsp_tf.features.sources import FeatureSources
from bsp_tf.features.store import METADATA_FILE, FeatureStore


@dataclasses.dataclass(frozen=True)
class VideoSteps:
    """The videos that can be used.

    Attributes:
        video_ids: N ids, sorted: the order of a file should not change a result.
        features: N arrays float32 [S, C].
        shown: bool [N, K], which classes a video shows; none where nothing is annotated.
        subsets: N names.
        left_out: Other annotated videos -> the reason.
    """

    video_ids: list[str]
    features: list[np.ndarray]
    shown: np.ndarray
    subsets: list[str]
    left_out: dict[str, str]

    def of_subset(self, subset: str) -> np.ndarray:
        """int64 [n]: numbers of the videos of a subset that show a class."""
        return np.flatnonzero((np.array(self.subsets) == subset) & self.shown.any(axis=1))


def open_steps(path: str, streams: Sequence[str] | None = None) -> FeatureSources:
    """Opens features in any form that bsp_tf.train_head takes; nobody has to say what a row is.

    Args:
        path: One source, or several with commas.
        streams: Parts to take of folders of bsp_tf.extract; None: all.

    Raises:
        InputError: a source cannot be opened, its arrays are transposed, or there is no such
            stream (the message names those that there are).
    """
    extracted = [part for part in source_paths(path) if (Path(part) / METADATA_FILE).is_file()]
    known = list(
        dict.fromkeys(name for part in extracted for name in FeatureStore(part).metadata["streams"])
    )
    unknown = [name for name in streams or () if name not in known]
    if unknown:
        raise InputError(
            f"--streams: {path} has no stream {unknown[0]!r}; there are "
            f"{', '.join(known) or 'none'}."
        )
    # Only the order of rows counts here, so any layout will do. No number of columns is given: none
    # is special, and arrays with as many channels would look transposed.
    settings = SETTINGS | {"feature_layout": "whole"}
    return FeatureSources(path, streams or known, settings, num_segments=0)


def load_steps(
    sources: FeatureSources,
    annotations: Annotations,
    class_names: Sequence[str],
    num_steps: int,
) -> VideoSteps:
    """Reads the features of all annotated videos, one at a time.

    A video without features, or with features that cannot be used (NaN, another number of
    channels), is left out and listed.

    Args:
        sources: From `open_steps`.
        annotations: Videos of all subsets.
        class_names: K names, of all their labels.
        num_steps: S.
    """
    found = VideoSteps([], [], np.zeros((len(annotations), len(class_names)), bool), [], {})
    numbers = {name: number for number, name in enumerate(class_names)}
    for video_id in tqdm(sorted(annotations), desc="features", unit="video"):
        annotation = annotations[video_id]
        try:
            rows = sources.load(video_id, _with_duration(annotation)).columns()
        except InputError as error:
            found.left_out[video_id] = str(error)
            continue
        found.shown[len(found.video_ids), [numbers[label] for label in annotation.labels]] = True
        found.video_ids.append(video_id)
        found.features.append(pool_steps(rows, num_steps))
        found.subsets.append(annotation.subset)
    return dataclasses.replace(found, shown=found.shown[: len(found.video_ids)])


def pool_steps(rows: np.ndarray, num_steps: int) -> np.ndarray:
    """Means of equal shares of the rows; a row may stand for several steps of a short video.

    Args:
        rows: float32 [n, C], n >= 1.
        num_steps: S.

    Returns:
        float32 [S, C].

    >>> pool_steps(np.float32([[1], [3], [5], [6]]), 2).tolist()
    [[2.0], [5.5]]
    >>> pool_steps(np.float32([[1], [3]]), 4).tolist()
    [[1.0], [1.0], [3.0], [3.0]]
    """
    edges = np.arange(num_steps + 1) * len(rows) // num_steps
    # Of a share without rows, `reduceat` gives the row where it would begin.
    sums = np.add.reduceat(rows, edges[:-1], axis=0, dtype=np.float64)
    return (sums / np.maximum(np.diff(edges), 1)[:, np.newaxis]).astype(np.float32)


def check_training(videos: VideoSteps, train_subset: str, num_folds: int, path: str) -> np.ndarray:
    """Numbers of the videos to train on, int64 [n].

    Raises:
        InputError: there are none, fewer than folds, or they show one class only.
    """
    chosen = videos.of_subset(train_subset)
    if not len(chosen):
        left_out = [f"{name}: {reason}" for name, reason in videos.left_out.items()]
        first = f"{len(left_out)} left out, the first {left_out[0]}" if left_out else "no labels"
        raise InputError(
            f"{path} has no video of subset {train_subset!r} that shows a class and has usable "
            f"features ({first}). Check --train_subset, and that features and annotations belong "
            "together."
        )
    if len(chosen) < num_folds:
        raise InputError(
            f"--folds={num_folds} for {len(chosen)} training videos: each fold needs one. Lower "
            "--folds, or annotate more videos."
        )
    if videos.shown[chosen].any(axis=0).sum() < 2:
        raise InputError(
            f"the {len(chosen)} training videos of {path} show one class only: there is nothing to "
            "tell apart. Annotate videos of other classes, or check --train_subset."
        )
    return chosen


def _with_duration(annotation: VideoAnnotation) -> VideoAnnotation:
    # Rows of other tools' arrays lie over the whole video: how long that is does not matter here.
    seconds = annotation.duration_seconds or 1.0
    return dataclasses.replace(annotation, duration_seconds=seconds)
