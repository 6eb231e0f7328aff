"""How well a score finds the snippets that hold a joint: area under the ROC curve by kind of joint.

Needs annotations that say where the joints are and of what kind, as the sample data does. A snippet
is
- positive for a kind if the middle of a joint of that kind lies strictly between its first and its
  last moment, so that frames of both sides are in it;
- left out if it holds no joint's middle, but touches a joint's segment or stands next to a positive
  one: neither answer would be wrong there;
- negative otherwise, for all kinds alike: plain footage, and distractors (flash, bump, occlusion)
  too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.stats import rankdata

from bsp_tf.base.errors import InputError
from bsp_tf.synthesis.boundary_types import NO_BOUNDARY_TYPE

# Key -> how a table calls it. Pixel change is the baseline that needs no learning.
SCORE_NAMES = {
    "boundary": f"1 - p({NO_BOUNDARY_TYPE})",
    "action_distance": "action feature distance",
    "pixel_change": "pixel change",
}
ALL_KINDS = "all"


@dataclass(frozen=True)
class VideoSnippets:
    """Snippets of one video.

    spans: int64 [n, 2], first and last source frame of each, both shown.
    joints: (start seconds, end seconds, kind); start = end for a joint in one instant.
    scores: Keys of SCORE_NAMES (or others) -> numbers [n], higher = rather a joint.
    """

    spans: np.ndarray
    fps: float
    joints: Sequence[tuple[float, float, str]]
    scores: Mapping[str, np.ndarray]


class SnippetStore(Protocol):
    """What `collect_snippets` needs of a `bsp_tf.features.store.FeatureStore`."""

    metadata: dict[str, Any]

    def load(self, video_id: str, streams: tuple[str, ...]) -> np.ndarray:
        """Features of one video, float32 [n, C]."""

    def load_probabilities(self, video_id: str) -> Mapping[str, np.ndarray]:
        """ "boundary" [n, boundary types] and "pixel_change" [n]."""


def auc(positive: np.ndarray, negative: np.ndarray) -> float | None:
    """Probability in [0, 1] that a positive outscores a negative, ties counting half.

    None if one side is empty. Mann and Whitney's U over the number of pairs, from ranks (equal
    scores share their middle rank).

    Args:
        positive: Numbers [p].
        negative: Numbers [q].

    Raises:
        InputError: a score is NaN.
    """
    both = np.concatenate([np.asarray(positive, np.float64), np.asarray(negative, np.float64)])
    if np.isnan(both).any():
        raise InputError(
            "a snippet's score is NaN: its video's features or probabilities are broken."
        )
    num_positive, num_negative = len(positive), len(both) - len(positive)
    if not num_positive or not num_negative:
        return None
    wins = rankdata(both)[:num_positive].sum() - num_positive * (num_positive + 1) / 2
    return float(wins / (num_positive * num_negative))


def snippet_spans(
    num_snippets: int, window: int, frame_step: int, stride: int, num_frames: int | None = None
) -> np.ndarray:
    """First and last source frame of each snippet, int64 [num_snippets, 2].

    Args:
        num_snippets: n.
        window: Frames in a snippet.
        frame_step: Source frames from one of them to the next.
        stride: Source frames from the start of a snippet to the start of the next.
        num_frames: Length of the video; a padded last snippet shows no frame beyond it.
    """
    first = np.arange(num_snippets, dtype=np.int64) * stride
    last = first + (window - 1) * frame_step
    if num_frames is not None:
        last = np.maximum(np.minimum(last, num_frames - 1), first)
    return np.stack([first, last], axis=1)


def label_snippets(
    spans: np.ndarray, fps: float, joints: Sequence[tuple[float, float, str]]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Which snippets are positive for each kind of joint, and which are negative.

    Args:
        spans: int64 [n, 2], first and last frame.
        fps: Frames a second.
        joints: (start seconds, end seconds, kind).

    Returns:
        {kind: bool [n]} for the kinds that occur, and bool [n]; what is in neither is left out.
    """
    # Frame k is on screen from k to k + 1; a cut before frame k is the instant k.
    begin, end = spans[:, 0], spans[:, 1] + 1
    tolerance = 1e-6 * fps
    positive: dict[str, np.ndarray] = {}
    any_positive, touched = np.zeros(len(spans), bool), np.zeros(len(spans), bool)
    for start_seconds, end_seconds, kind in joints:
        first, last = start_seconds * fps, end_seconds * fps
        middle = (first + last) / 2
        holds = (begin + tolerance < middle) & (middle < end - tolerance)
        positive[kind] = positive.get(kind, np.zeros(len(spans), bool)) | holds
        any_positive |= holds
        touched |= (begin <= last + tolerance) & (first - tolerance <= end)
        touched[:-1] |= holds[1:]
        touched[1:] |= holds[:-1]
    return positive, ~(any_positive | touched)


def joint_auc_table(videos: Sequence[VideoSnippets]) -> dict[str, dict[str, float | None]]:
    """AUC over the snippets of all videos, for each kind of joint and for all kinds at once.

    Returns:
        {kind: {score: AUC or None}}, the kinds sorted, then "all"; {} if no video has a joint.

    Raises:
        InputError: videos with other scores than the first, or a score of another length than the
            spans.
    """
    if not videos:
        return {}
    names = list(videos[0].scores)
    for video in videos:
        if list(video.scores) != names or any(
            len(score) != len(video.spans) for score in video.scores.values()
        ):
            lengths = {name: len(score) for name, score in video.scores.items()}
            raise InputError(
                f"a video of {len(video.spans)} snippets has scores of the lengths {lengths}: each "
                f"video needs {names}, one number per snippet."
            )
    labels = [label_snippets(video.spans, video.fps, video.joints) for video in videos]
    kinds = sorted({kind for positive, _ in labels for kind in positive})
    if not kinds:
        return {}
    negative = np.concatenate([rest for _, rest in labels])
    masks = {
        kind: np.concatenate(
            [positive.get(kind, np.zeros(len(rest), bool)) for positive, rest in labels]
        )
        for kind in kinds
    }
    masks[ALL_KINDS] = np.any(list(masks.values()), axis=0)
    scores = {
        name: np.concatenate([np.asarray(video.scores[name], np.float64) for video in videos])
        for name in names
    }
    return {
        kind: {name: auc(score[mask], score[negative]) for name, score in scores.items()}
        for kind, mask in masks.items()
    }


def neighbour_distance(features: np.ndarray, centre: np.ndarray, reach: int = 1) -> np.ndarray:
    """Cosine distance, in [0, 2], from a snippet before each snippet to one after it.

    The two neighbours lie on the two sides of a joint inside the snippet; the first and last
    snippet stand in for those that are lacking. `centre` is taken off first: features after a
    ReLU all point the same way otherwise.

    Args:
        features: Numbers [n, C].
        centre: Numbers [C], mean feature of the whole collection.
        reach: Snippets from each one to its neighbours, see `neighbour_reach`.

    Returns:
        float64 [n]; 0 where a centred feature is zero.
    """
    centred = np.asarray(features, np.float64) - centre
    places = np.arange(len(centred))
    before = centred[np.maximum(places - reach, 0)]
    after = centred[np.minimum(places + reach, len(centred) - 1)]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    cosine = (before * after).sum(axis=1) / np.where(lengths > 0, lengths, 1)
    return np.where(lengths > 0, 1 - cosine, 0.0)


def neighbour_reach(window: int, frame_step: int, stride: int) -> int:
    """Snippets to go for a neighbour that is moved by half the frames that a snippet spans.

    >>> neighbour_reach(8, 2, 8), neighbour_reach(8, 2, 4), neighbour_reach(8, 1, 8)
    (1, 2, 1)
    """
    return max(1, round(((window - 1) * frame_step + 1) / 2 / stride))


def collect_snippets(
    store: SnippetStore, database: Mapping[str, Mapping[str, Any]]
) -> list[VideoSnippets]:
    """Snippets, joints and scores (SCORE_NAMES) of all videos with features and known joints.

    Args:
        store: Features with probabilities.
        database: "database" of an annotations JSON (the part to look at); entries without "joints"
            are passed over.

    Raises:
        InputError: the store has no boundary type NO_BOUNDARY_TYPE, or one of its files is broken.
    """
    metadata = store.metadata
    if NO_BOUNDARY_TYPE not in metadata.get("boundary_labels", ()):
        raise InputError(
            f"the features' metadata.json has no boundary label {NO_BOUNDARY_TYPE!r}: extract "
            "them with the exported two-stream model."
        )
    column = metadata["boundary_labels"].index(NO_BOUNDARY_TYPE)
    names = [
        name for name, entry in database.items() if "joints" in entry and name in metadata["videos"]
    ]
    features = {name: store.load(name, ("action",)) for name in names}
    if not names:
        return []
    centre = np.concatenate(list(features.values())).mean(axis=0, dtype=np.float64)
    reach = neighbour_reach(metadata["window"], metadata["frame_step"], metadata["stride"])
    videos = []
    for name in names:
        about, probabilities = metadata["videos"][name], store.load_probabilities(name)
        spans = snippet_spans(
            len(features[name]),
            metadata["window"],
            metadata["frame_step"],
            metadata["stride"],
            about["num_frames"],
        )
        joints = [
            (*map(float, joint["segment"]), joint["kind"]) for joint in database[name]["joints"]
        ]
        scores = {
            "boundary": 1 - probabilities["boundary"][:, column],
            "action_distance": neighbour_distance(features[name], centre, reach),
            "pixel_change": probabilities["pixel_change"],
        }
        videos.append(VideoSnippets(spans, float(about["fps"]), joints, scores))
    return videos
