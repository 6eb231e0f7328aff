"""What features know of the boundaries along a video."""

from typing import Any

import numpy as np

from bsp_tf.features.store import FeatureStore
from bsp_tf.synthesis.boundary_types import NO_BOUNDARY_TYPE


def knows_boundaries(store: FeatureStore) -> bool:
    """Whether the features come with boundary probabilities, as those of a two-stream model do."""
    return NO_BOUNDARY_TYPE in store.metadata.get("boundary_labels", ())


def boundary_curve(store: FeatureStore, video: str) -> tuple[np.ndarray, np.ndarray]:
    """Centre of each snippet in seconds and its 1 - p(no boundary), float64 [num_snippets] both."""
    seconds, probabilities = type_curves(store, video)
    return seconds, 1 - probabilities[NO_BOUNDARY_TYPE]


def type_curves(store: FeatureStore, video: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Centre of each snippet in seconds, and the probability of each type, by its name."""
    metadata: dict[str, Any] = store.metadata
    probabilities = np.asarray(store.load_probabilities(video)["boundary"], np.float64)
    half_window = ((metadata["window"] - 1) * metadata["frame_step"] + 1) / 2
    fps = metadata["videos"][video]["fps"]
    seconds = (np.arange(len(probabilities)) * metadata["stride"] + half_window) / fps
    return seconds, dict(zip(metadata["boundary_labels"], probabilities.T, strict=True))
