"""The two streams side by side."""

import numpy as np
import tensorflow as tf

from bsp_tf.models.tsm import TSM
from bsp_tf.models.two_stream import TwoStream


def test_features_are_concatenated_action_first():
    action = TSM(3, depth=10, width=0.125)
    boundary = TSM(4, depth=10, width=0.25, input="rgb_diff")
    model = TwoStream(action, boundary, lambda frames: tf.cast(frames, tf.float32) / 255 - 0.5)
    frames = tf.random.stateless_uniform([2, 4, 32, 40, 3], [0, 1], 0, 256, tf.int32)
    outputs = model(tf.cast(frames, tf.uint8))
    inputs = tf.cast(frames, tf.float32) / 255 - 0.5
    for name, stream in (("action", action), ("boundary", boundary)):
        expected = stream(inputs)
        begin, end = model.streams[name]
        np.testing.assert_array_equal(outputs["features"][:, begin:end], expected["features"])
        np.testing.assert_array_equal(outputs[f"{name}_logits"], expected["logits"])
        np.testing.assert_allclose(outputs[name], tf.nn.softmax(expected["logits"]), atol=1e-7)
    assert model.streams == {"action": [0, 64], "boundary": [64, 192]} and model.feature_dim == 192
    assert {value.dtype for value in outputs.values()} == {tf.float32}
