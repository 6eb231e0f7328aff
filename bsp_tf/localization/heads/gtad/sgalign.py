"""SGAlign (G-TAD, arXiv 1911.11462, section 3.3) with the 1x1 convolution after it, cheaply.

SGAlign describes each of the T * D anchors by `inner_bins` averages of the node features and
`context_bins` averages of the mean of each node's neighbours; a 1x1 convolution then maps the 9,216
numbers of an anchor to 512. Done in that order, this takes a [B, 10000, 9216] tensor (5.9 GB at
batch 16). Both steps are linear and the first acts on time only, so here the convolution comes
first (node features -> one vector a bin and node) and the constant align map after it, with the
same numbers. Four more savings: only anchors that end inside the video are computed, all others
share one (their region is [0, 0] in the reference); an anchor touches few columns of the map, so it
is cut into tiles of neighbouring anchors that keep only the columns they touch (a quarter of the
products); the map being linear, its gradient needs no stored activations; and videos pass one by
one, so that memory for a batch is little more than that for a video, and allocations stay small
enough to be reused (the system's allocator takes each tensor above 32 MB as fresh pages, which must
be cleared).
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from bsp_tf.localization.heads.gtad.graph import nearest_neighbours
from bsp_tf.localization.heads.gtad.roi_align import align_matrix, anchor_regions, valid_anchors
from bsp_tf.localization.heads.torch_start import torch_uniform_pair

# A tile is TILE starts by TILE durations. Smaller ones save products, but gather more (memory) and
# multiply small matrices: from 6 to 16, a training step takes the same processor time within 7 %
# (T = D = 100).
TILE = 16


class AlignMap:
    """The constant linear map from (bin, node) vectors to anchors, as dense tiles.

    Anchors are in the order of the tiles; the last row is the one shared by all anchors that end
    after the video.

    Args:
        num_segments: T.
        max_duration: D.
        bins: (number of bins, sampling ratio) of each group of bins.
    """

    def __init__(
        self, num_segments: int, max_duration: int, bins: tuple[tuple[int, int], ...]
    ) -> None:
        starts, durations = valid_anchors(num_segments, max_duration)
        tiles = starts // TILE * (max_duration // TILE + 1) + durations // TILE
        order = np.argsort(tiles, kind="stable")
        starts, durations, tiles = starts[order], durations[order], tiles[order]
        self.num_columns = num_segments * sum(count for count, _ in bins)
        self.num_anchors = len(starts) + 1
        # Position of each cell (duration, start) of the grid among the anchors.
        cells = np.full((max_duration, num_segments), len(starts), np.int32)
        cells[durations, starts] = np.arange(len(starts))

        region_starts, region_ends = (np.append(x, 0.0) for x in anchor_regions(starts, durations))
        groups = np.split(
            np.arange(self.num_anchors),
            np.flatnonzero(np.diff(np.append(tiles, tiles.max() + 1))) + 1,
        )
        # Made once, outside any function being traced, so that all traces share these constants.
        with tf.init_scope():
            self.cells = tf.constant(cells)
            self.tiles = []
            for rows in groups:
                dense = np.concatenate(
                    [
                        align_matrix(
                            region_starts[rows], region_ends[rows], count, num_segments, ratio
                        )
                        for count, ratio in bins
                        if count
                    ],
                    1,
                ).reshape(len(rows), -1)
                columns = np.flatnonzero(dense.any(0))
                self.tiles.append((tf.constant(dense[:, columns]), tf.constant(columns, tf.int32)))

    def function(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """The map as a function: float32 [bins * T, K], bin-major -> float32 [num_anchors, K].

        To be called before a TensorFlow loop that uses it: the gradient of a loop takes no
        constants made outside of all graphs (TensorFlow 2.21), only tensors of the graph that the
        loop is in.
        """
        tiles = [(tf.identity(matrix), tf.identity(columns)) for matrix, columns in self.tiles]

        @tf.custom_gradient
        def align(values: tf.Tensor) -> tuple:
            outputs = tf.concat(
                [tf.matmul(matrix, tf.gather(values, columns)) for matrix, columns in tiles], 0
            )

            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                parts = tf.split(upstream, [matrix.shape[0] for matrix, _ in tiles])
                total = tf.zeros([self.num_columns, upstream.shape[-1]])
                for (matrix, columns), part in zip(tiles, parts, strict=True):
                    part = tf.matmul(matrix, part, transpose_a=True)
                    total = tf.tensor_scatter_nd_add(total, columns[:, tf.newaxis], part)
                return total

            return outputs, gradient

        return align

    def to_grid(self, anchors: tf.Tensor) -> tf.Tensor:
        """[num_anchors, K] -> [D, T, K]; anchors that end after the video get the shared row."""
        return tf.gather(anchors, self.cells)


class SGAlign(keras.layers.Layer):
    """Sub-graph alignment of all anchors, followed by the 1x1 convolution `filters`.

    Args:
        filters: Outputs of the convolution (512 in the reference).
        num_segments: T, nodes of the graph.
        max_duration: D, longest anchor in segments.
        inner_bins: Bins over the node features.
        context_bins: Bins over the mean of each node's neighbours; 0 leaves them out.
        neighbours: Neighbours a node, itself included.
        sampling_ratio: Samples a bin of the first kind; 0 adapts to the region's length.
        context_sampling_ratio: The same for the second kind.

    Call: graph float32 [B, T, C] and `head`, a function of the anchors of one video (float32
    [num_anchors, filters] in the order of `align_map`; `align_map.to_grid` lays them out) -> what
    `head` returns, a float32 tensor, stacked over the videos: [B, ...].
    """

    def __init__(
        self,
        filters: int,
        num_segments: int,
        max_duration: int,
        inner_bins: int = 32,
        context_bins: int = 4,
        neighbours: int = 3,
        sampling_ratio: int = 0,
        context_sampling_ratio: int = 0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.sizes = {
            "filters": filters,
            "num_segments": num_segments,
            "max_duration": max_duration,
            "inner_bins": inner_bins,
            "context_bins": context_bins,
            "neighbours": neighbours,
            "sampling_ratio": sampling_ratio,
            "context_sampling_ratio": context_sampling_ratio,
        }
        self.filters, self.inner_bins, self.context_bins = filters, inner_bins, context_bins
        self.neighbours = neighbours
        bins = ((inner_bins, sampling_ratio), (context_bins, context_sampling_ratio))
        self.align_map = AlignMap(num_segments, max_duration, bins)

    def build(self, input_shape: tuple) -> None:
        num_bins, channels = self.inner_bins + self.context_bins, input_shape[-1]
        for_kernel, for_bias = torch_uniform_pair(num_bins * channels)
        self.kernel = self.add_weight(
            name="kernel", shape=(num_bins, channels, self.filters), initializer=for_kernel
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer=for_bias)
        self.built = True

    def call(self, graph: tf.Tensor, head: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        align = self.align_map.function()
        # Cut here, not in the loop, where each video would pad its gradient to the whole kernel.
        kernels = self.kernel[: self.inner_bins], self.kernel[self.inner_bins :]

        @tf.autograph.experimental.do_not_convert
        def one_video(nodes: tf.Tensor) -> tf.Tensor:
            anchors = align(self._project(nodes, *kernels))
            return head(tf.nn.bias_add(anchors, self.bias))

        return tf.map_fn(one_video, graph, parallel_iterations=1, fn_output_signature=tf.float32)

    def _project(self, nodes: tf.Tensor, inner: tf.Tensor, around: tf.Tensor) -> tf.Tensor:
        """[T, C] -> [bins * T, filters]: what each bin adds to an anchor that lies on one node."""
        values = [tf.matmul(nodes, inner)]
        if self.context_bins:
            neighbours = nearest_neighbours(nodes[tf.newaxis], self.neighbours)[0]
            context = tf.reduce_mean(tf.gather(nodes, neighbours), 1)
            values.append(tf.matmul(context, around))
        return tf.reshape(tf.concat(values, 0), [self.align_map.num_columns, self.filters])

    def get_config(self) -> dict:
        return super().get_config() | self.sizes
