"""Which classes a whole video shows: from a file, or from our action stream. NumPy only."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bsp_tf.annotations.video_ids import match_id
from bsp_tf.base.array_file import read_npy
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json
from bsp_tf.base.remote_path import plain_name

# The classes of THUMOS14's temporal annotations and their numbers, from 1, among the 101 of UCF-101
# ("type_idx" of its annotation tables).
THUMOS_CLASSES = {
    "BaseballPitch": 7,
    "BasketballDunk": 9,
    "Billiards": 12,
    "CleanAndJerk": 21,
    "CliffDiving": 22,
    "CricketBowling": 23,
    "CricketShot": 24,
    "Diving": 26,
    "FrisbeeCatch": 31,
    "GolfSwing": 33,
    "HammerThrow": 36,
    "HighJump": 40,
    "JavelinThrow": 45,
    "LongJump": 51,
    "PoleVault": 68,
    "Shotput": 79,
    "SoccerPenalty": 85,
    "TennisSwing": 92,
    "ThrowDiscus": 93,
    "VolleyballSpiking": 97,
}
UCF_CLASSES = 101


class ProbabilityStore(Protocol):
    """What is needed of a `bsp_tf.features.store.FeatureStore`."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Of the features; "action_labels" names the classes."""

    def load_probabilities(self, video_id: str) -> Mapping[str, np.ndarray]:
        """ "action" [n, K], one softmax a snippet."""


@dataclass(frozen=True)
class ClassScores:
    """Class names, and a function: video id -> float64 [K], not negative, or InputError."""

    names: list[str]
    of_video: Callable[[str], np.ndarray]


def class_scores_from_file(path: str | os.PathLike, labels: Sequence[str]) -> ClassScores:
    """Scores from one of the two files that people have.

    A name that ends in .npy: THUMOS14's public UntrimmedNet scores (`uNet_test.npy`), an array
    whose rows are the test videos and whose 101 columns the classes of UCF-101, both by their
    numbers. Any other name: {"results": {id: [K numbers]}, "class": [K names]}, the form of the
    public ActivityNet scores.

    Args:
        path: The file.
        labels: Classes of the annotations; the file must have them all, others it has are left out.

    Raises:
        InputError: unreadable, another form, or it lacks labels (they are named).
    """
    is_array = plain_name(path).endswith(".npy")
    return _from_thumos(path, labels) if is_array else _from_json(path, labels)


def _from_thumos(path: str | os.PathLike, labels: Sequence[str]) -> ClassScores:
    table = read_npy(path)
    if table.dtype.kind not in "fiu" or table.ndim != 2 or table.shape[1] != UCF_CLASSES:
        raise InputError(
            f"{path} is no table of THUMOS14 class scores: expected numbers [videos, "
            f"{UCF_CLASSES}], got {table.dtype} {list(table.shape)}."
        )
    _check_labels(path, labels, list(THUMOS_CLASSES))
    columns = [THUMOS_CLASSES[label] - 1 for label in labels]

    def of_video(video_id: str) -> np.ndarray:
        number = re.fullmatch(r"(?:v_)?video_test_(\d+)", video_id)
        if not number or not 1 <= int(number[1]) <= len(table):
            raise InputError(
                f"{path} has no scores for video {video_id!r}: it holds video_test_0000001 to "
                f"video_test_{len(table):07d}."
            )
        row = np.asarray(table[int(number[1]) - 1], np.float64)
        if not np.isfinite(row).all() or (row < 0).any():
            raise InputError(
                f"{path}: the scores of video {video_id!r} hold negative numbers, NaN or infinity."
            )
        return row[columns]

    return ClassScores(list(labels), of_video)


def _from_json(path: str | os.PathLike, labels: Sequence[str]) -> ClassScores:
    document = read_json(path)
    names = document.get("class") if isinstance(document, dict) else None
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(names, list) or not isinstance(results, dict):
        raise InputError(
            f'{path} is no class score file: write {{"results": {{id: [K numbers]}}, "class": '
            "[K names]}."
        )
    _check_labels(path, labels, names)
    columns = [names.index(label) for label in labels]

    def of_video(video_id: str) -> np.ndarray:
        key = match_id(video_id, results)
        if key is None:
            raise InputError(
                f"{path} has no scores for video {video_id!r}: add them, or take the video out."
            )
        row = results[key]
        if (
            not isinstance(row, list)
            or len(row) != len(names)
            or not all(
                isinstance(value, int | float) and 0 <= value < float("inf") for value in row
            )
        ):
            raise InputError(
                f"{path}: video {key!r} needs {len(names)} numbers, one for each class, at least 0."
            )
        return np.array(row, np.float64)[columns]

    return ClassScores(list(labels), of_video)


def class_scores_from_stream(store: ProbabilityStore, labels: Sequence[str]) -> ClassScores | None:
    """The mean softmax of the action stream; None if its classes do not cover `labels`.

    Args:
        store: Features with probabilities and "action_labels" in the metadata.
        labels: Classes of the annotations; the stream's other classes are left out, the rest is not
            rescaled.
    """
    names = list(store.metadata.get("action_labels") or ())
    if not labels or not set(labels) <= set(names):
        return None
    columns = [names.index(label) for label in labels]

    def of_video(video_id: str) -> np.ndarray:
        probabilities = np.asarray(store.load_probabilities(video_id)["action"], np.float64)
        if (
            probabilities.ndim != 2
            or probabilities.shape[1] != len(names)
            or not np.isfinite(probabilities).all()
        ):
            raise InputError(
                f"action probabilities of video {video_id!r} have shape {probabilities.shape} or "
                f"hold NaN; expected [snippets, {len(names)}]. Extract that video again."
            )
        return probabilities.mean(axis=0)[columns]

    return ClassScores(list(labels), of_video)


def _check_labels(path: str | os.PathLike, labels: Sequence[str], names: Sequence[Any]) -> None:
    missing = [label for label in labels if label not in names]
    if missing:
        raise InputError(
            f"{path} has no scores for the classes {_some(missing)} of the annotations (it has "
            f"{_some(names)}): use one set of names."
        )


def _some(names: Sequence[Any]) -> str:
    return ", ".join(map(repr, names[:5])) + (
        f", ... ({len(names)} in all)" if len(names) > 5 else ""
    )
