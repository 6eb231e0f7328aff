"""Features in memory answer as a folder of bsp_tf.extract does."""

import numpy as np
import pytest

from bsp_tf.annotations.mended import VideoAnnotation
from bsp_tf.features import layout
from bsp_tf.features.computed import ComputedFeatures
from bsp_tf.features.sources import FeatureSources
from bsp_tf.features.store import write_metadata, write_video

UNKNOWN = VideoAnnotation(None, None, np.zeros((0, 2)), [], "")
SETTINGS = {
    "window": 8,
    "frame_step": 1,
    "stride": 4,
    "feature_dim": 5,
    "streams": {"action": [0, 3], "boundary": [3, 5]},
    "action_labels": ["a", "b"],
}


@pytest.mark.parametrize("streams", [("action", "boundary"), ("boundary",), ("boundary", "action")])
def test_as_a_folder(tmp_path, streams):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((9, 5)).astype(np.float32)
    outputs = {"action": rng.random((9, 2)).astype(np.float32)}
    about = {"fps": 25.0, "num_snippets": 9, "duration_seconds": 1.7}
    write_video(tmp_path, "v", features, outputs, about)
    write_metadata(tmp_path, SETTINGS, {"v": about})
    stored = FeatureSources(str(tmp_path), streams, layout.SETTINGS, 4)
    held = ComputedFeatures(SETTINGS, streams)
    held.hold("v", {"features": features} | outputs, about)
    assert held.metadata == stored.metadata
    ours, theirs = held.load("v", UNKNOWN), stored.load("v", UNKNOWN)
    for count in (None, 4):
        np.testing.assert_array_equal(ours.columns(count), theirs.columns(count))
    assert ours[1:] == theirs[1:]
    np.testing.assert_array_equal(
        held.load_probabilities("v")["action"], stored.load_probabilities("v")["action"]
    )
