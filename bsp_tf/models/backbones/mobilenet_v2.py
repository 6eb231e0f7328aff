"""MobileNetV2 with PyTorch's numerics, shifted where a block has an expansion and a sum.

Source: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table
2; the shifts are those of the TSM code (Lin, Gan and Han, ICCV 2019). Keras' own MobileNetV2 pads
otherwise at stride 2 and has another epsilon. Layers are called as in TSM's checkpoints.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

import keras
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.models.backbones.backbone import Backbone
from bsp_tf.models.backbones.layers import (
    BatchNorm,
    Conv,
    DepthwiseConv,
    Shape,
    track_for_checkpoints,
)
from bsp_tf.models.temporal_shift import Past, shift_in_time

STEM = 32
# Expansion, channels, blocks, stride of the first block.
GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
FEATURES = 1280
_LAST_PROJECTION = "features.17.conv.6.weight"
_NESTED = re.compile(r"(features\.(\d+)\.conv)\.(\d)(?:\.([01]))?\.(\w+)")


class MobileNetV2(Backbone):
    """MobileNetV2.

    Attributes:
        width: Factor on the channels, each then rounded up to a multiple of 8; the first two layers
            keep theirs, the last one gets no fewer than 1,280.
        feature_dim: 1,280 up to width 1.
    """

    default_sizes: ClassVar[Mapping[str, Any]] = {"width": 1.0}
    torch_marks = frozenset({"features.0.0.weight", "features.18.0.weight"})

    def __init__(
        self, width: float, *, shift_div: int, shift: str, sync_batch_norm: bool, dtype: Any
    ):
        """Makes the layers.

        Raises:
            InputError: the width is not above 0.
        """
        if not width > 0:
            raise InputError(f"model.width is {width}; it must be above 0.")
        self.width = width
        self.shifts = {}
        common = {"sync_batch_norm": sync_batch_norm, "dtype": dtype}
        self.layers = [ConvBlock(STEM, 3, 2, name="features.0", **common)]
        channels = STEM
        for expansion, wanted, count, first_stride in GROUPS:
            filters = _multiple_of_8(wanted * width) if expansion > 1 else wanted
            for number in range(count):
                block = InvertedResidual(
                    channels,
                    filters,
                    1 if number else first_stride,
                    expansion,
                    shift_div,
                    shift,
                    name=f"features.{len(self.layers)}",
                    **common,
                )
                if block.shifted:
                    self.shifts[f"{block.name}.conv.0"] = channels
                channels = filters
                self.layers.append(block)
        self.feature_dim = _multiple_of_8(FEATURES * max(width, 1.0))
        name = f"features.{len(self.layers)}"
        self.layers.append(ConvBlock(self.feature_dim, 1, 1, name=name, **common))

    def __call__(
        self,
        frames: tf.Tensor,
        num_frames: int | tf.Tensor,
        training: bool,
        past: Past | None = None,
    ) -> dict[str, tf.Tensor]:
        """Stages "features.0" ... "features.18"."""
        outputs, x = {}, frames
        for layer in self.layers:
            before = past.exchange(f"{layer.name}.conv.0", x) if past else None
            x = layer(x, num_frames=num_frames, training=training, before=before)
            outputs[layer.name] = x
        return outputs

    def normalised(self) -> Iterator[tuple[Conv | DepthwiseConv, BatchNorm]]:
        """Those of all layers, in their order."""
        first, *blocks, last = self.layers
        yield first.conv, first.norm
        for block in blocks:
            yield from zip(block.convs, block.norms, strict=True)
        yield last.conv, last.norm

    @classmethod
    def torch_names(cls, names: Collection[str]) -> dict[str, str]:
        """Names of torchvision, which nests convolution and statistics, or of TSM as they are.

        "features.2.conv.1.0.weight" (depthwise) -> "features.2.conv.3.weight".
        """
        found = {name: _NESTED.fullmatch(name) for name in names}
        if not any(match and match[4] for match in found.values()):
            return {name: name for name in names}
        return {name: _unnested(match) if match else name for name, match in found.items()}

    @classmethod
    def torch_sizes(cls, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        """Width; see Backbone."""
        first, last = shapes["features.0.0.weight"], shapes.get(_LAST_PROJECTION, ())
        if len(last) != 4:
            raise InputError(f"these are no weights of a MobileNetV2: {_LAST_PROJECTION} {last}.")
        if first[1:] != (3, 3, 3):
            raise InputError(
                f"features.0.0.weight has shape {first}: only networks of single RGB frames, "
                "(32, 3, 3, 3), can be imported."
            )
        return {"width": last[0] / GROUPS[-1][1]}


def _multiple_of_8(channels: float) -> int:
    """Rounded up, as in the TSM code; torchvision rounds to the nearest."""
    return math.ceil(channels / 8) * 8


def _unnested(match: re.Match) -> str:
    """Torchvision's name, where convolution, statistics and ReLU6 are one module -> TSM's."""
    prefix, block, step, inner, leaf = match.groups()
    if inner is not None:
        return f"{prefix}.{3 * int(step) + int(inner)}.{leaf}"
    # The projection and its statistics come after one module in the first block, else after two.
    modules = 1 if block == "1" else 2
    return f"{prefix}.{2 * modules + int(step)}.{leaf}"


class ConvBlock(keras.layers.Layer):
    """relu6(norm(conv(x))): the first and the last layer."""

    def __init__(
        self, filters: int, kernel_size: int, stride: int, sync_batch_norm: bool, **kwargs: Any
    ):
        """Makes the layers; see Conv and BatchNorm."""
        super().__init__(**kwargs)
        dtype = self.dtype_policy
        self.conv = Conv(filters, kernel_size, stride, name="0", dtype=dtype)
        self.norm = BatchNorm(sync_batch_norm, name="1", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        """Makes all weights."""
        super().build(input_shape)
        self.conv.build(input_shape)
        self.norm.build(self.conv.compute_output_shape(input_shape))

    def call(
        self,
        inputs: tf.Tensor,
        num_frames: int | tf.Tensor,
        training: bool = False,
        before: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Float [N, H, W, C] -> float [N, ceil(H / stride), ceil(W / stride), filters]."""
        del num_frames, before
        return tf.nn.relu6(self.norm(self.conv(inputs), training=training))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape after `call`."""
        return self.conv.compute_output_shape(input_shape)


class InvertedResidual(keras.layers.Layer):
    """Expansion (1x1), depthwise 3x3, projection (1x1) without ReLU; a sum where shapes agree.

    Attributes:
        residual: Whether the input is added.
        shifted: Whether the expansion sees the input shifted in time; the sum never does.
    """

    def __init__(
        self,
        inputs: int,
        filters: int,
        stride: int,
        expansion: int,
        shift_div: int,
        shift: str,
        sync_batch_norm: bool,
        **kwargs: Any,
    ):
        """Makes the layers, called as in the TSM code: "conv.0", "conv.1", "conv.3", ...

        Args:
            inputs: Channels that enter the block.
            filters: Channels that leave it.
            stride: Of the depthwise convolution.
            expansion: Channels inside, as a multiple of `inputs`; 1: the first 1x1 is left out.
            shift_div: See `temporal_shift`.
            shift: One of SHIFTS.
            sync_batch_norm: See BatchNorm.
            **kwargs: Of keras.layers.Layer.
        """
        super().__init__(**kwargs)
        self.shift_div, self.shift = shift_div, shift
        self.residual = stride == 1 and inputs == filters
        self.shifted = self.residual and expansion > 1
        layers: list[keras.layers.Layer] = []
        dtype = self.dtype_policy

        def add(kind: type[keras.layers.Layer], *arguments: int) -> None:
            number = 3 * len(layers) // 2
            layers.append(kind(*arguments, name=f"conv.{number}", dtype=dtype))
            name = f"conv.{number + 1}"
            layers.append(BatchNorm(sync_batch_norm, name=name, dtype=dtype))

        if expansion > 1:
            add(Conv, inputs * expansion, 1)
        add(DepthwiseConv, 3, stride)
        add(Conv, filters, 1)
        # First, and so in this order: that of a Keras 2 layer's variables follows its attributes.
        track_for_checkpoints(self, layers)
        self.convs, self.norms = layers[::2], layers[1::2]

    def build(self, input_shape: Shape) -> None:
        """Makes all weights."""
        super().build(input_shape)
        shape = tuple(input_shape)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            conv.build(shape)
            shape = conv.compute_output_shape(shape)
            norm.build(shape)

    def call(
        self,
        inputs: tf.Tensor,
        num_frames: int | tf.Tensor,
        training: bool = False,
        before: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Float [N, H, W, inputs] -> float [N, ceil(H / stride), ceil(W / stride), filters]."""
        x = inputs
        if self.shifted:
            x = shift_in_time(x, num_frames, self.shift_div, self.shift, before)
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = norm(conv(tf.nn.relu6(x) if i else x), training=training)
        return x + inputs if self.residual else x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape after `call`."""
        shape = tuple(input_shape)
        for conv in self.convs:
            shape = conv.compute_output_shape(shape)
        return shape
