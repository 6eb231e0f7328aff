"""Layers with gradients of their own against TensorFlow's, which follow each operation."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.localization.heads.actionformer.layers import (
    NORM_EPSILON,
    convolve_channels,
    gelu,
    normalize_channels,
    taps,
)


def plain_norm(values, scale, bias):
    mean, variance = tf.nn.moments(values, [-1], keepdims=True)
    return tf.nn.batch_normalization(values, mean, variance, bias, scale, NORM_EPSILON)


def plain_gelu(values):
    return tf.nn.gelu(values, approximate=False)


def plain_convolution(stride):
    def convolve(values, kernel):
        return sum(part * kernel[place] for place, part in enumerate(taps(values, stride)))

    return convolve


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize(
    ("function", "plain", "shapes"),
    [
        (normalize_channels, plain_norm, [(2, 5, 8), (8,), (8,)]),
        (gelu, plain_gelu, [(2, 5, 8)]),
        (lambda v, k: convolve_channels(v, k, 1), plain_convolution(1), [(2, 5, 8), (3, 8)]),
        (lambda v, k: convolve_channels(v, k, 2), plain_convolution(2), [(2, 5, 8), (3, 8)]),
        (lambda v, k: convolve_channels(v, k, 2), plain_convolution(2), [(2, 6, 8), (3, 8)]),
    ],
)
def test_values_and_gradients_are_those_of_the_operations(function, plain, shapes, in_graph):
    rng = np.random.default_rng(0)
    inputs = [tf.constant(2 * rng.standard_normal(shape), tf.float32) for shape in shapes]

    def answers(compute):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = compute(*inputs)
            loss = tf.reduce_sum(tf.sin(outputs))
        return [outputs, *tape.gradient(loss, inputs)]

    found = (tf.function(answers) if in_graph else answers)(function)
    for ours, theirs in zip(found, answers(plain), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
