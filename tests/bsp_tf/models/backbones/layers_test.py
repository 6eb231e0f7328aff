"""Convolutions against a plain sum over the padded input, at both parities of the size."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.models.backbones.layers import Conv, DepthwiseConv


def convolved(inputs: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """[N, H, W, C] with a kernel [k, k, C, F], padded by k // 2 on every side."""
    size = kernel.shape[0]
    padded = np.pad(inputs, [(0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (1, 2))
    return np.einsum("nhwcij,ijcf->nhwf", windows[:, ::stride, ::stride], kernel)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_padding_is_the_same_on_every_side(stride, size, kernel_size):
    inputs = np.random.default_rng(0).standard_normal((2, size, size, 4)).astype(np.float32)
    conv, depthwise = Conv(5, kernel_size, stride), DepthwiseConv(kernel_size, stride)
    found = conv(inputs)
    np.testing.assert_allclose(found, convolved(inputs, conv.kernel.numpy(), stride), atol=1e-5)
    assert found.shape == conv.compute_output_shape(inputs.shape)
    found = depthwise(inputs)
    whole = np.einsum("ijcm,cf->ijcf", depthwise.kernel.numpy(), np.eye(4, dtype=np.float32))
    np.testing.assert_allclose(found, convolved(inputs, whole, stride), atol=1e-5)
    assert found.shape == depthwise.compute_output_shape(inputs.shape)


def test_layers_are_built_once():
    layer = DepthwiseConv(3)
    layer.build((None, None, None, 4))
    kernel = layer.kernel
    layer(tf.ones([1, 4, 4, 4]))
    assert layer.kernel is kernel and len(layer.weights) == 1


def test_depthwise_needs_channels():
    with pytest.raises(ValueError, match="channels"):
        DepthwiseConv(3, name="x").build((None, None, None, None))
