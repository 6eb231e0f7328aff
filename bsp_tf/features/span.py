"""Where the features of a video lie in time: seconds to fractions of the feature axis and back."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from bsp_tf.base.errors import InputError


@dataclasses.dataclass(frozen=True)
class FeatureSpan:
    """The part of a video that its features stand for: [start_seconds, end_seconds].

    >>> span = FeatureSpan(2.0, 12.0)
    >>> span.fractions(np.array([2.0, 7.0, 20.0])).tolist()
    [0.0, 0.5, 1.0]
    >>> span.seconds(np.array([0.5])).tolist()
    [7.0]
    """

    start_seconds: float
    end_seconds: float

    def fractions(self, seconds: np.ndarray) -> np.ndarray:
        """Seconds -> fractions of the feature axis, clamped to [0, 1]."""
        length = self.end_seconds - self.start_seconds
        return np.clip((np.asarray(seconds, np.float64) - self.start_seconds) / length, 0.0, 1.0)

    def seconds(self, fractions: np.ndarray) -> np.ndarray:
        """Fractions -> seconds, after clamping to [0, 1]: the inverse of `fractions`."""
        length = self.end_seconds - self.start_seconds
        return self.start_seconds + np.clip(np.asarray(fractions, np.float64), 0.0, 1.0) * length


def feature_span(metadata: Mapping[str, Any], video_id: str) -> FeatureSpan:
    """Where the features of a video lie in time.

    n snippets, `stride` frames apart, stand for n * stride frames (G-TAD's corrected second =
    feature frames / frames * seconds). A snippet that reaches over more frames than the stride, or
    fewer, is centred on its stride.

    Args:
        metadata: metadata.json of the feature folder: "stride", "window", "frame_step" and
            "videos".
        video_id: A video of "videos".

    Raises:
        InputError: the video's "num_snippets" or "fps" is missing or no number above 0.
    """
    video = metadata["videos"][video_id]
    for name in ("num_snippets", "fps"):
        if not isinstance(video.get(name), int | float) or not video[name] > 0:
            raise InputError(
                f"metadata.json of the features: {name!r} of video {video_id!r} is no number "
                "above 0. Extract that video again."
            )
    reach = (metadata["window"] - 1) * metadata["frame_step"] + 1
    begin = (reach - metadata["stride"]) / 2
    end = begin + video["num_snippets"] * metadata["stride"]
    return FeatureSpan(begin / video["fps"], end / video["fps"])
