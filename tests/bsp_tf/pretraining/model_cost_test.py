"""Multiply-adds against hand counts; ops of unknown cost."""

import math

import pytest
import tensorflow as tf

from bsp_tf.models.tsm import TSM
from bsp_tf.pretraining.model_cost import activation_bytes, graph_multiply_adds, multiply_adds


def cost(function, *shapes: tuple[int, ...]) -> int:
    specs = [tf.TensorSpec(shape) for shape in shapes]
    return graph_multiply_adds(tf.function(function).get_concrete_function(*specs).graph)


def test_each_kind_of_product():
    image, kernel = (2, 8, 6, 4), (3, 3, 4, 5)
    assert cost(lambda x, k: tf.nn.conv2d(x, k, 2, "SAME"), image, kernel) == 2 * 4 * 3 * 5 * 36
    # Two groups: each filter sees two of the four channels.
    grouped = cost(lambda x, k: tf.nn.conv2d(x, k, 1, "SAME"), image, (3, 3, 2, 6))
    assert grouped == 2 * 8 * 6 * 6 * 9 * 2
    depthwise = cost(
        lambda x, k: tf.nn.depthwise_conv2d(x, k, [1, 2, 2, 1], "SAME"), image, (3, 3, 4, 1)
    )
    assert depthwise == 2 * 4 * 3 * 4 * 9
    assert cost(tf.matmul, (3, 7), (7, 5)) == 3 * 7 * 5
    assert cost(lambda a, b: tf.matmul(a, b, transpose_a=True), (7, 3), (7, 5)) == 3 * 7 * 5
    assert cost(lambda a, b: tf.matmul(a, b, transpose_b=True), (3, 7), (5, 7)) == 3 * 7 * 5
    assert cost(tf.matmul, (2, 3, 7), (2, 7, 5)) == 2 * 3 * 7 * 5
    assert cost(lambda a, b: tf.einsum("btc,bsc->bts", a, b), (2, 3, 7), (2, 4, 7)) == 2 * 3 * 4 * 7


@pytest.mark.parametrize(
    ("function", "shape", "name"),
    [
        (
            lambda x: tf.nn.conv3d(x, tf.ones([1, 1, 1, 4, 4]), [1] * 5, "SAME"),
            (1, 2, 2, 2, 4),
            "Conv3D",
        ),
        (lambda x: tf.linalg.inv(x), (4, 4), "MatrixInverse"),
        (lambda x: tf.einsum("...c,cd->...d", x, tf.ones([4, 4])), (2, 2, 4), "ellipsis"),
    ],
)
def test_an_op_of_unknown_cost_is_named(function, shape, name):
    with pytest.raises(ValueError, match=name):
        cost(function, shape)


# Expansion, channels in and out, blocks, stride, pixels a side before it at 224.
MOBILENET_V2 = (
    (1, 32, 16, 1, 1, 112),
    (6, 16, 24, 2, 2, 112),
    (6, 24, 32, 3, 2, 56),
    (6, 32, 64, 4, 2, 28),
    (6, 64, 96, 3, 1, 14),
    (6, 96, 160, 3, 2, 14),
    (6, 160, 320, 1, 1, 7),
)


def test_mobilenet_v2_as_counted_by_hand():
    frame = 112**2 * 27 * 32 + 7**2 * 320 * 1280
    for expansion, inputs, outputs, count, stride, side in MOBILENET_V2:
        for _ in range(count):
            inside = inputs * expansion
            frame += side**2 * inputs * inside if expansion > 1 else 0
            side = math.ceil(side / stride)
            frame += side**2 * (9 * inside + inside * outputs)
            inputs, stride = outputs, 1
    assert frame / 1e6 == pytest.approx(300, abs=1)
    model = TSM(400, backbone="mobilenet_v2")
    model.build()
    assert multiply_adds(model, (8, 224, 224, 3)) == 8 * (frame + 1280 * 400)


def test_activations_of_depthwise_convolutions_are_kept():
    model = TSM(3, backbone="mobilenet_v2", width=0.25)
    model.build()
    # At least the input of the first depthwise convolution: 4 frames of 32 x 32 x 32 channels.
    assert activation_bytes(model, (4, 64, 64, 3)) > 4 * 32 * 32 * 32 * 4
