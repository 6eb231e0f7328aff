"""The reassociated SGAlign against the direct one: align every anchor, then multiply."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.localization.heads.gtad.sgalign import AlignMap, SGAlign


def selecting_layer(channels, **sizes):
    """An SGAlign that only copies: output channel c * bins + bin is that bin of channel c."""
    bins = sizes["inner_bins"] + sizes["context_bins"]
    layer = SGAlign(channels * bins, **sizes)
    layer.build((None, sizes["num_segments"], channels))
    kernel = np.zeros((bins, channels, channels * bins), np.float32)
    for c in range(channels):
        kernel[np.arange(bins), c, c * bins + np.arange(bins)] = 1
    layer.kernel.assign(kernel)
    layer.bias.assign(np.zeros(channels * bins))
    return layer


def on_grid(layer, graph):
    """float32 [B, filters, D, T], as the reference lays it out."""
    return tf.transpose(layer(graph, head=layer.align_map.to_grid), [0, 3, 1, 2])


GOLDEN = [
    ("anet_t20_d20_samp0_graphalign_style1", 20, 32, 4, 0, 0),
    ("anet_t20_d20_samp1_graphalign_style1", 20, 32, 4, 1, 0),
    ("anet_t20_d20_samp0_graphalign_style0", 20, 32, 0, 0, 0),
    ("thumos_t20_d20_samp0_graphalign_style1", 20, 16, 16, 0, 0),
    ("thumos_t20_d12_samp0_graphalign_style1", 12, 16, 16, 0, 0),
    ("thumos_t20_d20_samp1_graphalign_style1", 20, 16, 16, 1, 1),
    ("thumos_t20_d12_samp1_graphalign_style1", 12, 16, 16, 1, 1),
    ("thumos_t20_d20_samp0_graphalign_style0", 20, 16, 0, 0, 0),
]


def golden_grid(inputs, durations, inner, context, ratio, context_ratio):
    layer = selecting_layer(
        8,
        num_segments=20,
        max_duration=durations,
        inner_bins=inner,
        context_bins=context,
        sampling_ratio=ratio,
        context_sampling_ratio=context_ratio,
    )
    return on_grid(layer, inputs.transpose(0, 2, 1)).numpy()


@pytest.mark.parametrize("name, durations, inner, context, ratio, context_ratio", GOLDEN)
def test_full_golden(shared, name, durations, inner, context, ratio, context_ratio):
    golden = np.load(shared / "golden/sgalign_small.npz")
    found = golden_grid(golden["input"], durations, inner, context, ratio, context_ratio)
    np.testing.assert_allclose(found, golden[name], atol=5e-6)


@pytest.mark.parametrize("row", [0, 1, 4])
def test_small_golden(testdata, row):
    golden = np.load(testdata / "sgalign_small.npz")
    name, *sizes = GOLDEN[row]
    found = golden_grid(golden["input"][:1], *sizes)[:, :, golden[name + "_durations"]]
    np.testing.assert_allclose(found, golden[name], atol=5e-6)


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("segments, durations", [(12, 12), (20, 7), (33, 33), (5, 1)])
def test_forward_and_gradients_equal_the_direct_formulation(
    direct_align, segments, durations, in_graph
):
    rng = np.random.default_rng(segments)
    graph = rng.standard_normal((2, segments, 3)).astype(np.float32)
    layer = SGAlign(6, segments, durations, inner_bins=5, context_bins=2)
    upstream = rng.standard_normal((2, 6, durations, segments)).astype(np.float32)

    def forward_and_backward(graph):
        with tf.GradientTape() as tape:
            tape.watch(graph)
            found = on_grid(layer, graph)
        sources = [graph, layer.kernel, layer.bias]
        return found, *tape.gradient(found, sources, output_gradients=tf.constant(upstream))

    call = tf.function(forward_and_backward) if in_graph else forward_and_backward
    found, graph_gradient, gradient, bias_gradient = call(tf.constant(graph))
    aligned = direct_align(graph, segments, durations, 5, 2)
    kernel = layer.kernel.numpy().transpose(1, 0, 2).reshape(-1, 6)
    expected = np.einsum("bkds,ko->bods", aligned, kernel) + layer.bias.numpy()[None, :, None, None]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    expected = np.einsum("bkds,bods->ko", aligned, upstream).reshape(3, 7, 6).transpose(1, 0, 2)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(bias_gradient, upstream.sum((0, 2, 3)), rtol=1e-4, atol=1e-3)
    # With fixed neighbours, outputs without bias are linear in the features: <dy, y> = <dx, x>.
    np.testing.assert_allclose(
        (graph_gradient.numpy() * graph).sum(),
        (upstream * (found.numpy() - layer.bias.numpy()[:, None, None])).sum(),
        rtol=1e-3,
    )


def test_gradient_of_the_map_is_its_transpose():
    align_map = AlignMap(18, 18, ((4, 0), (2, 0)))
    values = tf.random.stateless_normal([align_map.num_columns, 3], seed=[0, 1])
    upstream = tf.random.stateless_normal([align_map.num_anchors, 3], seed=[0, 2])
    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs = align_map.function()(values)
    gradient = tape.gradient(outputs, values, output_gradients=upstream)
    # <A v, u> = <v, A^T u>
    np.testing.assert_allclose(
        tf.reduce_sum(outputs * upstream), tf.reduce_sum(values * gradient), rtol=1e-4
    )


def test_tiles_leave_out_most_of_the_map():
    align_map = AlignMap(100, 100, ((32, 0), (4, 0)))
    kept = sum(int(np.prod(matrix.shape)) for matrix, _ in align_map.tiles)
    assert kept < 0.26 * align_map.num_anchors * align_map.num_columns


def test_memory_does_not_grow_with_the_aligned_anchors():
    """The direct formulation holds [8, 1600, 16 * 36]; here the videos pass one by one."""
    layer = SGAlign(8, 40, 40)
    layer.build((None, 40, 16))

    def gradient(graph):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(graph, head=tf.nn.relu) ** 2)
        return tape.gradient(loss, layer.trainable_variables)

    graph = tf.function(gradient).get_concrete_function(tf.TensorSpec([8, 40, 16])).graph
    graphs = [
        graph,
        *(function.graph for function in graph._functions.values() if hasattr(function, "graph")),
    ]
    sizes = [
        t.shape.num_elements()
        for g in graphs
        for op in g.get_operations()
        for t in op.outputs
        if t.shape.is_fully_defined()
    ]
    assert max(sizes) < 1600 * 16 * 36 / 3
