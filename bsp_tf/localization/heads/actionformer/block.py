"""The transformer block of ActionFormer, and the drawing of which blocks are passed over."""

import keras
import tensorflow as tf

from bsp_tf.localization.heads.actionformer.attention import Attention
from bsp_tf.localization.heads.actionformer.layers import (
    ChannelNorm,
    Conv,
    Scale,
    gelu,
    max_pool,
)

# Width inside the two-layer perceptron, as a multiple of the block's.
EXPANSION = 4
# What the learned scales of both branches start as: a new network passes its input on.
BRANCH_SCALE = 1e-4


class Block(keras.layers.Layer):
    """x' = pool(x) + attention(norm(x)); x' + perceptron(norm(x')), each branch scaled.

    Args:
        width: C.
        num_heads, window: See `Attention`.
        stride: 1; or 2, which halves the sequence.
        scaled: Whether each branch has learned scales.

    Call: float32 [B, T, C]; `inside` float32 [B, ceil(T / stride), 1] of the positions that come
        out; `keep` float32 [B, 2], factors of the two branches, None: 1 -> float32
        [B, ceil(T / stride), C], zeros outside.
    """

    def __init__(
        self, width: int, num_heads: int, window: int, stride: int, scaled: bool, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.width, self.stride, self.scaled = width, stride, scaled
        self.ln1, self.ln2 = ChannelNorm(name="ln1"), ChannelNorm(name="ln2")
        self.attn = Attention(width, num_heads, window, stride, name="attn")
        self.mlp_in = Conv(EXPANSION * width, 1, bias=0.0, name="mlp_in")
        self.mlp_out = Conv(width, 1, bias=0.0, name="mlp_out")
        if scaled:
            self.attn_scale = Scale(BRANCH_SCALE, True, name="attn_scale")
            self.mlp_scale = Scale(BRANCH_SCALE, True, name="mlp_scale")

    def build(self, input_shape: tuple) -> None:
        shape = (None, None, self.width)
        for layer in (self.ln1, self.ln2, self.attn, self.mlp_in):
            layer.build(shape)
        self.mlp_out.build((None, None, EXPANSION * self.width))
        if self.scaled:
            self.attn_scale.build(shape)
            self.mlp_scale.build(shape)
        self.built = True

    def call(
        self, values: tf.Tensor, inside: tf.Tensor, keep: tf.Tensor | None = None
    ) -> tf.Tensor:
        attended = self.attn(self.ln1(values), inside)
        passed = values if self.stride == 1 else max_pool(values)
        values = passed * inside + self._branch(attended, keep, 0)
        hidden = gelu(self.mlp_in(self.ln2(values)))
        return values + self._branch(self.mlp_out(hidden) * inside, keep, 1)

    def _branch(self, values: tf.Tensor, keep: tf.Tensor | None, which: int) -> tf.Tensor:
        if self.scaled:
            values = (self.attn_scale if which == 0 else self.mlp_scale)(values)
        return values if keep is None else values * keep[:, which, tf.newaxis, tf.newaxis]

    def get_config(self) -> dict:
        return super().get_config() | {
            "width": self.width,
            "num_heads": self.attn.num_heads,
            "window": self.attn.window,
            "stride": self.stride,
            "scaled": self.scaled,
        }


def draw_keeps(seed: tf.Tensor, count: tf.Tensor, num_blocks: int, rate: float) -> tf.Tensor:
    """Factors of the branches of blocks in training, float32 [count, num_blocks, 2].

    Args:
        seed: int64 [2].
        count: int32 [], examples.
        num_blocks: Of the network.
        rate: Probability in [0, 1) that a branch is passed over (factor 0); the others get
            1 / (1 - rate).
    """
    drawn = tf.random.stateless_uniform(tf.stack([count, num_blocks, 2]), seed)
    return tf.cast(drawn >= rate, tf.float32) / (1 - rate)
