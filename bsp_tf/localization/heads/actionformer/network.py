"""ActionFormer: Localizing Moments of Actions with Transformers (Zhang et al., ECCV 2022)."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.stack import FIRST_REPLICA
from bsp_tf.localization.heads.actionformer.block import Block
from bsp_tf.localization.heads.actionformer.layers import ChannelNorm, Conv, Scale
from bsp_tf.localization.heads.actionformer.necks import NECKS
from bsp_tf.localization.heads.actionformer.predictor import Predictor

# Positions of one level, float32 [B, T_l, C], and which of them lie inside, float32 [B, T_l, 1].
Level = tuple[tf.Tensor, tf.Tensor]
# Longest wavelength of the position encoding, in columns, over 2 pi.
LONGEST_WAVE = 10_000.0
# What all class scores start as: nearly every point is background.
FIRST_SCORE = 0.01


class ActionFormer(keras.Model):
    """Snippet features -> at each point of a pyramid: scores of all classes, distances to the ends.

    convolutions -> blocks -> level 0 -> block, half as long -> level 1 -> ... -> neck -> two
    predictors, shared by all levels

    Args:
        feature_dim: Channels that come in.
        num_classes: K.
        num_segments: Columns in training; the length of the position encoding.
        width: Channels inside, a multiple of `num_heads`.
        num_heads: Heads of each attention.
        embedding_convs: Convolutions before the transformer.
        stem_blocks: Blocks of level 0.
        attention_windows: Positions that each sees, for each level; up to 1: all. As many levels.
        position_encoding: Whether a fixed table of sines is added.
        neck: One of NECKS.
        drop_path: Probability that training passes over a branch; 0: branches have no scales.
        first_normalizer: What `normalizer`, the running mean of positives of a batch, starts as.

    Call: features float32 [B, T, feature_dim], any T, zeros after the end of a video; inside
        float32 [B, T]: 1 up to there, then 0; keep float32 [B, blocks, 2] or None, see
        `draw_keeps` -> dict, for the P points of all levels, one after the other:
        logits: float32 [B, P, K].
        offsets: float32 [B, P, 2], not negative: from the point to start and end, in strides.
        inside: float32 [B, P]: 1 where a point lies in the video.

    Raises:
        InputError: the width is no multiple of num_heads, or the input has other channels.
    """

    def __init__(
        self,
        feature_dim: int,
        num_classes: int,
        num_segments: int,
        width: int,
        num_heads: int,
        embedding_convs: int,
        stem_blocks: int,
        attention_windows: Sequence[int],
        position_encoding: bool,
        neck: str,
        drop_path: float,
        first_normalizer: float = 100.0,
        name: str = "actionformer",
        **kwargs,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if width % num_heads:
            raise InputError(f"width = {width} is no multiple of num_heads = {num_heads}.")
        self.sizes: dict[str, Any] = {
            "feature_dim": feature_dim,
            "num_classes": num_classes,
            "num_segments": num_segments,
            "width": width,
            "num_heads": num_heads,
            "embedding_convs": embedding_convs,
            "stem_blocks": stem_blocks,
            "attention_windows": tuple(attention_windows),
            "position_encoding": position_encoding,
            "neck": neck,
            "drop_path": drop_path,
            "first_normalizer": first_normalizer,
        }
        self.num_levels = len(attention_windows)
        # One attribute each: tf.train.Checkpoint silently passes over layers in lists.
        for number in range(embedding_convs):
            setattr(self, f"embd_{number}", Conv(width, name=f"embd_{number}"))
            setattr(self, f"embd_norm_{number}", ChannelNorm(name=f"embd_norm_{number}"))
        windows = [attention_windows[0]] * stem_blocks + list(attention_windows[1:])
        strides = [1] * stem_blocks + [2] * (self.num_levels - 1)
        for number, (window, stride) in enumerate(zip(windows, strides, strict=True)):
            name = f"block_{number}"
            block = Block(width, num_heads, window, stride, scaled=drop_path > 0, name=name)
            setattr(self, name, block)
        self.num_blocks = len(windows)
        self.neck = NECKS[neck](width, self.num_levels, name="neck")
        background = -math.log((1 - FIRST_SCORE) / FIRST_SCORE)
        self.class_predictor = Predictor(width, num_classes, background, name="class_predictor")
        self.offset_predictor = Predictor(width, 2, 0.0, name="offset_predictor")
        for level in range(self.num_levels):
            setattr(self, f"level_scale_{level}", Scale(1.0, False, name=f"level_scale_{level}"))

    def build(self, input_shape: tuple | None = None) -> None:
        width, channels = self.sizes["width"], self.sizes["feature_dim"]
        for conv, norm in self.embedding():
            conv.build((None, None, channels))
            norm.build((None, None, width))
            channels = width
        for block in self.blocks():
            block.build((None, None, width))
        for layer in (self.neck, self.class_predictor, self.offset_predictor):
            layer.build((None, None, width))
        for level in range(self.num_levels):
            getattr(self, f"level_scale_{level}").build((None, None, 2))
        self.normalizer = self.add_weight(
            name="normalizer",
            shape=(),
            trainable=False,
            initializer=keras.initializers.Constant(self.sizes["first_normalizer"]),
            **FIRST_REPLICA,
        )
        self.built = True

    def call(
        self,
        features: tf.Tensor,
        inside: tf.Tensor,
        keep: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        levels = self.neck(self.backbone(features, inside, keep))
        return {
            "logits": tf.concat([self.class_predictor(*level) for level in levels], 1),
            "offsets": tf.nn.relu(tf.concat(self.distances(levels), 1)),
            "inside": tf.concat([positions[..., 0] for _, positions in levels], 1),
        }

    def backbone(
        self, features: tf.Tensor, inside: tf.Tensor, keep: tf.Tensor | None = None
    ) -> list[Level]:
        """All levels, the finest first; arguments as for a call."""
        if features.shape[-1] != self.sizes["feature_dim"]:
            raise InputError(
                f"ActionFormer expects features of {self.sizes['feature_dim']} channels, got "
                f"{features.shape[-1]}."
            )
        values, inside = features, tf.cast(inside, tf.float32)[..., tf.newaxis]
        for conv, norm in self.embedding():
            values = tf.nn.relu(norm(conv(values) * inside))
        if self.sizes["position_encoding"]:
            length, most = values.shape[1], self.sizes["num_segments"]
            values += position_table(length, most, self.sizes["width"]) * inside
        levels = []
        for number, block in enumerate(self.blocks()):
            inside = inside[:, :: block.stride]
            values = block(values, inside, None if keep is None else keep[:, number])
            if number >= self.sizes["stem_blocks"] - 1:
                levels.append((values, inside))
        return levels

    def distances(self, levels: Sequence[Level]) -> list[tf.Tensor]:
        """Levels of the neck -> float32 [B, T_l, 2] of each: `offsets` that may be negative."""
        return [
            getattr(self, f"level_scale_{number}")(self.offset_predictor(*level))
            for number, level in enumerate(levels)
        ]

    def embedding(self) -> list[tuple[Conv, ChannelNorm]]:
        """The convolutions before the transformer, each with its normalisation."""
        numbers = range(self.sizes["embedding_convs"])
        return [(getattr(self, f"embd_{n}"), getattr(self, f"embd_norm_{n}")) for n in numbers]

    def blocks(self) -> list[Block]:
        """Those of level 0, then one for each further level."""
        return [getattr(self, f"block_{number}") for number in range(self.num_blocks)]

    def get_config(self) -> dict:
        return super().get_config() | self.sizes


@functools.lru_cache(maxsize=4)
def position_table(length: int, most: int, width: int) -> np.ndarray:
    """The position encoding, float32 [length, width]: sines, and cosines in the odd channels.

    Args:
        length: Columns.
        most: Those of the table: longer sequences get it stretched, shorter ones its beginning.
        width: Channels.
    """
    places = np.arange(most, dtype=np.float64)[:, np.newaxis]
    channels = np.arange(width)
    angles = places / LONGEST_WAVE ** (2 * (channels // 2) / width)
    table = np.where(channels % 2 == 0, np.sin(angles), np.cos(angles)) / math.sqrt(width)
    if length <= most:
        return table[:length].astype(np.float32)
    # Rows are taken at the middles of `length` equal parts of the table.
    at = np.clip((np.arange(length) + 0.5) * most / length - 0.5, 0, most - 1)
    below = np.minimum(at.astype(np.int64), most - 2)
    share = (at - below)[:, np.newaxis]
    return (table[below] * (1 - share) + table[below + 1] * share).astype(np.float32)
