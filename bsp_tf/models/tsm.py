"""TSM: a 2-d ResNet over the frames of a clip, with temporal shifts inside its blocks.

Source: Lin, Gan and Han, "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV 2019
(blockres: the shift at the entry of every residual block, 1/8 of the channels in each direction,
mean of the frames' logits).
"""

import itertools
import random
from typing import Any

import keras
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.models.backbones.resnet import (
    BatchNorm,
    Conv,
    ResidualBlock,
    max_pool,
    track_for_checkpoints,
)

# Blocks of the four stages, and whether they are bottlenecks (He et al., table 1; 10 is 18 with one
# block a stage).
STAGES = {
    10: ((1, 1, 1, 1), False),
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
}
INPUT_CHANNELS = {"rgb": 3, "rgb_diff": 6}
# One frame step moves the normalised pixels little; tripled, the difference is on the scale of the
# pixels.
DIFFERENCE_SCALE = 3.0


def append_frame_difference(frames: tf.Tensor) -> tf.Tensor:
    """Appends 3 * (x_t - x_(t-1)) as further channels; the first frame's difference is 0.

    Source: the RGB difference input of Wang et al., "Temporal Segment Networks", ECCV 2016, section
    3.2.

    Args:
        frames: float [B, T, H, W, C].

    Returns:
        float [B, T, H, W, 2C], the frames first.
    """
    difference = DIFFERENCE_SCALE * (frames[:, 1:] - frames[:, :-1])
    difference = tf.pad(difference, [[0, 0], [1, 0], [0, 0], [0, 0], [0, 0]])
    return tf.concat([frames, difference], axis=-1)


class SeededDropout(keras.layers.Layer):
    """Dropout whose random state is a variable of the model, saved and restored with the weights.

    A run that continues from a checkpoint draws the masks that the uninterrupted run would have
    drawn (Keras' own layer keeps its state out of tf.train.Checkpoint). The first state follows
    keras.utils.set_random_seed.
    """

    def __init__(self, rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = rate

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes `state`, int32 [2]: a seed and the number of calls so far."""
        seed = random.randrange(2**31)
        self.state = self.add_weight(
            name="state",
            shape=(2,),
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
            initializer=lambda shape, dtype: tf.constant([seed, 0], dtype),
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Any float tensor -> the same shape: values zeroed with probability `rate`, the others /
        (1 - rate).
        """
        if not training or self.rate == 0:
            return inputs
        # A copy, so that reading it happens before the assignment below.
        seed = tf.identity(self.state.value)
        self.state.assign(seed + [0, 1])
        replica = tf.distribute.get_replica_context()
        if replica is not None and replica.num_replicas_in_sync > 1:
            seed = tf.random.experimental.stateless_fold_in(seed, replica.replica_id_in_sync_group)
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "rate": self.rate}


@keras.saving.register_keras_serializable(package="bsp_tf")
class TSM(keras.Model):
    """Clip classifier and feature extractor.

    Works for any number of frames and any frame size of at least 32 pixels; all may differ from
    call to call.

    Attributes:
        feature_dim: Length of the feature vector (512 * width, 2048 * width for depth 50).
    """

    def __init__(
        self,
        num_classes: int,
        depth: int = 18,
        width: float = 1.0,
        input: str = "rgb",
        shift_div: int = 8,
        dropout: float = 0.5,
        sync_batch_norm: bool = True,
        **kwargs: Any,
    ):
        """Makes the model; variables exist after `build()` or the first call.

        Args:
            num_classes: K, at least 1.
            depth: 10, 18, 34 or 50.
            width: Factor on the channels of the stem and all stages.
            input: "rgb", or "rgb_diff" to append the frame difference as three more channels.
            shift_div: 1 / shift_div of the channels moves in each direction of time.
            dropout: Rate before the classifier, in [0, 1).
            sync_batch_norm: Whether several replicas normalise by the statistics of their common
                batch in training.
            **kwargs: `name`, `dtype` of keras.Model.

        Raises:
            InputError: a value is outside the ranges above, or too few channels are left to shift.
        """
        kwargs.setdefault("name", "tsm")
        # Layers cast their inputs, the model does not: frame differences in bfloat16 would have two
        # digits.
        super().__init__(autocast=False, **kwargs)
        _check_arguments(num_classes, depth, width, input, shift_div, dropout)
        self.num_classes = num_classes
        self.depth = depth
        self.width = width
        self.input_kind = input
        self.shift_div = shift_div
        self.dropout_rate = dropout
        self.sync_batch_norm = sync_batch_norm
        blocks, bottleneck = STAGES[depth]
        dtype = self.dtype_policy
        self.conv1 = Conv(round(64 * width), 7, 2, name="conv1", dtype=dtype)
        self.bn1 = BatchNorm(sync_batch_norm, name="bn1", dtype=dtype)
        self.stages = [
            [
                ResidualBlock(
                    round(64 * 2**stage * width),
                    2 if stage and not i else 1,
                    shift_div,
                    bottleneck,
                    sync_batch_norm,
                    name=f"layer{stage + 1}.{i}",
                    dtype=dtype,
                )
                for i in range(count)
            ]
            for stage, count in enumerate(blocks)
        ]
        track_for_checkpoints(self, itertools.chain(*self.stages))
        self.feature_dim = self.stages[-1][-1].filters
        self.dropout = SeededDropout(dropout, name="dropout", dtype="float32")
        # Float32 in mixed precision too: small logits are where half precision hurts.
        self.fc = keras.layers.Dense(
            num_classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            name="fc",
            dtype="float32",
        )

    def build(self, input_shape: tuple[int | None, ...] | None = None) -> None:
        """Makes all variables; none of their shapes depends on `input_shape`."""
        shape = (None, None, None, INPUT_CHANNELS[self.input_kind])
        self.conv1.build(shape)
        shape = self.conv1.compute_output_shape(shape)
        self.bn1.build(shape)
        for block in itertools.chain(*self.stages):
            block.build(shape)
            shape = block.compute_output_shape(shape)
        self.dropout.build((None, self.feature_dim))
        self.fc.build((None, self.feature_dim))

    def call(self, frames: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Classifies clips.

        Args:
            frames: float32 [B, T, H, W, 3], normalised RGB.
            training: Whether to drop out and to use and gather batch statistics.

        Returns:
            "logits": float32 [B, K], the mean of the frames' logits; "features": float32
            [B, feature_dim], the mean over T of the pooled vectors, before dropout.
        """
        pooled = self._backbone(frames, training)["pooled"]
        features = tf.reduce_mean(pooled, axis=1)
        # The mean of the frames' logits is the logits of the mean, but in training every frame has
        # its own mask.
        logits = tf.reduce_mean(self.fc(self.dropout(pooled, training=training)), axis=1)
        return {"logits": logits, "features": features}

    def stage_outputs(self, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        """What every stage gives in evaluation, for inspection and for comparison with other
        implementations.

        Args:
            frames: float32 [B, T, H, W, 3], normalised RGB.

        Returns:
            "conv1" (before normalisation), "maxpool", "layer1" ... "layer4": float [B * T, h, w,
            c]; "pooled": float32 [B, T, feature_dim].
        """
        return self._backbone(frames, training=False)

    def _backbone(self, frames: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        if not self.built:
            self.build()
        if self.input_kind == "rgb_diff":
            frames = append_frame_difference(frames)
        shape = tf.shape(frames)
        num_frames = frames.shape[1] or shape[1]
        x = tf.reshape(frames, tf.concat([[-1], shape[2:]], axis=0))
        x = tf.ensure_shape(x, [None, *frames.shape[2:]])
        outputs = {"conv1": self.conv1(x)}
        outputs["maxpool"] = x = max_pool(tf.nn.relu(self.bn1(outputs["conv1"], training=training)))
        for number, stage in enumerate(self.stages, start=1):
            for block in stage:
                x = block(x, num_frames=num_frames, training=training)
            outputs[f"layer{number}"] = x
        pooled = tf.reduce_mean(tf.cast(x, tf.float32), axis=[1, 2])
        outputs["pooled"] = tf.reshape(pooled, tf.stack([-1, num_frames, self.feature_dim]))
        return outputs

    def parameter_roles(self) -> dict[str, str]:
        """Role of every trainable variable, by its `path`: "conv", "bn", "fc_kernel" or "fc_bias"."""
        roles = {
            variable.path: "conv" if variable.name == "kernel" else "bn"
            for variable in self.trainable_variables
        }
        return roles | {self.fc.kernel.path: "fc_kernel", self.fc.bias.path: "fc_bias"}

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = {
            "num_classes": self.num_classes,
            "depth": self.depth,
            "width": self.width,
            "input": self.input_kind,
            "shift_div": self.shift_div,
            "dropout": self.dropout_rate,
            "sync_batch_norm": self.sync_batch_norm,
        }
        return {**super().get_config(), **own}


def _check_arguments(
    num_classes: int, depth: int, width: float, input: str, shift_div: int, dropout: float
) -> None:
    if num_classes < 1:
        raise InputError(f"num_classes is {num_classes}; a classifier needs at least 1 class.")
    if depth not in STAGES:
        raise InputError(f"model.depth is {depth}; choose one of {sorted(STAGES)}.")
    if input not in INPUT_CHANNELS:
        raise InputError(f"model.input is {input!r}; choose one of {sorted(INPUT_CHANNELS)}.")
    if not 0 <= dropout < 1:
        raise InputError(f"model.dropout is {dropout}; it must be at least 0 and below 1.")
    if shift_div < 2 or round(64 * width) < shift_div:
        raise InputError(
            f"model.shift_div {shift_div} with model.width {width} leaves no channels to shift: "
            f"shift_div must be from 2 to 64 * width."
        )
