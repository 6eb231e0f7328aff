"""TSM: a 2-d network over the frames of a clip, with temporal shifts inside its blocks.

Source: Lin, Gan and Han, "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV 2019
(1/8 of the channels in each direction, mean of the frames' logits; where the shifts sit is the
backbone's).
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.stack import fresh_seed, named_variables
from bsp_tf.models.backbones import Backbone, backbone_class
from bsp_tf.models.backbones.layers import Shape, track_for_checkpoints
from bsp_tf.models.place_map import PLACES
from bsp_tf.models.seeded_dropout import SeededDropout
from bsp_tf.models.temporal_shift import SHIFTS

INPUT_CHANNELS = {"rgb": 3, "rgb_diff": 6}
# One frame step moves the normalised pixels little; tripled, the difference is on their scale.
DIFFERENCE_SCALE = 3.0


def append_frame_difference(frames: tf.Tensor) -> tf.Tensor:
    """Appends 3 * (x_t - x_(t-1)) as further channels; the first frame's difference is 0.

    Source: the RGB difference input of Wang et al., "Temporal Segment Networks", ECCV 2016,
    section 3.2.

    Args:
        frames: float [B, T, H, W, C].

    Returns:
        float [B, T, H, W, 2C], the frames first.
    """
    difference = DIFFERENCE_SCALE * (frames[:, 1:] - frames[:, :-1])
    difference = tf.pad(difference, [[0, 0], [1, 0], [0, 0], [0, 0], [0, 0]])
    return tf.concat([frames, difference], axis=-1)


@keras.saving.register_keras_serializable(package="bsp_tf")
class TSM(keras.Model):
    """Clip classifier and feature extractor.

    Works for any number of frames and any frame size of at least 32 pixels; all may differ from
    call to call.

    >>> import tensorflow as tf
    >>> model = TSM(num_classes=4, backbone="resnet", depth=18, width=0.25)
    >>> outputs = model(tf.zeros([2, 8, 64, 64, 3]))
    >>> {name: tuple(values.shape) for name, values in sorted(outputs.items())}
    {'features': (2, 128), 'logits': (2, 4)}

    Attributes:
        backbone: The 2-d network; its layers are attributes of the model, too.
        feature_dim: Length of the feature vector: channels that leave the backbone.
    """

    def __init__(
        self,
        num_classes: int,
        backbone: str = "resnet",
        input: str = "rgb",
        shift_div: int = 8,
        dropout: float = 0.5,
        sync_batch_norm: bool = True,
        place: str = "none",
        num_actions: int = 0,
        shift: str = "both",
        *,
        name: str = "tsm",
        dtype: Any = None,
        trainable: bool = True,
        **sizes: Any,
    ):
        """Makes the model; variables exist after `build()` or the first call.

        Args:
            num_classes: K, at least 1.
            backbone: Name in BACKBONES.
            input: "rgb", or "rgb_diff" to append the frame difference as three more channels.
            shift_div: 1 / shift_div of the channels moves in each direction of time.
            dropout: Rate before the classifier, in [0, 1).
            sync_batch_norm: Whether several replicas normalise by the statistics of their common
                batch in training.
            place: "heatmap" or "frames" for a head that places a boundary (`place_map`); "none".
            num_actions: Classes of a second classifier, of the actions, beside one of boundary
                types; 0 for none.
            shift: "both", or "past": no frame's answer depends on a later frame, see `online`.
            name, dtype, trainable: Of keras.Model.
            **sizes: What the backbone takes (`default_sizes`): a ResNet `depth` and `width`.

        Raises:
            InputError: a value is outside its range, or too few channels are left to shift.
        """
        # Layers cast their inputs, not the model: frame differences in bfloat16 have two digits.
        super().__init__(autocast=False, name=name, dtype=dtype, trainable=trainable)
        _check_arguments(num_classes, input, dropout, place, shift)
        self.num_classes = num_classes
        self.backbone_name = backbone
        self.input_kind = input
        self.shift_div = shift_div
        self.shift = shift
        self.dropout_rate = dropout
        self.sync_batch_norm = sync_batch_norm
        self.place_kind = place
        self.num_actions = num_actions
        self.backbone = _make_backbone(
            backbone, sizes, shift_div, shift, sync_batch_norm, self.dtype_policy
        )
        track_for_checkpoints(self, self.backbone.layers)
        self.feature_dim = self.backbone.feature_dim
        self.dropout = SeededDropout(dropout, name="dropout", dtype="float32")
        # Float32 in mixed precision too: small logits are where half precision hurts.
        self.fc = keras.layers.Dense(
            num_classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001, seed=fresh_seed()),
            name="fc",
            dtype="float32",
        )
        self.place = _second_head("place", 1) if place != "none" else None
        self.action = _second_head("action", num_actions) if num_actions else None

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes all variables; none of their shapes depends on `input_shape`."""
        shape: Shape = (None, None, None, INPUT_CHANNELS[self.input_kind])
        for layer in self.backbone.layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.dropout.build((None, self.feature_dim))
        self.fc.build((None, self.feature_dim))
        for head in filter(None, (self.place, self.action)):
            head.build((None, self.feature_dim))
        self.built = True

    def call(self, frames: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Classifies clips.

        Args:
            frames: float32 [B, T, H, W, 3], normalised RGB.
            training: Whether to drop out and to use and gather batch statistics.

        Returns:
            "logits": float32 [B, K], the mean of the frames' logits; "features": float32
            [B, feature_dim], the mean over T of the pooled vectors, before dropout; with a placing
            head "place": float32 [B, T], its answer to each pooled vector; with a head of the
            actions "action": float32 [B, num_actions], its logits.
        """
        pooled = self._run_backbone(frames, training)["pooled"]
        features = tf.reduce_mean(pooled, axis=1)
        # The mean of the frames' logits is that of the mean, but in training each has its own mask.
        dropped = self.dropout(pooled, training=training)
        logits = tf.reduce_mean(self.fc(dropped), axis=1)
        outputs = {"logits": logits, "features": features}
        if self.place:
            outputs["place"] = tf.squeeze(self.place(pooled), axis=-1)
        if self.action:
            outputs["action"] = tf.reduce_mean(self.action(dropped), axis=1)
        return outputs

    def stage_outputs(self, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        """What every stage gives in evaluation, to look at and to compare with other code.

        Args:
            frames: float32 [B, T, H, W, 3], normalised RGB.

        Returns:
            The stages of the backbone (of a ResNet "conv1", "maxpool", "layer1" ... "layer4"):
            float [B * T, h, w, c]; "pooled": float32 [B, T, feature_dim].
        """
        return self._run_backbone(frames, training=False)

    def _run_backbone(self, frames: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        if not self.built:
            self.build()
        if self.input_kind == "rgb_diff":
            frames = append_frame_difference(frames)
        shape = tf.shape(frames)
        num_frames = frames.shape[1] or shape[1]
        x = tf.reshape(frames, tf.concat([[-1], shape[2:]], axis=0))
        x = tf.ensure_shape(x, [None, *frames.shape[2:]])
        outputs = self.backbone(x, num_frames, training)
        last = next(reversed(outputs.values()))
        pooled = tf.reduce_mean(tf.cast(last, tf.float32), axis=[1, 2])
        outputs["pooled"] = tf.reshape(pooled, tf.stack([-1, num_frames, self.feature_dim]))
        return outputs

    @property
    def description(self) -> str:
        """The network in a few words: "resnet, depth 18, width 1"."""
        sizes = self.backbone.sizes.items()
        return ", ".join([self.backbone_name, *(f"{name} {value:g}" for name, value in sizes)])

    def parameter_roles(self) -> dict[str, str]:
        """Path of every trainable variable -> "conv", "bn", "fc_kernel" or "fc_bias"."""
        head = {
            f"{layer}/{part}": f"fc_{part}"
            for layer in ("fc", "place", "action")
            for part in ("kernel", "bias")
        }
        return {
            path: head.get(path) or self.backbone.roles[path.rpartition("/")[2]]
            for path in named_variables(self, trainable_only=True)
        }

    def get_build_config(self) -> dict[str, Any]:
        """What a `.keras` file keeps for `build_from_config`; Keras 2 wants it not empty."""
        return {"input_shape": None}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Makes all variables before those of a `.keras` file are read."""
        self.build()

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = {
            "num_classes": self.num_classes,
            "backbone": self.backbone_name,
            "input": self.input_kind,
            "shift_div": self.shift_div,
            "shift": self.shift,
            "dropout": self.dropout_rate,
            "sync_batch_norm": self.sync_batch_norm,
            "place": self.place_kind,
            "num_actions": self.num_actions,
        }
        return {**super().get_config(), **own, **self.backbone.sizes}


def _second_head(name: str, units: int) -> keras.layers.Dense:
    # Zeros take no random numbers: the rest begins as it does without this head.
    return keras.layers.Dense(units, kernel_initializer="zeros", name=name, dtype="float32")


def _check_arguments(num_classes: int, input: str, dropout: float, place: str, shift: str) -> None:
    if num_classes < 1:
        raise InputError(f"num_classes is {num_classes}; a classifier needs at least 1 class.")
    if input not in INPUT_CHANNELS:
        raise InputError(f"model.input is {input!r}; choose one of {sorted(INPUT_CHANNELS)}.")
    if not 0 <= dropout < 1:
        raise InputError(f"model.dropout is {dropout}; it must be at least 0 and below 1.")
    if place not in PLACES:
        raise InputError(f"boundary.place is {place!r}; choose one of {', '.join(PLACES)}.")
    if shift not in SHIFTS:
        raise InputError(f"model.shift is {shift!r}; choose one of {', '.join(SHIFTS)}.")


def _make_backbone(
    name: str,
    sizes: Mapping[str, Any],
    shift_div: int,
    shift: str,
    sync_batch_norm: bool,
    dtype: Any,
) -> Backbone:
    kind = backbone_class(name)
    backbone = kind(
        **{**kind.default_sizes, **sizes},
        shift_div=shift_div,
        shift=shift,
        sync_batch_norm=sync_batch_norm,
        dtype=dtype,
    )
    fewest = min(backbone.shifts.values())
    if shift_div < 2 or fewest < shift_div:
        given = ", ".join(f"model.{name}={value}" for name, value in backbone.sizes.items())
        raise InputError(
            f"model.shift_div is {shift_div}; with {given} it must be from 2 to {fewest}, the "
            "fewest channels of which a part is shifted."
        )
    return backbone
