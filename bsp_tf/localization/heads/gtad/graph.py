"""The graph part of G-TAD (arXiv 1911.11462, section 3.2): nearest neighbours and the GCNeXt block.

All convolutions here keep the length of the sequence. Grouped ones are a batched matrix product
over the groups, which on a CPU is tens of times faster than the grouped convolution of TensorFlow.
Weights begin as in PyTorch, the framework of the reference: uniform in +-1 / sqrt(fan_in), bias
included.
"""

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.torch_start import torch_uniform, torch_uniform_pair


def nearest_neighbours(features: tf.Tensor, count: int) -> tf.Tensor:
    """The `count` nearest nodes of each node in squared Euclidean distance, nearest first.

    The node itself is always the first: rounding could put a near twin before it. Of equally near
    ones the earlier.

    Args:
        features: float [B, T, C].
        count: Neighbours a node, itself included; at most T.

    Returns:
        int32 [B, T, count], positions in 0..T-1. No gradient flows through them.
    """
    features = tf.stop_gradient(features)
    squares = tf.reduce_sum(features**2, -1)
    products = tf.matmul(features, features, transpose_b=True)
    distances = squares[:, :, None] + squares[:, None, :] - 2 * products
    distances = tf.linalg.set_diag(
        distances, tf.fill(tf.shape(squares), tf.constant(-math.inf, features.dtype))
    )
    return tf.math.top_k(-distances, count).indices


class SequenceConv(keras.layers.Layer):
    """Convolution over the second last axis in groups: stride 1, odd kernel, length kept.

    With kernel size 1 the input may have any leading axes: [..., C] -> [..., filters].
    """

    def __init__(self, filters: int, kernel_size: int = 1, groups: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.groups = filters, kernel_size, groups

    def build(self, input_shape: tuple) -> None:
        channels = input_shape[-1]
        if channels % self.groups or self.filters % self.groups:
            raise InputError(
                f"{channels} input channels and {self.filters} filters must be multiples of "
                f"{self.groups} groups: change config.groups or the widths."
            )
        fan_in = self.kernel_size * channels // self.groups
        # [group, (offset, channel in group), filter in group]
        shape = (self.groups, fan_in, self.filters // self.groups)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=torch_uniform(fan_in))
        self.bias = self.add_weight(
            name="bias", shape=(self.filters,), initializer=torch_uniform(fan_in)
        )
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        windows, shape = inputs, tf.shape(inputs)
        if self.kernel_size > 1:
            margin, length = self.kernel_size // 2, shape[1]
            padded = tf.pad(inputs, [[0, 0], [margin, margin], [0, 0]])
            windows = tf.concat(
                [self._split(padded[:, i : i + length]) for i in range(self.kernel_size)], -1
            )
        else:
            windows = self._split(inputs)
        outputs = tf.matmul(windows, self.kernel)
        outputs = tf.transpose(outputs, [1, 0, 2]) if self.groups > 1 else outputs
        outputs = tf.nn.bias_add(tf.reshape(outputs, [-1, self.filters]), self.bias)
        return tf.reshape(outputs, tf.concat([shape[:-1], [self.filters]], 0))

    def _split(self, values: tf.Tensor) -> tf.Tensor:
        """[..., C] -> [groups, positions, C / groups]."""
        width = values.shape[-1] // self.groups
        if self.groups == 1:
            return tf.reshape(values, [1, -1, width])
        return tf.transpose(tf.reshape(values, [-1, self.groups, width]), [1, 0, 2])

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict:
        sizes = {"filters": self.filters, "kernel_size": self.kernel_size, "groups": self.groups}
        return super().get_config() | sizes


class MapConv(keras.layers.Layer):
    """Convolution over both axes of the map, odd kernel, shape kept: float32 [B, D, T, filters].

    Its variables are called in checkpoints as those of Conv2D are in Keras 3; in Keras 2 they have
    other names.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.initializers = torch_uniform_pair(kernel_size**2 * filters)

    def build(self, input_shape: tuple) -> None:
        shape = (self.kernel_size, self.kernel_size, self.filters, self.filters)
        for_kernel, for_bias = self.initializers
        self._kernel = self.add_weight(name="_kernel", shape=shape, initializer=for_kernel)
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer=for_bias)
        self.built = True

    @property
    def kernel(self) -> tf.Variable:
        """float32 [kernel_size, kernel_size, filters, filters]."""
        return self._kernel

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self._kernel)
        return tf.nn.bias_add(tf.nn.conv2d(inputs, kernel, 1, "SAME"), self.bias)

    def get_config(self) -> dict:
        return super().get_config() | {"filters": self.filters, "kernel_size": self.kernel_size}


@tf.custom_gradient
def _with_gradient_in_shape(values: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """The values. Of no examples (a replica's share of a small batch) TensorFlow 2.15 gives the
    gradient of a batched gather another shape, which the product before it cannot take.
    """
    return tf.identity(values), lambda gradient: tf.reshape(gradient, tf.shape(values))


class EdgeProjection(keras.layers.Layer):
    """Linear layer on the edge feature [neighbour ; self] of every edge of the graph.

    A linear layer on a concatenation is a sum of two, so nodes are projected once and then
    gathered: for k neighbours (k + 1) times fewer products, and no [B, T, k, 2C] tensor.
    """

    def __init__(self, filters: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape: tuple) -> None:
        channels = input_shape[-1]
        for_kernel, for_bias = torch_uniform_pair(2 * channels)
        # Rows 0..C-1 multiply the neighbour, the others the node itself.
        self.kernel = self.add_weight(
            name="kernel", shape=(2 * channels, self.filters), initializer=for_kernel
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer=for_bias)
        self.built = True

    def call(self, nodes: tf.Tensor, neighbours: tf.Tensor) -> tf.Tensor:
        channels = nodes.shape[-1]
        projected = _with_gradient_in_shape(tf.matmul(nodes, self.kernel[:channels]))
        others = tf.gather(projected, neighbours, batch_dims=1)
        own = tf.matmul(nodes, self.kernel[channels:]) + self.bias
        return others + own[:, :, None]

    def get_config(self) -> dict:
        return super().get_config() | {"filters": self.filters}


class GCNeXt(keras.layers.Layer):
    """GCNeXt block: ReLU(temporal branch + input + semantic branch).

    temporal: 1x1 (C -> width), ReLU, k3 in groups, ReLU, 1x1 (width -> C)
    semantic: the same with k1 on the edges [neighbour ; self] (2C -> width), then the maximum over
              the neighbours

    Args:
        width: Channels inside the branches; a multiple of `groups`.
        groups: Groups of the middle convolution.
        neighbours: Nearest neighbours a node, itself included.

    Call: float [B, T, C] -> float [B, T, C].
    """

    def __init__(self, width: int = 128, groups: int = 32, neighbours: int = 3, **kwargs) -> None:
        super().__init__(**kwargs)
        self.width, self.groups, self.neighbours = width, groups, neighbours

    def build(self, input_shape: tuple) -> None:
        channels, inside = input_shape[-1], (None, None, self.width)
        # One attribute each: tf.train.Checkpoint silently passes over layers in lists.
        self.temporal_in = SequenceConv(self.width, name="temporal_in")
        self.temporal_groups = SequenceConv(self.width, 3, self.groups, name="temporal_groups")
        self.temporal_out = SequenceConv(channels, name="temporal_out")
        self.semantic_in = EdgeProjection(self.width, name="semantic_in")
        self.semantic_groups = SequenceConv(self.width, 1, self.groups, name="semantic_groups")
        self.semantic_out = SequenceConv(channels, name="semantic_out")
        self.temporal_in.build(input_shape)
        self.semantic_in.build(input_shape)
        for layer in (
            self.temporal_groups,
            self.temporal_out,
            self.semantic_groups,
            self.semantic_out,
        ):
            layer.build(inside)
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        temporal = tf.nn.relu(self.temporal_in(inputs))
        temporal = self.temporal_out(tf.nn.relu(self.temporal_groups(temporal)))
        neighbours = nearest_neighbours(inputs, self.neighbours)
        semantic = tf.nn.relu(self.semantic_in(inputs, neighbours))
        semantic = self.semantic_out(tf.nn.relu(self.semantic_groups(semantic)))
        return tf.nn.relu(temporal + inputs + tf.reduce_max(semantic, 2))

    def get_config(self) -> dict:
        sizes = {"width": self.width, "groups": self.groups, "neighbours": self.neighbours}
        return super().get_config() | sizes
