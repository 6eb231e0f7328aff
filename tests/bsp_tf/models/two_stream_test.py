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


def test_a_second_head_names_the_actions_where_no_action_stream_does():
    def prepare(frames):
        return tf.cast(frames, tf.float32) / 255

    action = TSM(5, depth=10, width=0.125)
    boundary = TSM(4, depth=10, width=0.125, num_actions=3)
    frames = np.random.default_rng(0).integers(0, 256, (2, 4, 32, 32, 3), dtype=np.uint8)
    boundary.build()
    boundary.action.bias.assign([1.0, 2.0, 3.0])
    alone = TwoStream(None, boundary, prepare)
    outputs = alone(tf.constant(frames))
    expected = boundary(prepare(frames))
    assert alone.streams == {"boundary": [0, 64]}
    assert alone.num_classes == {"boundary": 4, "action": 3}
    np.testing.assert_array_equal(outputs["action_logits"], expected["action"])
    np.testing.assert_allclose(outputs["action"], tf.nn.softmax(expected["action"]), atol=1e-7)
    np.testing.assert_array_equal(outputs["boundary_logits"], expected["logits"])

    both = TwoStream(action, boundary, prepare)
    assert both.num_classes == {"action": 5, "boundary": 4}
    np.testing.assert_array_equal(
        both(tf.constant(frames))["action_logits"], action(prepare(frames))["logits"]
    )
