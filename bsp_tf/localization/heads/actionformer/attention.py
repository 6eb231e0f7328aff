"""Attention over time: every position sees its neighbours, or all positions.

With a window no [T, T] matrix is made: positions are cut into blocks, and each block is compared
with itself and the neighbours it reaches.
"""

import math

import keras
import tensorflow as tf

from bsp_tf.localization.heads.actionformer.layers import ChannelNorm, Conv, DepthwiseConv

# Smallest block: products of smaller ones cost more to start than to compute.
BLOCK = 32
# A score whose weight is 0 in float32, and of which softmax makes no NaN where all are hidden.
HIDDEN = -1e9


def full_attention(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, inside: tf.Tensor
) -> tf.Tensor:
    """Every position sees all that lie inside: float32 [B, T, heads, C / heads].

    Args:
        query, key, value: float32 [B, T, heads, C / heads]; the query is scaled already.
        inside: float32 [B, T, 1]: 1 where a position may be seen.
    """
    scores = tf.einsum("bqhc,bkhc->bhqk", query, key)
    seen = tf.transpose(inside, [0, 2, 1])[:, :, tf.newaxis] > 0
    weights = tf.nn.softmax(tf.where(seen, scores, HIDDEN))
    return tf.einsum("bhqk,bkhc->bqhc", weights, value)


def window_attention(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, inside: tf.Tensor, reach: int
) -> tf.Tensor:
    """Every position sees those at most `reach` away: float32 [B, T, heads, C / heads].

    Arguments as for `full_attention`; `reach` is at least 1.
    """
    length, heads, width = query.shape[1:]
    size = max(BLOCK, 2 * reach)
    count = math.ceil(length / size)
    after = count * size - length
    queries = tf.reshape(
        tf.pad(query, [[0, 0], [0, after], [0, 0], [0, 0]]), [-1, count, size, heads, width]
    )

    def reached(values: tf.Tensor) -> tf.Tensor:
        """[B, T, ...] -> [B, blocks, size + 2 reach, ...]: each block and its neighbours."""
        margins = [reach, after + size - reach]
        rest = list(values.shape[2:])
        padded = tf.pad(values, [[0, 0], margins, *[[0, 0] for _ in rest]])
        blocks = tf.reshape(padded, [-1, count + 1, size, *rest])
        return tf.concat([blocks[:, :-1], blocks[:, 1:, : 2 * reach]], 2)

    scores = tf.einsum("bnqhc,bnkhc->bnhqk", queries, reached(key))
    # Key k of a block lies k - reach behind the first query of the block.
    distance = tf.range(size + 2 * reach)[tf.newaxis] - reach - tf.range(size)[:, tf.newaxis]
    inside = tf.transpose(reached(inside), [0, 1, 3, 2])[:, :, :, tf.newaxis]
    seen = tf.logical_and(tf.abs(distance) <= reach, inside > 0)
    weights = tf.nn.softmax(tf.where(seen, scores, HIDDEN))
    mixed = tf.einsum("bnhqk,bnkhc->bnqhc", weights, reached(value))
    return tf.reshape(mixed, [-1, count * size, heads, width])[:, :length]


class Attention(keras.layers.Layer):
    """Multi-head attention whose queries, keys and values come out of depthwise convolutions.

    Args:
        width: C, a multiple of `num_heads`.
        num_heads: Heads; each owns C / num_heads channels in a row.
        window: Positions that each sees, itself in the middle; up to 1: all.
        stride: Of the three depthwise convolutions.

    Call: float32 [B, T, C], `inside` float32 [B, ceil(T / stride), 1] of the positions that come
        out -> float32 [B, ceil(T / stride), C], zeros outside.
    """

    def __init__(self, width: int, num_heads: int, window: int, stride: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.width, self.num_heads, self.window, self.stride = width, num_heads, window, stride
        self.query_conv, self.key_conv, self.value_conv = (
            DepthwiseConv(stride, name=f"{part}_conv") for part in ("query", "key", "value")
        )
        self.query_norm, self.key_norm, self.value_norm = (
            ChannelNorm(name=f"{part}_norm") for part in ("query", "key", "value")
        )
        self.query, self.key, self.value, self.proj = (
            Conv(width, 1, bias=0.0, name=part) for part in ("query", "key", "value", "proj")
        )

    def build(self, input_shape: tuple) -> None:
        for layer in (
            *(self.query_conv, self.key_conv, self.value_conv),
            *(self.query_norm, self.key_norm, self.value_norm),
            *(self.query, self.key, self.value, self.proj),
        ):
            layer.build((None, None, self.width))
        self.built = True

    def call(self, values: tf.Tensor, inside: tf.Tensor) -> tf.Tensor:
        query = self.query(self.query_norm(self.query_conv(values) * inside))
        key = self.key(self.key_norm(self.key_conv(values) * inside))
        value = self.value(self.value_norm(self.value_conv(values) * inside))
        query *= 1 / math.sqrt(self.width // self.num_heads)
        length = query.shape[1]
        shape = [-1, length, self.num_heads, self.width // self.num_heads]
        query, key, value = (tf.reshape(part, shape) for part in (query, key, value))
        reach = self.window // 2
        # Where the window spans the whole sequence anyway, there is nothing to cut.
        if reach == 0 or reach >= length - 1:
            mixed = full_attention(query, key, value, inside)
        else:
            mixed = window_attention(query, key, value, inside, reach)
        return self.proj(tf.reshape(mixed, [-1, length, self.width])) * inside

    def get_config(self) -> dict:
        return super().get_config() | {
            "width": self.width,
            "num_heads": self.num_heads,
            "window": self.window,
            "stride": self.stride,
        }
