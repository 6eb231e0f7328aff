"""Layers over time of ActionFormer: float32 [B, T, C], zeros around the sequence.

Strides are those of PyTorch: output i is centred on input `stride * i`, for any length. What Keras
calls "same" is centred elsewhere where the length is even.
"""

import math

import keras
import tensorflow as tf

from bsp_tf.localization.heads.torch_start import torch_uniform

# PyTorch's; Keras's own default is 1e-3. Masked positions vary as little as this, so it shows.
NORM_EPSILON = 1e-5
# Positions that a convolution or the pooling sees.
TAPS = 3


def taps(values: tf.Tensor, stride: int, fill: float = 0.0) -> list[tf.Tensor]:
    """What a window of three sees at its places: three tensors [B, ceil(T / stride), C].

    Args:
        values: float32 [B, T, C].
        stride: Positions from one window to the next.
        fill: What lies before the first position and after the last.
    """
    padded = tf.pad(values, [[0, 0], [1, 1], [0, 0]], constant_values=fill)
    length = values.shape[1]
    return [padded[:, place : place + length : stride] for place in range(TAPS)]


def max_pool(values: tf.Tensor) -> tf.Tensor:
    """float32 [B, T, C] -> [B, ceil(T / 2), C]: the largest of three, two positions apart."""
    before, here, after = taps(values, 2, -math.inf)
    return tf.maximum(tf.maximum(before, here), after)


class Conv(keras.layers.Layer):
    """Convolution of size 1 or 3: float32 [B, T, C] -> [B, T, filters].

    Args:
        filters: Channels that come out.
        size: 1 or 3.
        bias: What all biases start as; None: there are none.
    """

    def __init__(self, filters: int, size: int = TAPS, bias: float | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters, self.size, self.start = filters, size, bias

    def build(self, input_shape: tuple) -> None:
        channels = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.size, channels, self.filters),
            initializer=torch_uniform(self.size * channels),
        )
        if self.start is not None:
            start = keras.initializers.Constant(self.start)
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer=start)
        self.built = True

    def call(self, values: tf.Tensor) -> tf.Tensor:
        channels, length = values.shape[-1], values.shape[1]
        kernel = tf.concat(tf.unstack(tf.convert_to_tensor(self.kernel)), 1)
        outputs = tf.matmul(tf.reshape(values, [-1, channels]), kernel)
        outputs = tf.reshape(outputs, [-1, length, self.size * self.filters])
        if self.size == TAPS:
            # Multiplied first and shifted then: one product, and no copies of a wide input.
            before, here, after = tf.split(outputs, TAPS, 2)
            before = tf.pad(before[:, :-1], [[0, 0], [1, 0], [0, 0]])
            outputs = before + here + tf.pad(after[:, 1:], [[0, 0], [0, 1], [0, 0]])
        return outputs if self.start is None else outputs + self.bias

    def get_config(self) -> dict:
        sizes = {"filters": self.filters, "size": self.size, "bias": self.start}
        return super().get_config() | sizes


class DepthwiseConv(keras.layers.Layer):
    """Convolution of each channel by itself, size 3: [B, T, C] -> [B, ceil(T / stride), C]."""

    def __init__(self, stride: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.stride = stride

    def build(self, input_shape: tuple) -> None:
        self.kernel = self.add_weight(
            name="kernel", shape=(TAPS, input_shape[-1]), initializer=torch_uniform(TAPS)
        )
        self.built = True

    def call(self, values: tf.Tensor) -> tf.Tensor:
        kernel = tf.unstack(tf.convert_to_tensor(self.kernel))
        return tf.add_n(
            [seen * weight for seen, weight in zip(taps(values, self.stride), kernel, strict=True)]
        )

    def get_config(self) -> dict:
        return super().get_config() | {"stride": self.stride}


class ChannelNorm(keras.layers.Layer):
    """Layer normalisation over the channels of each position."""

    def build(self, input_shape: tuple) -> None:
        shape = (input_shape[-1],)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")
        self.built = True

    def call(self, values: tf.Tensor) -> tf.Tensor:
        values -= tf.reduce_mean(values, -1, keepdims=True)
        variance = tf.reduce_mean(tf.square(values), -1, keepdims=True)
        return values * tf.math.rsqrt(variance + NORM_EPSILON) * self.scale + self.bias


class Scale(keras.layers.Layer):
    """A learned factor of every channel, or one of all: [..., C] -> [..., C].

    Args:
        start: What it starts as.
        each_channel: Whether every channel has its own.
    """

    def __init__(self, start: float, each_channel: bool, **kwargs) -> None:
        super().__init__(**kwargs)
        self.start, self.each_channel = start, each_channel

    def build(self, input_shape: tuple) -> None:
        self.scale = self.add_weight(
            name="scale",
            shape=(input_shape[-1],) if self.each_channel else (),
            initializer=keras.initializers.Constant(self.start),
        )
        self.built = True

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return values * self.scale

    def get_config(self) -> dict:
        return super().get_config() | {"start": self.start, "each_channel": self.each_channel}
