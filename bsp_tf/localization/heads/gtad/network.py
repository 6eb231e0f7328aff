"""G-TAD: Sub-Graph Localization for Temporal Action Detection (Xu et al., arXiv 1911.11462)."""

from typing import Any

import keras
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.gtad.graph import GCNeXt, MapConv, SequenceConv
from bsp_tf.localization.heads.gtad.sgalign import SGAlign


class GTAD(keras.Model):
    """Snippet features -> start and end probability of each position, two scores of each anchor.

    stem (k3 in groups, ReLU) -> GCNeXt = base -> GCNeXt = graph -> SGAlign -> 1x1 convolutions ->
                                      map base -> GCNeXt -> 1x1 -> start (and the same again -> end)

    Args:
        feature_dim: C; a multiple of `stem_groups`.
        num_segments: T, positions a video.
        max_duration: D, longest anchor in segments.
        base_width: Channels of base and graph.
        branch_width: Channels inside a GCNeXt branch; a multiple of `groups`.
        map_widths: Outputs of the convolution after the alignment, and of the three after that.
        map_kernel: Size of the last two of those three over the map: 1 (ActivityNet) or odd, 3 for
            THUMOS14; above 1 also reaches cells of anchors that end after the video, and zeros
            around the map.
        groups: Groups of the middle convolution of a GCNeXt branch.
        stem_groups: Groups of the stem.
        neighbours: Nearest neighbours a node, itself included.
        inner_bins, context_bins: See SGAlign.

    Call: features float32 [B, T, C] -> dict of float32 probabilities in (0, 1):
        start, end: [B, T].
        map: [B, 2, D, T], rows = duration index (anchor [s, s + d + 1] in segments), columns =
            start s; channel 0 = regressed tIoU, channel 1 = classification. Cells with s + d >= T
            mean nothing.

    Raises:
        InputError: feature_dim is no multiple of stem_groups, map_kernel is even, or the input's
            last two sizes are not [T, C].
    """

    def __init__(
        self,
        feature_dim: int,
        num_segments: int = 100,
        max_duration: int = 100,
        base_width: int = 256,
        branch_width: int = 128,
        map_widths: tuple[int, int] = (512, 128),
        map_kernel: int = 1,
        groups: int = 32,
        stem_groups: int = 4,
        neighbours: int = 3,
        inner_bins: int = 32,
        context_bins: int = 4,
        name: str = "gtad",
        **kwargs,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if feature_dim % stem_groups:
            raise InputError(
                f"the features have {feature_dim} channels, which is no multiple of stem_groups = "
                f"{stem_groups}: set stem_groups to a divisor."
            )
        if map_kernel < 1 or map_kernel % 2 == 0:
            raise InputError(
                f"map_kernel must be odd, so that the map keeps its size, got {map_kernel}."
            )
        self.sizes: dict[str, Any] = {
            "feature_dim": feature_dim,
            "num_segments": num_segments,
            "max_duration": max_duration,
            "base_width": base_width,
            "branch_width": branch_width,
            "map_widths": tuple(map_widths),
            "map_kernel": map_kernel,
            "groups": groups,
            "stem_groups": stem_groups,
            "neighbours": neighbours,
            "inner_bins": inner_bins,
            "context_bins": context_bins,
        }
        block = {"width": branch_width, "groups": groups, "neighbours": neighbours}
        self.stem = SequenceConv(base_width, 3, stem_groups, name="stem")
        self.base_block = GCNeXt(**block, name="base_block")
        self.graph_block = GCNeXt(**block, name="graph_block")
        self.start_block, self.start_score = (
            GCNeXt(**block, name="start_block"),
            SequenceConv(1, name="start_score"),
        )
        self.end_block, self.end_score = (
            GCNeXt(**block, name="end_block"),
            SequenceConv(1, name="end_score"),
        )
        self.align = SGAlign(
            map_widths[0],
            num_segments,
            max_duration,
            inner_bins,
            context_bins,
            neighbours,
            name="align",
        )
        # One attribute each: tf.train.Checkpoint silently passes over layers in lists.
        self.map_conv_0 = SequenceConv(map_widths[1], name="map_conv_0")
        self.map_conv_1 = _map_conv(map_widths[1], map_kernel, name="map_conv_1")
        self.map_conv_2 = _map_conv(map_widths[1], map_kernel, name="map_conv_2")
        self.map_score = SequenceConv(2, name="map_score")

    def build(self, input_shape: tuple | None = None) -> None:
        base = (None, self.sizes["num_segments"], self.sizes["base_width"])
        first, then = self.sizes["map_widths"]
        self.stem.build((*base[:2], self.sizes["feature_dim"]))
        for layer in (
            self.base_block,
            self.graph_block,
            self.start_block,
            self.end_block,
            self.start_score,
            self.end_score,
            self.align,
        ):
            layer.build(base)
        self.map_conv_0.build((None, first))
        for layer in (self.map_conv_1, self.map_conv_2, self.map_score):
            layer.build((None, None, None, then))
        self.built = True

    def call(self, features: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        expected = (self.sizes["num_segments"], self.sizes["feature_dim"])
        if tuple(features.shape[1:]) != expected:
            raise InputError(
                f"G-TAD expects features [batch, {expected[0]} segments, {expected[1]} channels], "
                f"got {tuple(features.shape)}."
            )
        base = self.base_features(features)
        start = self.start_score(self.start_block(base))
        end = self.end_score(self.end_block(base))
        return {
            "start": tf.sigmoid(start[..., 0]),
            "end": tf.sigmoid(end[..., 0]),
            "map": tf.transpose(self.map_scores(self.graph_block(base)), [0, 3, 1, 2]),
        }

    def map_scores(self, graph: tf.Tensor) -> tf.Tensor:
        """float32 [B, T, base_width] -> float32 [B, D, T, 2], 0..1: SGAlign and the map head."""
        return self.align(graph, head=self._map_head)

    def _map_head(self, anchors: tf.Tensor) -> tf.Tensor:
        """One video: float32 [num_anchors, map_widths[0]] -> float32 [D, T, 2]."""
        anchors = tf.nn.relu(self.map_conv_0(tf.nn.relu(anchors)))
        on_grid = self.sizes["map_kernel"] > 1
        if on_grid:
            anchors = self.align.align_map.to_grid(anchors)[tf.newaxis]
        anchors = tf.nn.relu(self.map_conv_1(anchors))
        anchors = tf.nn.relu(self.map_conv_2(anchors))
        scores = tf.sigmoid(self.map_score(anchors))
        return scores[0] if on_grid else self.align.align_map.to_grid(scores)

    def map_convs(self) -> tuple[keras.layers.Layer, ...]:
        """The hidden convolutions of the map head, in order."""
        return self.map_conv_0, self.map_conv_1, self.map_conv_2

    def base_features(self, features: tf.Tensor) -> tf.Tensor:
        """float32 [B, T, C] -> float32 [B, T, base_width]: stem and first GCNeXt."""
        return self.base_block(tf.nn.relu(self.stem(features)))

    def get_config(self) -> dict:
        return super().get_config() | self.sizes


def _map_conv(width: int, kernel: int, name: str) -> keras.layers.Layer:
    """Convolution width -> width over the map; of size 1 it takes anchors in any order."""
    if kernel == 1:
        return SequenceConv(width, name=name)
    return MapConv(width, kernel, name=name)
