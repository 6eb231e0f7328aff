"""Neighbours and convolutions against plain loops."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.gtad.graph import (
    EdgeProjection,
    GCNeXt,
    SequenceConv,
    nearest_neighbours,
)


def test_neighbours_are_the_nearest_in_order():
    features = np.random.default_rng(0).standard_normal((2, 9, 4)).astype(np.float32)
    found = nearest_neighbours(tf.constant(features), 3).numpy()
    for sample, rows in zip(features, found, strict=True):
        distances = ((sample[:, None] - sample[None]) ** 2).sum(-1)
        np.testing.assert_array_equal(rows, np.argsort(distances, axis=1)[:, :3])


def test_the_node_itself_is_always_first():
    """Far from the origin, rounding of the distances would choose any of the twins."""
    features = np.full((1, 6, 8), 1e3, np.float32) + np.random.default_rng(1).normal(
        0, 1e-3, (1, 6, 8)
    )
    found = nearest_neighbours(tf.constant(features, tf.float32), 3).numpy()[0]
    np.testing.assert_array_equal(found[:, 0], np.arange(6))
    assert all(len(set(row)) == 3 for row in found.tolist())


def test_ties_go_to_the_earlier_node():
    found = nearest_neighbours(tf.zeros([1, 5, 2]), 3).numpy()[0]
    np.testing.assert_array_equal(found, [[0, 1, 2], [1, 0, 2], [2, 0, 1], [3, 0, 1], [4, 0, 1]])


def test_as_many_neighbours_as_nodes():
    assert nearest_neighbours(tf.random.stateless_normal([1, 3, 2], seed=[0, 0]), 3).shape == (
        1,
        3,
        3,
    )


def plain_conv(inputs, kernel, bias, groups):
    """inputs [T, C], kernel [groups, size * C / groups, filters / groups]."""
    length, channels = inputs.shape
    width, size = channels // groups, kernel.shape[1] // (channels // groups)
    padded = np.pad(inputs, [(size // 2, size // 2), (0, 0)])
    outputs = [
        [
            np.concatenate([padded[t + i, g * width : (g + 1) * width] for i in range(size)])
            @ kernel[g]
            for g in range(groups)
        ]
        for t in range(length)
    ]
    return np.reshape(outputs, (length, -1)) + bias


@pytest.mark.parametrize("size, groups", [(1, 1), (1, 4), (3, 1), (3, 2), (3, 4), (5, 2)])
def test_sequence_conv_equals_the_plain_loop(size, groups):
    layer = SequenceConv(12, size, groups)
    inputs = np.random.default_rng(size).standard_normal((2, 7, 8)).astype(np.float32)
    outputs = layer(inputs).numpy()
    expected = [plain_conv(x, layer.kernel.numpy(), layer.bias.numpy(), groups) for x in inputs]
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    traced = tf.function(layer, input_signature=[tf.TensorSpec([None, None, 8])])(inputs)
    np.testing.assert_allclose(traced, outputs, atol=1e-6)


def test_size_one_takes_any_leading_axes():
    layer = SequenceConv(4, 1, 2)
    inputs = np.random.default_rng(0).standard_normal((2, 3, 5, 6)).astype(np.float32)
    outputs = layer(inputs).numpy()
    assert outputs.shape == (2, 3, 5, 4)
    np.testing.assert_allclose(
        outputs[1, 2, 4], layer(inputs[1:2, 2, 4:5]).numpy()[0, 0], atol=1e-6
    )


def test_weights_start_within_the_bound_of_torch():
    layer = SequenceConv(64, 3, 4)
    layer.build((None, None, 32))
    bound = 1 / np.sqrt(3 * 32 / 4)
    assert 0.95 * bound < np.abs(layer.kernel.numpy()).max() <= bound
    assert np.abs(layer.bias.numpy()).max() <= bound


def test_channels_that_do_not_divide_are_refused():
    with pytest.raises(InputError, match="4 groups"):
        SequenceConv(8, 3, 4).build((None, None, 6))


def test_edges_are_neighbour_then_self():
    layer = EdgeProjection(5)
    layer.build((None, None, 3))
    nodes = np.random.default_rng(2).standard_normal((1, 4, 3)).astype(np.float32)
    neighbours = np.array([[[0, 1], [1, 3], [2, 0], [3, 3]]], np.int32)
    outputs = layer(nodes, tf.constant(neighbours)).numpy()
    for t in range(4):
        for k in range(2):
            edge = np.concatenate([nodes[0, neighbours[0, t, k]], nodes[0, t]])
            np.testing.assert_allclose(
                outputs[0, t, k], edge @ layer.kernel.numpy() + layer.bias.numpy(), atol=1e-5
            )


def test_every_weight_of_a_block_learns():
    block = GCNeXt(8, 4, 2)
    inputs = tf.random.stateless_normal([2, 6, 12], seed=[1, 2])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(block(inputs) ** 2)
    gradients = tape.gradient(loss, block.trainable_variables)
    assert len(gradients) == 12 and all(np.abs(g.numpy()).max() > 0 for g in gradients)
