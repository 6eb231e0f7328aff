"""Features that were computed just now, held in memory as if they were a folder of one video."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bsp_tf.annotations.mended import VideoAnnotation
from bsp_tf.features.source_kinds import VideoFeatures, extracted_features
from bsp_tf.features.store import take_streams

FEATURES = "features"


class ComputedFeatures:
    """The features of one video after the other; it answers as `FeatureSources` does.

    Attributes:
        metadata: As metadata.json of a feature folder; its only video is the one that is held.
    """

    def __init__(self, settings: Mapping[str, Any], streams: Sequence[str]) -> None:
        """No video yet.

        Args:
            settings: "window", "frame_step", "stride", "streams", "action_labels".
            streams: Names of the parts to give, in this order.
        """
        self.metadata: dict[str, Any] = {**settings, "videos": {}}
        self._streams = tuple(streams)
        self._outputs: Mapping[str, np.ndarray] = {}

    def hold(
        self, video_id: str, outputs: Mapping[str, np.ndarray], about: Mapping[str, Any]
    ) -> None:
        """Takes a video in place of the one before.

        Args:
            video_id: Its name.
            outputs: "features" [n, feature_dim], "action" [n, K], ..., float32.
            about: Its entry of metadata.json.
        """
        self.metadata["videos"] = {video_id: about}
        self._outputs = outputs

    def load(self, video_id: str, annotation: VideoAnnotation) -> VideoFeatures:
        """See `FeatureSources.load`; the video is the one that is held."""
        rows = take_streams(self._outputs[FEATURES], self.metadata, self._streams)
        return extracted_features(rows, self.metadata, video_id, annotation)

    def load_probabilities(self, video_id: str) -> Mapping[str, np.ndarray]:
        """See `FeatureStore.load_probabilities`."""
        del video_id
        return self._outputs
