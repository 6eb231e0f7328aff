"""Layers of the backbones, with PyTorch's numerics: explicit padding, statistics as torch's.

Tensors are NHWC; the frames of all clips lie on the batch axis.
"""

import math
from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from bsp_tf.base.stack import FIRST_REPLICA, NEVER_CAST, fresh_seed

Shape = tuple[int | None, ...]


class Conv(keras.layers.Layer):
    """Convolution without bias, padded by `kernel_size // 2` on every side.

    Keras' "same" pads the right and bottom only when the stride is 2, which gives other numbers
    than torch. The kernel starts as torchvision's: normal with variance
    2 / (kernel_size^2 * filters).
    """

    def __init__(self, filters: int, kernel_size: int, stride: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.stride = stride

    def build(self, input_shape: Shape) -> None:
        """Makes `kernel`, float32 [kernel_size, kernel_size, C, filters]."""
        super().build(input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, input_shape[-1], self.filters),
            initializer=keras.initializers.VarianceScaling(
                2.0, mode="fan_out", distribution="untruncated_normal", seed=fresh_seed()
            ),
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Float [N, H, W, C] -> float [N, ceil(H / stride), ceil(W / stride), filters]."""
        kernel = tf.convert_to_tensor(self.kernel)
        inputs, padding = _padded(inputs, self.kernel_size, self.stride)
        return tf.nn.conv2d(inputs, kernel, self.stride, padding)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape after `call`."""
        return (*_strided(input_shape, self.stride), self.filters)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "stride": self.stride}
        return {**super().get_config(), **own}


class DepthwiseConv(keras.layers.Layer):
    """Convolution of each channel by itself, without bias, padded as `Conv`.

    The kernel starts as torchvision's: normal with variance 2 / (kernel_size^2 * C).
    """

    def __init__(self, kernel_size: int, stride: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.kernel_size = kernel_size
        self.stride = stride

    def build(self, input_shape: Shape) -> None:
        """Makes `depthwise_kernel`, float32 [kernel_size, kernel_size, C, 1]."""
        super().build(input_shape)
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(f"{self.name} needs a known number of channels")
        deviation = math.sqrt(2 / (self.kernel_size**2 * channels))
        self.kernel = self.add_weight(
            name="depthwise_kernel",
            shape=(self.kernel_size, self.kernel_size, channels, 1),
            initializer=keras.initializers.RandomNormal(stddev=deviation, seed=fresh_seed()),
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Float [N, H, W, C] -> float [N, ceil(H / stride), ceil(W / stride), C]."""
        kernel = tf.convert_to_tensor(self.kernel)
        inputs, padding = _padded(inputs, self.kernel_size, self.stride)
        return tf.nn.depthwise_conv2d(inputs, kernel, [1, self.stride, self.stride, 1], padding)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape after `call`."""
        return (*_strided(input_shape, self.stride), input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = {"kernel_size": self.kernel_size, "stride": self.stride}
        return {**super().get_config(), **own}


def _padded(inputs: tf.Tensor, kernel_size: int, stride: int) -> tuple[tf.Tensor, str]:
    """The input of a convolution, and the padding that is left to it."""
    if stride == 1 or kernel_size == 1:
        return inputs, "SAME"
    # A pad of its own, because the gradients of tf.nn.conv2d with a list of paddings leave the fast
    # CPU kernels.
    pad = kernel_size // 2
    return tf.pad(inputs, [[0, 0], [pad, pad], [pad, pad], [0, 0]]), "VALID"


def _strided(input_shape: Shape, stride: int) -> Shape:
    """[N, ceil(H / stride), ceil(W / stride)] of an input [N, H, W, C]."""
    height, width = (None if size is None else -(-size // stride) for size in input_shape[1:3])
    return (input_shape[0], height, width)


class BatchNorm(keras.layers.Layer):
    """Batch normalisation with torch's numbers: epsilon 1e-5, momentum .1, unbiased variance.

    Under a distribution strategy the statistics are those of the global batch, so that the number
    of replicas does not change the result; or, with `synchronised=False`, each replica normalises
    by its own and the running statistics take their mean. Parameters and statistics are float32
    whatever the compute type.
    """

    epsilon = 1e-5
    momentum = 0.1

    def __init__(self, synchronised: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.synchronised = synchronised
        self.folded = False

    def build(self, input_shape: Shape) -> None:
        """Makes `gamma`, `beta`, `moving_mean`, `moving_variance`, each float32 [C]."""
        super().build(input_shape)
        shape = (input_shape[-1],)
        common = {"shape": shape, "dtype": "float32", **NEVER_CAST}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **common)
        self.beta = self.add_weight(name="beta", initializer="zeros", **common)
        # All replicas compute the same statistics: the first one's are everybody's.
        common |= {"trainable": False, **FIRST_REPLICA}
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **common)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **common)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Float [N, H, W, C] -> the same shape and dtype; running statistics follow in training."""
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        if not training and self.folded:
            return tf.nn.bias_add(inputs, tf.cast(beta, inputs.dtype))
        if not training:
            mean, variance = (
                tf.convert_to_tensor(self.moving_mean),
                tf.convert_to_tensor(self.moving_variance),
            )
            return _fused_batch_norm(inputs, gamma, beta, self.epsilon, mean, variance)[0]
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas > 1 and self.synchronised:
            outputs, mean, variance = _global_batch_norm(inputs, gamma, beta, self.epsilon)
        else:
            outputs, mean, variance = _fused_batch_norm(inputs, gamma, beta, self.epsilon)
            if replicas > 1:
                context = tf.distribute.get_replica_context()
                mean, variance = tf.unstack(
                    context.all_reduce("mean", tf.stop_gradient(tf.stack([mean, variance])))
                )
        for running, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            before = tf.convert_to_tensor(running)
            running.assign(before + self.momentum * (tf.stop_gradient(batch) - before))
        return outputs

    def fold_into(self, conv: Conv | DepthwiseConv) -> None:
        """Scales the kernel of the convolution before it; what is left to do here is one sum.

        A convolution is linear: gamma (W x - mean) / sqrt(variance + epsilon) + beta is a
        convolution by W gamma / sqrt(variance + epsilon), plus a constant. For evaluation only.
        """
        gamma, beta, mean, variance = map(
            tf.convert_to_tensor,
            (self.gamma, self.beta, self.moving_mean, self.moving_variance),
        )
        scale = gamma / tf.sqrt(variance + self.epsilon)
        # The channels of a depthwise kernel lie on the axis before its last, which is 1 long.
        factor = scale[:, None] if isinstance(conv, DepthwiseConv) else scale
        conv.kernel.assign(tf.convert_to_tensor(conv.kernel) * factor)
        self.beta.assign(beta - mean * scale)
        # Without the short cut in `call` these give the same numbers.
        self.gamma.assign(tf.ones_like(scale))
        self.moving_mean.assign(tf.zeros_like(scale))
        self.moving_variance.assign(tf.ones_like(scale) - self.epsilon)
        self.folded = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape after `call`."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "synchronised": self.synchronised}


def _fused_batch_norm(
    inputs: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    epsilon: float,
    mean: tf.Tensor | None = None,
    variance: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """One fused op: (normalised, batch mean, unbiased variance), by given statistics if any."""
    return tf.compat.v1.nn.fused_batch_norm(
        inputs, gamma, beta, mean, variance, epsilon=epsilon, is_training=mean is None
    )


def _global_batch_norm(
    inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """As `_fused_batch_norm` in training, with the statistics of all replicas' inputs together."""
    context = tf.distribute.get_replica_context()
    values = tf.cast(inputs, tf.float32)
    size = tf.cast(tf.size(values) // tf.shape(values)[-1], tf.float32)
    count, total = context.all_reduce("sum", [size, tf.reduce_sum(values, axis=[0, 1, 2])])
    mean = total / count
    # Two passes: the difference of two large sums would lose digits that replicas must agree on.
    squares = context.all_reduce(
        "sum", tf.reduce_sum(tf.math.squared_difference(values, mean), axis=[0, 1, 2])
    )
    variance = squares / count
    outputs = tf.nn.batch_normalization(values, mean, variance, beta, gamma, epsilon)
    return tf.cast(outputs, inputs.dtype), mean, squares / tf.maximum(count - 1.0, 1.0)


def track_for_checkpoints(owner: keras.layers.Layer, layers: Iterable[keras.layers.Layer]) -> None:
    """Makes every layer an attribute of `owner`, called by its name with "_" for ".".

    Keras finds layers in lists, tf.train.Checkpoint and SavedModel do not: without this their
    weights are silently left out of both.
    """
    for layer in layers:
        setattr(owner, layer.name.replace(".", "_"), layer)
