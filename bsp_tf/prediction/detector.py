"""A trained head on what the snippet model answers about one video: its detections."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from bsp_tf.annotations.mended import VideoAnnotation
from bsp_tf.base.errors import InputError
from bsp_tf.features.computed import ComputedFeatures
from bsp_tf.localization.detection import Options, detections_of, find_class_scores
from bsp_tf.localization.heads.head import Head
from bsp_tf.localization.inference import Network

# Nobody has annotated the video: its length is measured.
UNKNOWN = VideoAnnotation(None, None, np.zeros((0, 2)), [], "")


class Detector:
    """The way from features to detections, as `bsp_tf.detect` goes it."""

    def __init__(
        self,
        head: Head,
        config: ConfigDict,
        network: Network,
        class_names: Sequence[str],
        snippets: Mapping[str, Any],
        class_scores: str | None,
        options: Options,
    ) -> None:
        """Takes a trained head.

        Args:
            head, config, network, class_names: See `detections_of`.
            snippets: Metadata of the features that it will be given.
            class_scores: File of class scores of whole videos; None: those of the action stream.
            options: What can be chosen.

        Raises:
            InputError: see `class_scores_from_file`.
        """
        self._trained = head, config, network, class_names
        self._features = ComputedFeatures(snippets, config.streams)
        self._options = options
        labels = class_names or snippets.get("action_labels", ())
        self._scores = (
            None
            if head.names_classes(config)
            else find_class_scores(self._features, class_scores, sorted(labels))
        )

    def __call__(
        self, name: str, outputs: Mapping[str, np.ndarray], about: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The detections of a video, see `fusion.make_detections`.

        Args:
            name: Its id, by which class scores are found.
            outputs: "features", "action", ... of its snippets, float32 [n, ...].
            about: Its entry in metadata.json.

        Raises:
            InputError: there are none: no class scores, or the head answers NaN.
        """
        self._features.hold(name, outputs, about)
        left_out: dict[str, str] = {}
        found = dict(
            detections_of(
                *self._trained,
                self._features,
                {name: UNKNOWN},
                self._scores,
                self._options,
                left_out,
            )
        )
        if name not in found:
            raise InputError(left_out[name])
        return found[name]
