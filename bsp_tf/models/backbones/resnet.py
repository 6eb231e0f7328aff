"""ResNet with torchvision's numerics and names, shifted in its blocks ("blockres").

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, table 1; the stride
sits on the 3x3 convolution of the bottleneck ("v1.5"), as in torchvision. Shifts: Lin, Gan and Han,
"TSM", ICCV 2019: at the entry of every block, of ResNet-101 at the entry of every second.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import keras
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.models.backbones.backbone import Backbone
from bsp_tf.models.backbones.layers import BatchNorm, Conv, Shape, track_for_checkpoints
from bsp_tf.models.temporal_shift import Past, shift_in_time

# Blocks of the four stages, and whether they are bottlenecks (He et al., table 1; 10 is 18 with one
# block a stage).
STAGES = {
    10: ((1, 1, 1, 1), False),
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
}
# With as many blocks in the third stage, every second block of each stage is shifted.
MANY_BLOCKS = 23


class ResNet(Backbone):
    """ResNet-10, 18, 34, 50 or 101.

    Attributes:
        depth: One of STAGES.
        width: Factor on the channels of the stem and all stages.
        feature_dim: 512 * width, 2048 * width with bottlenecks.
    """

    default_sizes: ClassVar[Mapping[str, Any]] = {"depth": 18, "width": 1.0}
    torch_marks = frozenset({"conv1.weight", "layer1.0.conv1.weight", "layer4.0.conv1.weight"})

    def __init__(
        self,
        depth: int,
        width: float,
        *,
        shift_div: int,
        shift: str,
        sync_batch_norm: bool,
        dtype: Any,
    ):
        """Makes the layers.

        Raises:
            InputError: there is no such depth.
        """
        if depth not in STAGES:
            raise InputError(f"model.depth is {depth}; choose one of {sorted(STAGES)}.")
        self.depth, self.width = depth, width
        counts, bottleneck = STAGES[depth]
        shift_every = 2 if counts[2] >= MANY_BLOCKS else 1
        stem = round(64 * width)
        self.conv1 = Conv(stem, 7, 2, name="conv1", dtype=dtype)
        self.bn1 = BatchNorm(sync_batch_norm, name="bn1", dtype=dtype)
        self.blocks: list[ResidualBlock] = []
        self.shifts = {}
        channels = stem
        for stage, count in enumerate(counts):
            for number in range(count):
                shifted = number % shift_every == 0
                block = ResidualBlock(
                    round(64 * 2**stage * width),
                    2 if stage and not number else 1,
                    shift_div if shifted else None,
                    bottleneck,
                    sync_batch_norm,
                    shift,
                    name=f"layer{stage + 1}.{number}",
                    dtype=dtype,
                )
                if shifted:
                    self.shifts[f"{block.name}.conv1"] = channels
                channels = block.filters
                self.blocks.append(block)
        self.feature_dim = channels
        self.layers = [self.conv1, self.bn1, *self.blocks]

    def __call__(
        self,
        frames: tf.Tensor,
        num_frames: int | tf.Tensor,
        training: bool,
        past: Past | None = None,
    ) -> dict[str, tf.Tensor]:
        """Stages "conv1" (before normalisation), "maxpool", "layer1" ... "layer4"."""
        outputs = {"conv1": self.conv1(frames)}
        x = max_pool(tf.nn.relu(self.bn1(outputs["conv1"], training=training)))
        outputs["maxpool"] = x
        for block in self.blocks:
            before = past.exchange(f"{block.name}.conv1", x) if past else None
            x = block(x, num_frames=num_frames, training=training, before=before)
            outputs[block.name.partition(".")[0]] = x
        return outputs

    def normalised(self) -> Iterator[tuple[Conv, BatchNorm]]:
        """The stem's, and those of the blocks."""
        yield self.conv1, self.bn1
        for block in self.blocks:
            yield from zip(block.convs, block.norms, strict=True)
            if block.project:
                yield block.downsample_conv, block.downsample_norm

    @classmethod
    def torch_sizes(cls, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        """Depth and width; see Backbone."""
        found = [re.fullmatch(r"layer([1-4])\.(\d+)\.conv1\.weight", name) for name in shapes]
        stages = [int(match[1]) for match in found if match]
        counts = tuple(stages.count(stage) for stage in range(1, 5))
        bottleneck = "layer1.0.conv3.weight" in shapes
        depths = [depth for depth, known in STAGES.items() if known == (counts, bottleneck)]
        if not depths:
            kind = "bottleneck" if bottleneck else "basic"
            raise InputError(
                f"these are weights of a ResNet with {counts} {kind} blocks in its stages; those "
                f"of ResNet-{', '.join(map(str, STAGES))} can be imported."
            )
        if shapes["conv1.weight"][1:] != (3, 7, 7):
            raise InputError(
                f"conv1.weight has shape {shapes['conv1.weight']}: only networks of single RGB "
                "frames, (64, 3, 7, 7), can be imported."
            )
        return {"depth": depths[0], "width": shapes["layer4.0.conv1.weight"][0] / 512}


class ResidualBlock(keras.layers.Layer):
    """relu(branch(x) + identity(x)); the branch begins with the temporal shift.

    Shifting the branch only ("residual TSM", Lin et al., section 3.2) keeps the frame's own
    features on the identity.

    Attributes:
        filters: Channels that leave the block.
    """

    def __init__(
        self,
        planes: int,
        stride: int,
        shift_div: int | None,
        bottleneck: bool,
        sync_batch_norm: bool = True,
        shift: str = "both",
        **kwargs: Any,
    ):
        """Makes the layers.

        Args:
            planes: Channels inside; a bottleneck (1x1, 3x3, 1x1) ends with four times as many.
            stride: Of the 3x3 convolution (the first one, if there are two).
            shift_div: See `temporal_shift`; None: no shift.
            bottleneck: Whether it is one, or two 3x3 convolutions.
            sync_batch_norm: See BatchNorm.
            shift: One of SHIFTS.
            **kwargs: Of keras.layers.Layer.
        """
        super().__init__(**kwargs)
        self.planes = planes
        self.stride = stride
        self.shift_div = shift_div
        self.shift = shift
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

    def build(self, input_shape: Shape) -> None:
        """Makes all weights; the identity gets a 1x1 convolution only where the shape changes."""
        super().build(input_shape)
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
        self,
        inputs: tf.Tensor,
        num_frames: int | tf.Tensor,
        training: bool = False,
        before: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Float [N, H, W, C] -> [N, ceil(H / stride), ceil(W / stride), filters], N a multiple of
        `num_frames`; `before` as of `shift_from_past`.
        """
        outputs = inputs
        if self.shift_div is not None:
            outputs = shift_in_time(inputs, num_frames, self.shift_div, self.shift, before)
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if i:
                outputs = tf.nn.relu(outputs)
            outputs = norm(conv(outputs), training=training)
        identity = inputs
        if self.project:
            identity = self.downsample_norm(self.downsample_conv(inputs), training=training)
        return tf.nn.relu(outputs + identity)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
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
            "shift": self.shift,
        }
        return {**super().get_config(), **own}


def max_pool(inputs: tf.Tensor) -> tf.Tensor:
    """3x3 max-pool, stride 2, one row of padding on every side, of values >= 0 (after a ReLU).

    Float [N, H, W, C] -> float [N, ceil(H / 2), ceil(W / 2), C].
    """
    # Zero is as low as any value here, so that zero padding is the same as padding with minus
    # infinity.
    return tf.nn.max_pool2d(tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID")
