"""Seconds and fractions of the feature axis."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.features.span import FeatureSpan, feature_span


def test_times_beyond_the_features_are_clamped():
    span = FeatureSpan(1.0, 11.0)
    np.testing.assert_allclose(span.fractions([[0.0, 6.0], [3.5, 40.0]]), [[0, 0.5], [0.25, 1]])
    np.testing.assert_allclose(span.seconds(np.array([-0.5, 0.25, 1.0, 2.0])), [1, 3.5, 11, 11])


@pytest.mark.parametrize(
    "frame_step, stride, begin", [(1, 8, 0.0), (2, 8, 3.5), (1, 4, 2.0), (1, 16, -4.0)]
)
def test_span_puts_the_centre_of_each_snippet_in_its_place(frame_step, stride, begin):
    metadata = {
        "window": 8,
        "frame_step": frame_step,
        "stride": stride,
        "videos": {"a": {"fps": 25.0, "num_snippets": 10, "num_frames": 84}},
    }
    span = feature_span(metadata, "a")
    assert span.start_seconds * 25 == pytest.approx(begin)
    centres = (np.arange(10) * stride + (7 * frame_step + 1) / 2) / 25
    np.testing.assert_allclose(span.fractions(centres), (np.arange(10) + 0.5) / 10)


@pytest.mark.parametrize(
    "video", [{"fps": 25.0}, {"fps": 0, "num_snippets": 3}, {"fps": "x", "num_snippets": 3}]
)
def test_a_video_without_place_in_time_is_named(video):
    with pytest.raises(InputError, match="video 'a' is no number above 0"):
        feature_span({"window": 8, "frame_step": 1, "stride": 8, "videos": {"a": video}}, "a")
