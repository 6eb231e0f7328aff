"""Features and labels of all videos of a subset, in memory. NumPy only."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from bsp_tf.base.errors import InputError
from bsp_tf.data.annotations import Annotations
from bsp_tf.data.feature_store import FeatureStore, resize_features
from bsp_tf.localization.class_scores import match_id
from bsp_tf.localization.targets import feature_span, video_targets


@dataclasses.dataclass(frozen=True)
class LocalizationData:
    """What G-TAD trains on.

    Attributes:
        video_ids: N ids.
        features: float32 [N, T, C].
        targets: start, end float32 [N, T], map float32 [N, D, T] (targets.video_targets).
        left_out: Annotated videos that could not be used -> the reason.
    """

    video_ids: list[str]
    features: np.ndarray
    targets: dict[str, np.ndarray]
    left_out: dict[str, str]


def load_localization_data(
    store: FeatureStore,
    annotations: Annotations,
    streams: Sequence[str],
    num_segments: int,
    max_duration: int,
) -> LocalizationData:
    """Reads and resizes the features of all annotated videos and makes their labels.

    A video without features, or with features that cannot be used (NaN, another dimension), is left out and
    listed.

    Args:
        store: Folder of features.
        annotations: Videos of one subset.
        streams: Parts of the features to use, in this order, e.g. ("action", "boundary").
        num_segments: T; features are resized to it along time.
        max_duration: D.

    Raises:
        InputError: no video is left; the message gives the first reason.
    """
    known = set(store.video_ids)
    video_ids, features, targets, left_out = [], [], [], {}
    for video_id, annotation in tqdm(annotations.items(), desc="features", unit="video", leave=False):
        stored = match_id(video_id, known)
        if stored is None:
            left_out[video_id] = "no features"
            continue
        try:
            snippets = store.load(stored, streams=tuple(streams))
            span = feature_span(store.metadata, stored)
        except InputError as error:
            left_out[video_id] = str(error)
            continue
        fractions = span.fractions(annotation.segments)
        video_ids.append(video_id)
        features.append(resize_features(snippets, num_segments))
        targets.append(video_targets(fractions, num_segments, max_duration))
    if not video_ids:
        reason = next(iter(left_out.values()), "nothing is annotated")
        raise InputError(
            f"none of the {len(annotations)} annotated videos has usable features (first reason: {reason}). "
            "Check that features and annotations belong together."
        )
    stacked = {name: np.stack([target[name] for target in targets]) for name in targets[0]}
    return LocalizationData(video_ids, np.stack(features).astype(np.float32), stacked, left_out)
