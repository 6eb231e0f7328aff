"""Snippet features on disk: a folder with one array per video, and metadata.

    <video_id>.npy                  float32 [num_snippets, feature_dim]
    probabilities/<video_id>.npz    float32: action [n, K], boundary [n, types] (softmax),
                                    pixel_change [n] (0..255); place [n, window] where the
                                    boundary stream places boundaries
    probabilities/<video_id>.json   what is known of the video; the same is in metadata.json
    metadata.json                   window, frame_step, stride (source frames between snippet
                                    starts), feature_dim, streams {"action": [begin, end), ...},
                                    labels, model, videos {id: {...}}

Snippet i covers the source frames [i * stride, i * stride + (window - 1) * frame_step]. A video is
finished when its .npy is there, which is written last. NumPy only.
"""

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bsp_tf.base.array_file import read_npy, read_npz
from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import read_input
from bsp_tf.base.json_file import read_json_object, write_json
from bsp_tf.base.output_lock import warn_of_writer
from bsp_tf.base.remote_path import AnyPath, UrlPath, given_path, names_in

METADATA_FILE = "metadata.json"
PROBABILITIES_FOLDER = "probabilities"
# Fields of metadata.json that are whole numbers above 0.
NUMBERS = ("feature_dim", "window", "frame_step", "stride")
# OpenTAD's list of videos that have no features.
MISSING_FILE = "missing_files.txt"
# Kinds of reasons for which a video cannot be used.
NO_FEATURES, NAMED_MISSING = "no features", f"named in {MISSING_FILE}"
NOT_FINITE, WRONG_SHAPE, UNREADABLE = "NaN or infinity", "wrong shape", "not readable"
NO_TIME = "no place in time"
ROWS_AT_ONCE = 1024


class UnusableFeatures(InputError):
    """The features of one video cannot be used; `kind` is one of the reasons above."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class FeatureStore:
    """Reads a feature folder.

    Attributes:
        folder: the folder.
        metadata: contents of metadata.json.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        """Opens a feature folder.

        Raises:
            InputError: no metadata.json, or a field of it is missing or impossible.
        """
        self.folder = Path(folder)
        if not (self.folder / METADATA_FILE).is_file():
            raise InputError(
                f"{self.folder} is no feature folder: it has no {METADATA_FILE}. Make it with "
                "python -m bsp_tf.extract."
            )
        warn_of_writer(self.folder)
        path = self.folder / METADATA_FILE
        self.metadata: dict[str, Any] = read_json_object(path, *NUMBERS, "streams", "videos")
        fault = _metadata_fault(self.metadata)
        if fault:
            raise InputError(f"{path}: {fault}. Extract the features anew.")

    @property
    def video_ids(self) -> list[str]:
        """Ids of all videos with features, sorted."""
        return sorted(self.metadata["videos"])

    def load(self, video_id: str, streams: Sequence[str] | None = None) -> np.ndarray:
        """Reads the features of a video.

        Args:
            video_id: an id out of `video_ids`.
            streams: names of the parts to take, side by side in this order, e.g. ("action",); None:
                all columns.
        Returns:
            float32 [num_snippets, C'], finite.
        Raises:
            UnusableFeatures: no such file, not readable, another feature dimension or number of
                snippets, no floats, NaN or infinity.
            InputError: unknown stream.
        """
        path = self.folder / f"{video_id}.npy"
        try:
            features = read_npy(path)
        except InputError as error:
            raise UnusableFeatures(UNREADABLE, f"{error} Extract that video again.") from error
        feature_dim = self.metadata["feature_dim"]
        if features.ndim != 2 or features.shape[1] != feature_dim or not len(features):
            hint = (
                " (it looks transposed: rows must be snippets)"
                if features.shape[:1] == (feature_dim,)
                else ""
            )
            raise UnusableFeatures(
                WRONG_SHAPE,
                f"{path} holds an array of shape {list(features.shape)}, expected [num_snippets, "
                f"{feature_dim}]{hint}. "
                "Extract that video again.",
            )
        expected = self.metadata["videos"].get(video_id, {}).get("num_snippets", len(features))
        if len(features) != expected:
            raise UnusableFeatures(
                WRONG_SHAPE,
                f"{path} holds {len(features)} snippets, {METADATA_FILE} says {expected}. Extract "
                "that video again.",
            )
        if features.dtype.kind != "f":
            raise UnusableFeatures(UNREADABLE, f"{path} holds no floats. Extract that video again.")
        if not np.isfinite(features).all():
            raise UnusableFeatures(
                NOT_FINITE, f"{path} holds NaN or infinity. Extract that video again."
            )
        features = features.astype(np.float32, copy=False)
        if streams is None:
            return features
        unknown = [name for name in streams if name not in self.metadata["streams"]]
        if unknown or not streams:
            raise InputError(
                f"{self.folder} has no stream {(unknown or [''])[0]!r}; there are "
                f"{', '.join(self.metadata['streams'])}."
            )
        return take_streams(features, self.metadata, streams)

    def load_probabilities(self, video_id: str) -> dict[str, np.ndarray]:
        """Reads {"action": [n, K], "boundary": [n, types], "pixel_change": [n]}, float32.

        Raises:
            InputError: no such file, or not readable.
        """
        path = self.folder / PROBABILITIES_FOLDER / f"{video_id}.npz"
        try:
            return read_npz(path)
        except InputError as error:
            raise InputError(f"{error} Extract that video again.") from error


def take_streams(
    features: np.ndarray, metadata: Mapping[str, Any], streams: Sequence[str]
) -> np.ndarray:
    """The columns of some streams out of float32 [n, feature_dim], in this order; may be a view."""
    ranges = [metadata["streams"][name] for name in streams]
    if all(one[1] == other[0] for one, other in itertools.pairwise(ranges)):
        return features[:, ranges[0][0] : ranges[-1][1]]
    return np.concatenate([features[:, begin:end] for begin, end in ranges], axis=1)


def _metadata_fault(metadata: Mapping[str, Any]) -> str | None:
    """What is wrong with the metadata of a folder, None for nothing."""
    for name in NUMBERS:
        if not isinstance(metadata[name], int) or metadata[name] < 1:
            return f"{name!r} is no whole number above 0"
    size, streams, videos = metadata["feature_dim"], metadata["streams"], metadata["videos"]
    if not isinstance(streams, dict) or not all(
        _is_range(value, size) for value in streams.values()
    ):
        return f"'streams' must give each stream its [begin, end) within the {size} columns"
    if not isinstance(videos, dict) or not all(
        isinstance(value, dict) for value in videos.values()
    ):
        return "'videos' must hold an object for each video"
    return None


def _is_range(value: Any, size: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(number, int) for number in value)
        and 0 <= value[0] < value[1] <= size
    )


def write_video(
    folder: AnyPath,
    video_id: str,
    features: np.ndarray,
    probabilities: Mapping[str, np.ndarray],
    about: Mapping[str, Any],
) -> None:
    """Writes all that belongs to one video; the features last, so that no half video can be left.

    Args:
        folder: feature folder.
        video_id: file name without suffix.
        features: float32 [n, feature_dim].
        probabilities: arrays [n, ...] by name.
        about: JSON values: the video's entry in metadata.json.
    Raises:
        InputError: features with NaN or infinity.
    """
    if not np.isfinite(features).all():
        raise InputError(
            f"the features of {video_id} hold NaN or infinity: the model is broken. Train or "
            "export it again."
        )
    folder = given_path(folder)
    beside = folder / PROBABILITIES_FOLDER
    with atomic_write(beside / f"{video_id}.npz") as file:
        # NumPy's stub takes every keyword for `allow_pickle`.
        np.savez(file, **probabilities)  # type: ignore[arg-type]
    write_json(beside / f"{video_id}.json", dict(about))
    with atomic_write(folder / f"{video_id}.npy") as file:
        np.save(file, features.astype(np.float32, copy=False))


def finished_videos(folder: AnyPath) -> dict[str, dict[str, Any]]:
    """What is known of every finished video of a feature folder, by id."""
    folder, known = given_path(folder), {}
    if isinstance(folder, UrlPath) and (folder / METADATA_FILE).is_file():
        # One request instead of one for each video; what it lacks came after it.
        known = read_json_object(folder / METADATA_FILE, "videos")["videos"]
    there, about = set(names_in(folder)), folder / PROBABILITIES_FOLDER
    names = [file.removesuffix(".json") for file in names_in(about) if file.endswith(".json")]
    names = [name for name in names if f"{name}.npy" in there]
    return {name: known.get(name) or read_json_object(about / f"{name}.json") for name in names}


def write_metadata(
    folder: AnyPath, settings: Mapping[str, Any], videos: Mapping[str, Mapping[str, Any]]
) -> None:
    """Writes metadata.json: the settings of the extraction and an entry for each finished video."""
    entries = {name: dict(videos[name]) for name in sorted(videos)}
    write_json(given_path(folder) / METADATA_FILE, {**settings, "videos": entries})


def resize_features(
    features: np.ndarray, num_segments: int, begin: float = 0.0, length: float | None = None
) -> np.ndarray:
    """Resizes along TIME by linear interpolation.

    Half-pixel centres, edges clamped, no antialiasing: the numbers of torch
    `interpolate(mode="linear", align_corners=False)`, which G-TAD and OpenTAD use.

    Args:
        features: float [n, C], n >= 1; rows are snippets.
        num_segments: rows wanted.
        begin, length: the part to resize, in rows; it may reach over the ends, which are repeated.
            Default: all.
    Returns:
        float32 [num_segments, C].
    Raises:
        InputError: not two-dimensional, no row, or NaN or infinity.
    """
    if features.ndim != 2 or not len(features):
        raise InputError(
            f"features of shape {list(features.shape)} cannot be resized; expected [num_snippets, "
            "C]."
        )
    if not np.isfinite(features).all():
        raise InputError("features with NaN or infinity cannot be resized: extract them again.")
    # The reference's rounding: the ratio in float32, then one fused multiply-add; all in float64
    # the positions differ by 1e-5 of a row.
    ratio = np.float64(np.float32((len(features) if length is None else length) / num_segments))
    position = ((np.arange(num_segments) + 0.5) * ratio - 0.5 + begin).astype(np.float32)
    position = np.clip(position, 0, len(features) - 1)
    low = position.astype(np.int64)
    high = np.minimum(low + 1, len(features) - 1)
    weight = (position - low).astype(np.float32)[:, None]
    resized = np.empty((num_segments, features.shape[1]), np.float32)
    # Bit by bit: of hours of video, the products of all rows would take several times the memory.
    for begin_row in range(0, num_segments, ROWS_AT_ONCE):
        rows = slice(begin_row, begin_row + ROWS_AT_ONCE)
        resized[rows] = (
            features[low[rows]] * (1 - weight[rows]) + features[high[rows]] * weight[rows]
        )
    return resized


def read_missing(folder: Path) -> set[str]:
    """Names, without prefix, in the folder's missing_files.txt; none if there is no such file.

    Raises:
        InputError: it cannot be read.
    """
    path = folder / MISSING_FILE
    if not path.exists():
        return set()
    try:
        lines = read_input(path).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read {path}: {error}. Mend it or take it away.") from error
    return {line.strip() for line in lines if line.strip()}
