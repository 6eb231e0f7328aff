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


# The next three have gradients of their own: for those that TensorFlow finds it keeps what each
# operation needs, 0.5 GB more in a step of configs/actionformer_thumos.py.


def convolve_channels(values: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Each channel by itself: float32 [B, T, C], kernel [3, C] -> [B, ceil(T / stride), C]."""
    length = values.shape[1]

    @tf.custom_gradient
    def convolve(values: tf.Tensor, kernel: tf.Tensor) -> tuple:
        weights = tf.unstack(kernel)

        def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            if stride > 1:
                gaps = [tf.zeros_like(upstream)] * (stride - 1)
                shape = [-1, stride * upstream.shape[1], upstream.shape[2]]
                upstream = tf.reshape(tf.stack([upstream, *gaps], 2), shape)[:, :length]
            behind, here, ahead = taps(upstream, 1)
            seen = (ahead, here, behind)
            return (
                tf.add_n([part * weight for part, weight in zip(seen, weights, strict=True)]),
                tf.stack([tf.reduce_sum(values * part, [0, 1]) for part in seen]),
            )

        seen = taps(values, stride)
        products = [part * weight for part, weight in zip(seen, weights, strict=True)]
        return tf.add_n(products), gradients

    return convolve(values, kernel)


@tf.autograph.experimental.do_not_convert
@tf.custom_gradient
def normalize_channels(values: tf.Tensor, scale: tf.Tensor, bias: tf.Tensor) -> tuple:
    """Layer normalisation over the channels: float32 [B, T, C], [C], [C] -> [B, T, C]."""
    centred = values - tf.reduce_mean(values, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), -1, keepdims=True)
    factor = tf.math.rsqrt(variance + NORM_EPSILON)
    normal = centred * factor

    def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        inner = upstream * scale
        slope = tf.reduce_mean(inner * normal, -1, keepdims=True)
        outer = factor * (inner - tf.reduce_mean(inner, -1, keepdims=True) - normal * slope)
        return outer, tf.reduce_sum(upstream * normal, [0, 1]), tf.reduce_sum(upstream, [0, 1])

    return normal * scale + bias, gradients


@tf.autograph.experimental.do_not_convert
@tf.custom_gradient
def gelu(values: tf.Tensor) -> tuple:
    """x times the normal distribution's share below x: float32 of any shape."""

    def gradients(upstream: tf.Tensor) -> tf.Tensor:
        below = 0.5 * (1 + tf.math.erf(values / math.sqrt(2)))
        density = tf.exp(-0.5 * tf.square(values)) / math.sqrt(2 * math.pi)
        return upstream * (below + values * density)

    return tf.nn.gelu(values, approximate=False), gradients


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
        return convolve_channels(values, tf.convert_to_tensor(self.kernel), self.stride)

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
        return normalize_channels(
            values, tf.convert_to_tensor(self.scale), tf.convert_to_tensor(self.bias)
        )


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
