"""The shift against the reference implementation's numbers, and its gradient."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.models.temporal_shift import shift_from_past, temporal_shift


def _check_golden(golden):
    frames = golden["input"].transpose(0, 2, 3, 1)  # NCHW -> NHWC
    for num_frames, shift_div in ((8, 8), (8, 3), (4, 4)):
        shifted = temporal_shift(tf.constant(frames), num_frames, shift_div).numpy()
        np.testing.assert_array_equal(
            shifted.transpose(0, 3, 1, 2), golden[f"out_T{num_frames}_div{shift_div}"]
        )


def test_small_golden(testdata):
    _check_golden(np.load(testdata / "tsm_shift.npz"))


def test_full_golden(shared):
    _check_golden(np.load(shared / "golden" / "tsm_shift.npz"))


def test_unknown_shapes_and_frame_count_as_tensor():
    frames = tf.random.stateless_normal([6, 2, 3, 9], [0, 1])
    graph = tf.function(
        lambda x, t: temporal_shift(x, t, 4),
        input_signature=[tf.TensorSpec([None, None, None, 9]), tf.TensorSpec([], tf.int32)],
    )
    np.testing.assert_array_equal(graph(frames, 3), temporal_shift(frames, 3, 4))
    assert graph(frames, 3).shape == frames.shape


def test_inside_dataset_map():
    frames = tf.random.stateless_normal([6, 2, 3, 8], [0, 1])
    mapped = next(iter(tf.data.Dataset.from_tensors(frames).map(lambda x: temporal_shift(x, 3))))
    np.testing.assert_array_equal(mapped, temporal_shift(frames, 3))


def test_one_frame_has_no_neighbours():
    shifted = temporal_shift(tf.ones([2, 1, 1, 8]), 1, 4).numpy()
    np.testing.assert_array_equal(shifted[0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1])


def test_gradient_shifts_back():
    frames = tf.random.stateless_normal([8, 1, 2, 8], [0, 1])
    weights = tf.random.stateless_normal([8, 1, 2, 8], [0, 2])
    with tf.GradientTape() as tape:
        tape.watch(frames)
        total = tf.reduce_sum(weights * temporal_shift(frames, 4, 4))
    expected = np.zeros([2, 4, 1, 2, 8], np.float32)
    w = weights.numpy().reshape(expected.shape)
    expected[:, 1:, ..., :2] = w[:, :-1, ..., :2]
    expected[:, :-1, ..., 2:4] = w[:, 1:, ..., 2:4]
    expected[..., 4:] = w[..., 4:]
    np.testing.assert_array_equal(
        tape.gradient(total, frames).numpy().reshape(expected.shape), expected
    )


def test_bad_arguments():
    with pytest.raises(ValueError, match="shift_div"):
        temporal_shift(tf.ones([2, 1, 1, 8]), 2, 1)


def test_shift_from_past_by_hand():
    frames = np.random.default_rng(0).normal(size=(2, 4, 3, 2, 9)).astype(np.float32)
    before = np.random.default_rng(1).normal(size=(2, 3, 2, 4)).astype(np.float32)
    flat = tf.constant(frames.reshape(8, 3, 2, 9))
    for given, first in ((None, np.zeros_like(before)), (tf.constant(before), before)):
        expected = frames.copy()
        expected[:, 1:, ..., :4] = frames[:, :-1, ..., :4]
        expected[:, 0, ..., :4] = first
        shifted = shift_from_past(flat, 4, 2, given).numpy()
        np.testing.assert_array_equal(shifted.reshape(frames.shape), expected)
