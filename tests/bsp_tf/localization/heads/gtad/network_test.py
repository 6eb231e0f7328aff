"""The network against the reference's own numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.gtad.graph import nearest_neighbours
from bsp_tf.localization.heads.gtad.head import HEAD
from bsp_tf.localization.heads.gtad.network import GTAD
from bsp_tf.torch_import.gtad.names import load_torch_state
from configs import gtad_thumos

SMALL = {
    "num_segments": 12,
    "max_duration": 10,
    "base_width": 16,
    "branch_width": 8,
    "map_widths": (12, 8),
    "groups": 4,
    "inner_bins": 4,
    "context_bins": 2,
}


@pytest.fixture(scope="module")
def reference_model(gtad_state):
    model = GTAD(400)
    load_torch_state(model, gtad_state)
    return model


def relative_error(found, expected):
    return np.abs(np.asarray(found) - expected).max() / np.abs(expected).max()


def test_small_golden(testdata, reference_model):
    golden = np.load(testdata / "gtad_anet_400.npz")
    features = golden["input"].transpose(0, 2, 1)
    outputs = reference_model(features)
    assert relative_error(outputs["start"], golden["start"]) < 1e-5
    assert relative_error(outputs["end"], golden["end"]) < 1e-5
    values = outputs["map"].numpy().ravel()[golden["map_index"]]
    assert relative_error(values, golden["map_values"]) < 1e-5
    base = reference_model.base_features(features)
    graph = reference_model.graph_block(base)
    for name, found in (("base_feature", base), ("gcnext_feature", graph)):
        values = found.numpy().transpose(0, 2, 1).ravel()[golden[f"{name}_index"]]
        assert relative_error(values, golden[f"{name}_values"]) < 1e-5
    np.testing.assert_array_equal(nearest_neighbours(base, 3), golden["knn_backbone2"])
    np.testing.assert_array_equal(nearest_neighbours(graph, 3), golden["knn_align"])


def test_full_golden(shared, reference_model):
    golden = np.load(shared / "golden/gtad_anet_400.npz")
    features = golden["input"].transpose(0, 2, 1)
    outputs = reference_model(features)
    for name, expected in (("start", "start"), ("end", "end"), ("map", "iou_map")):
        assert relative_error(outputs[name], golden[expected]) < 1e-5
    stem = tf.nn.relu(reference_model.stem(features))
    np.testing.assert_array_equal(nearest_neighbours(stem, 3), golden["knn_backbone1"])
    # One sample at a time: no value depends on the rest of the batch.
    np.testing.assert_allclose(reference_model(features[1:])["map"], outputs["map"][1:], atol=1e-5)


def test_number_of_parameters(reference_model):
    assert reference_model.count_params() == 5_563_268


def plain_conv(inputs, kernel, bias):
    """inputs [B, D, T, C], kernel [size, size, C, filters]; zeros around the map."""
    size, (_, height, width, _) = len(kernel), inputs.shape
    padded = np.pad(inputs, [(0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)])
    return bias + sum(
        padded[:, i : i + height, j : j + width] @ kernel[i, j]
        for i in range(size)
        for j in range(size)
    )


@pytest.mark.parametrize("kernel", [1, 3])
def test_map_head_equals_the_direct_formulation(direct_align, kernel):
    """Align all D * T cells, also those that end after the video, then convolve the map."""
    model = GTAD(8, **SMALL | {"map_kernel": kernel, "inner_bins": 4, "context_bins": 4})
    features = np.random.default_rng(0).standard_normal((2, 12, 8)).astype(np.float32)
    found = model(features)["map"].numpy()
    aligned = direct_align(model.graph_block(model.base_features(features)).numpy(), 12, 10, 4, 4)
    weights = [
        v.numpy()
        for layer in (model.align, *model.map_convs(), model.map_score)
        for v in layer.weights
    ]
    weights[0] = weights[0].transpose(1, 0, 2).reshape(-1, 12)  # channel-major, as the aligned map
    values = aligned.transpose(0, 2, 3, 1)
    for i in range(0, 10, 2):
        filters = weights[i].reshape(
            *weights[i].shape[:2] if weights[i].ndim == 4 else (1, 1), *weights[i].shape[-2:]
        )
        values = plain_conv(values, filters, weights[i + 1])
        values = np.maximum(values, 0) if i < 8 else 1 / (1 + np.exp(-values))
    np.testing.assert_allclose(found, values.transpose(0, 3, 1, 2), atol=1e-5)


def test_even_map_kernels_are_refused():
    with pytest.raises(InputError, match="map_kernel"):
        GTAD(8, **SMALL, map_kernel=2)


@pytest.mark.parametrize("map_kernel", [1, 3])
def test_config_and_file_make_the_same_model(tmp_path, map_kernel):
    model = GTAD(20, **SMALL, map_kernel=map_kernel)
    features = np.random.default_rng(0).standard_normal((2, 12, 20)).astype(np.float32)
    outputs = model(features)
    assert GTAD.from_config(model.get_config()).get_config() == model.get_config()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", custom_objects={"GTAD": GTAD})
    np.testing.assert_array_equal(again(features)["map"], outputs["map"])
    assert outputs["start"].shape == (2, 12) and outputs["map"].shape == (2, 2, 10, 12)


def test_same_numbers_inside_a_traced_function_of_any_batch():
    model = GTAD(8, **SMALL)
    traced = tf.function(model, input_signature=[tf.TensorSpec([None, 12, 8])])
    for batch in (1, 3):
        features = tf.random.stateless_normal([batch, 12, 8], seed=[batch, 0])
        for name, value in model(features).items():
            np.testing.assert_allclose(traced(features)[name], value, atol=1e-6)


@pytest.mark.parametrize("map_kernel", [1, pytest.param(3, marks=pytest.mark.thorough)])
def test_every_weight_gets_a_gradient(map_kernel):
    model = GTAD(8, **SMALL, map_kernel=map_kernel)
    features = tf.random.stateless_normal([2, 12, 8], seed=[0, 0])
    with tf.GradientTape() as tape:
        outputs = tf.function(model)(features)
        loss = tf.add_n([tf.reduce_sum(value) for value in outputs.values()])
    assert all(g is not None for g in tape.gradient(loss, model.trainable_variables))


def test_a_checkpoint_holds_every_weight(tmp_path):
    model, other = GTAD(8, **SMALL), GTAD(8, **SMALL)
    model.build(), other.build()
    path = tf.train.Checkpoint(model=model).save(str(tmp_path / "all"))
    tf.train.Checkpoint(model=other).restore(path).assert_consumed()
    for found, expected in zip(other.variables, model.variables, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(1, 8, 12), (1, 11, 8), (1, 12, 9)])
def test_wrong_axes_are_refused(shape):
    """Other implementations take features with time and channels exchanged unnoticed."""
    with pytest.raises(InputError, match="12 segments, 8 channels"):
        GTAD(8, **SMALL)(np.zeros(shape, np.float32))


def test_channels_must_fit_the_groups_of_the_stem():
    with pytest.raises(InputError, match="stem_groups"):
        GTAD(10, **SMALL)


def test_torch_names_of_a_map_head_with_neighbours(gtad_state):
    """3x3: torch has output, input, duration, start; TensorFlow duration, start, input, output."""
    model = GTAD(400, map_kernel=3)
    model.build()
    rng = np.random.default_rng(0)
    weight, bias = rng.random((128, 128, 3, 3)), rng.random(128)
    names = {
        f"localization.{i}.{kind}": value
        for i in (4, 6)
        for kind, value in (("weight", weight), ("bias", bias))
    }
    with pytest.raises(InputError, match="missing"):
        load_torch_state(model, names)
    load_torch_state(model, gtad_state | names)
    image = rng.random((1, 5, 6, 128))
    expected = plain_conv(image, np.moveaxis(weight, (2, 3, 1, 0), (0, 1, 2, 3)), bias)
    np.testing.assert_allclose(model.map_conv_2(image), expected, rtol=1e-4)


def test_the_thumos_network_has_the_sizes_of_the_reference():
    """Counted by hand: 2,048 channels, 4 blocks, 32 bins of 256 channels to 512, two 3x3."""
    model = HEAD.build(gtad_thumos.get_config(), 2048, 0)
    block = (
        256 * 128
        + 128
        + 128 * 4 * 3
        + 128
        + 128 * 256
        + 256
        + 512 * 128
        + 128
        + 128 * 4
        + 128
        + 128 * 256
        + 256
    )
    head = 8192 * 512 + 512 + 512 * 128 + 128 + 2 * (128 * 128 * 9 + 128) + 128 * 2 + 2
    assert model.count_params() == 256 * 512 * 3 + 256 + 4 * block + 2 * 257 + head == 5_617_540
    assert model.align.align_map.cells.shape == (64, 256)


def test_torch_names_are_checked(gtad_state):
    model = GTAD(400)
    model.build()
    before = model.stem.kernel.numpy()
    with pytest.raises(InputError, match="missing .*regu_e.1.bias"):
        load_torch_state(model, {n: v for n, v in gtad_state.items() if n != "regu_e.1.bias"})
    with pytest.raises(InputError, match="unknown .*extra"):
        load_torch_state(model, gtad_state | {"extra": np.zeros(1)})
    with pytest.raises(InputError, match="localization.8.weight.*needs"):
        load_torch_state(model, gtad_state | {"localization.8.weight": np.zeros((3, 128, 1, 1))})
    np.testing.assert_array_equal(model.stem.kernel, before)
    load_torch_state(model, {f"module.{name}": value for name, value in gtad_state.items()})
