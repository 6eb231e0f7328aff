"""The bricks of a ResNet with torchvision's numerics: explicit padding, stride on the 3x3,
statistics as torch's.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, table 1; the stride
sits on the 3x3 convolution of the bottleneck ("v1.5"), as in torchvision. Tensors are NHWC; frames
of all clips lie on the batch axis.
"""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from bsp_tf.models.temporal_shift import temporal_shift


class Conv(keras.layers.Layer):
    """Convolution without bias, padded by `kernel_size // 2` on every side.

    Keras' "same" pads the right and bottom only when the stride is 2, which gives other numbers
    than torch. The kernel starts as torchvision's: normal with variance 2 / (kernel_size^2 *
    filters).
    """

    def __init__(self, filters: int, kernel_size: int, stride: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.stride = stride

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes `kernel`, float32 [kernel_size, kernel_size, C, filters]."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, input_shape[-1], self.filters),
            initializer=keras.initializers.VarianceScaling(
                2.0, mode="fan_out", distribution="untruncated_normal"
            ),
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Float [N, H, W, C] -> float [N, ceil(H / stride), ceil(W / stride), filters]."""
        kernel = tf.convert_to_tensor(self.kernel)
        if self.stride == 1 or self.kernel_size == 1:
            return tf.nn.conv2d(inputs, kernel, self.stride, "SAME")
        # A pad of its own, because the gradients of tf.nn.conv2d with a list of paddings leave the
        # fast CPU kernels.
        pad = self.kernel_size // 2
        return tf.nn.conv2d(
            tf.pad(inputs, [[0, 0], [pad, pad], [pad, pad], [0, 0]]), kernel, self.stride, "VALID"
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape after `call`."""
        height, width = (None if n is None else -(-n // self.stride) for n in input_shape[1:3])
        return (input_shape[0], height, width, self.filters)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "stride": self.stride}
        return {**super().get_config(), **own}


class BatchNorm(keras.layers.Layer):
    """Batch normalisation with torch's numbers: epsilon 1e-5, momentum 0.1, unbiased running
    variance.

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

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes `gamma`, `beta`, `moving_mean`, `moving_variance`, each float32 [C]."""
        shape = (input_shape[-1],)
        common = {"shape": shape, "dtype": "float32", "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **common)
        self.beta = self.add_weight(name="beta", initializer="zeros", **common)
        # All replicas compute the same statistics: the first one's are everybody's.
        common |= {"trainable": False, "aggregation": "only_first_replica"}
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **common)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **common)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Float [N, H, W, C] -> the same shape and dtype; updates the running statistics if
        `training`.
        """
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
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
            running.assign(
                running.value + self.momentum * (tf.stop_gradient(batch) - running.value)
            )
        return outputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
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
    """One fused op: (normalised, batch mean, unbiased batch variance); with the given statistics if
    there are any.
    """
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
    # Two passes: the difference of two large sums would lose the digits that replicas must agree
    # on.
    squares = context.all_reduce(
        "sum", tf.reduce_sum(tf.math.squared_difference(values, mean), axis=[0, 1, 2])
    )
    variance = squares / count
    outputs = tf.nn.batch_normalization(values, mean, variance, beta, gamma, epsilon)
    return tf.cast(outputs, inputs.dtype), mean, squares / tf.maximum(count - 1.0, 1.0)


class ResidualBlock(keras.layers.Layer):
    """relu(branch(x) + identity(x)); the first convolution of the branch sees the temporally
    shifted input.

    Shifting the branch only ("residual TSM", Lin et al., section 3.2) keeps the frame's own
    features on the identity.

    Attributes:
        filters: Channels that leave the block.
    """

    def __init__(
        self,
        planes: int,
        stride: int,
        shift_div: int,
        bottleneck: bool,
        sync_batch_norm: bool = True,
        **kwargs: Any,
    ):
        """`planes` is the width inside; a bottleneck (1x1, 3x3, 1x1) ends four times as wide, a
        basic one as wide.
        """
        super().__init__(**kwargs)
        self.planes = planes
        self.stride = stride
        self.shift_div = shift_div
        self.bottleneck = bottleneck
        self.sync_batch_norm = sync_batch_norm
        self.filters = planes * (4 if bottleneck else 1)
        plan = (
            [(planes, 1, 1), (planes, 3, stride), (self.filters, 1, 1)]
            if bottleneck
            else [(planes, 3, stride), (planes, 3, 1)]
        )
        dtype = self.dtype_policy
        self.convs = [Conv(*step, name=f"conv{i + 1}", dtype=dtype) for i, step in enumerate(plan)]
        self.norms = [
            BatchNorm(sync_batch_norm, name=f"bn{i + 1}", dtype=dtype) for i in range(len(plan))
        ]
        self.downsample_conv = Conv(self.filters, 1, stride, name="downsample.0", dtype=dtype)
        self.downsample_norm = BatchNorm(sync_batch_norm, name="downsample.1", dtype=dtype)
        track_for_checkpoints(self, [*self.convs, *self.norms])

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes all weights; the identity gets a 1x1 convolution only where the shape changes."""
        shape = tuple(input_shape)
        self.project = self.stride != 1 or shape[-1] != self.filters
        if self.project:
            self.downsample_conv.build(shape)
            self.downsample_norm.build(self.downsample_conv.compute_output_shape(shape))
        for conv, norm in zip(self.convs, self.norms, strict=True):
            conv.build(shape)
            shape = conv.compute_output_shape(shape)
            norm.build(shape)

    def call(
        self, inputs: tf.Tensor, num_frames: int | tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Float [B * num_frames, H, W, C] -> float [B * num_frames, ceil(H / stride), ceil(W /
        stride), filters].
        """
        outputs = temporal_shift(inputs, num_frames, self.shift_div)
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if i:
                outputs = tf.nn.relu(outputs)
            outputs = norm(conv(outputs), training=training)
        identity = inputs
        if self.project:
            identity = self.downsample_norm(self.downsample_conv(inputs), training=training)
        return tf.nn.relu(outputs + identity)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape after `call`."""
        return (
            *self.convs[0 if not self.bottleneck else 1].compute_output_shape(input_shape)[:3],
            self.filters,
        )

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = {
            "planes": self.planes,
            "stride": self.stride,
            "shift_div": self.shift_div,
            "bottleneck": self.bottleneck,
            "sync_batch_norm": self.sync_batch_norm,
        }
        return {**super().get_config(), **own}


def track_for_checkpoints(owner: keras.layers.Layer, layers: Iterable[keras.layers.Layer]) -> None:
    """Makes every layer an attribute of `owner`, called by its name with "_" for ".".

    Keras finds layers in lists, tf.train.Checkpoint and SavedModel do not: without this their
    weights are silently left out of both.
    """
    for layer in layers:
        setattr(owner, layer.name.replace(".", "_"), layer)


def max_pool(inputs: tf.Tensor) -> tf.Tensor:
    """3x3 max-pool with stride 2 and one row of padding on every side, of values >= 0 (they follow
    a ReLU).

    Float [N, H, W, C] -> float [N, ceil(H / 2), ceil(W / 2), C].
    """
    # Zero is as low as any value here, so that zero padding is the same as padding with minus
    # infinity.
    return tf.nn.max_pool2d(tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID")
