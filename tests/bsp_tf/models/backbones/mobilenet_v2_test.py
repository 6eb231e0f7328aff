"""TSM-MobileNetV2 against the reference implementation's numbers, and what training relies on."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.stack import named_variables
from bsp_tf.models.backbones.mobilenet_v2 import MobileNetV2
from bsp_tf.models.temporal_shift import temporal_shift
from bsp_tf.models.tsm import TSM
from bsp_tf.torch_import.tsm.names import load_torch_state
from tests.fixtures import warm_python
from tests.fixtures.processor import skip_without_bfloat16

# Channels that enter the shifted expansions.
SHIFTS = {3: 24, 5: 32, 6: 32, 8: 64, 9: 64, 10: 64, 12: 96, 13: 96, 15: 160, 16: 160}


def small_tsm(**kwargs) -> TSM:
    model = TSM(**{"num_classes": 5, "backbone": "mobilenet_v2", "width": 0.25, **kwargs})
    model.build()
    return model


def clips(*shape: int) -> tf.Tensor:
    return tf.random.stateless_normal([*shape, 3], [3, 1])


def check_golden(golden, values_of, state):
    """`values_of(name)` are the golden's sampled values of a layer."""
    model = TSM(400, backbone="mobilenet_v2")
    load_torch_state(model, state)
    frames = np.random.default_rng(0).standard_normal((1, 24, 224, 224)).astype(np.float32)
    frames = (frames * np.float32(0.5)).reshape(1, 8, 3, 224, 224).transpose(0, 1, 3, 4, 2)
    outputs, stages = model(frames), model.stage_outputs(frames)
    np.testing.assert_allclose(outputs["logits"], golden["logits"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(outputs["features"][0], golden["feat_avg"], rtol=0, atol=1e-4)
    frame_logits = model.fc(stages["pooled"])[0]
    np.testing.assert_allclose(frame_logits, golden["frame_logits"], rtol=0, atol=1e-4)
    if "feat_frames" in golden:
        np.testing.assert_allclose(stages["pooled"][0], golden["feat_frames"], rtol=0, atol=1e-4)
    shifted = temporal_shift(stages["features.2"], 8)
    stages["features.3.conv.0"] = model.features_3.conv_0(shifted)
    names = [name.removesuffix("_shape") for name in golden if name.endswith("_shape")]
    assert len(names) == 15
    for name in names:
        values = stages[name].numpy().transpose(0, 3, 1, 2)
        assert values.shape == tuple(golden[f"{name}_shape"])
        values, expected = values.ravel()[golden[f"{name}_idx"]], values_of(name)
        tolerance = 2e-5 * np.abs(expected).max()
        np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance, err_msg=name)


def test_small_golden(testdata, rule_state):
    golden = np.load(testdata / "tsm_mobilenetv2.npz")
    state = rule_state(json.loads(golden["params"].tobytes()))
    check_golden(golden, lambda name: golden[f"{name}_val"], state)


def test_full_golden(shared, rule_state):
    golden = np.load(shared / "golden" / "tsm_mobilenetv2_224.npz")
    shapes = json.loads((shared / "golden" / "tsm_mobilenetv2_params.json").read_text())
    check_golden(golden, golden.__getitem__, rule_state(shapes.items()))


def test_parameter_count_of_the_published_network():
    model = TSM(1000, backbone="mobilenet_v2")
    model.build()
    count = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert count == 2_223_872 + 1281 * 1000


def test_ten_expansions_are_shifted():
    shifts = TSM(3, backbone="mobilenet_v2").backbone.shifts
    assert shifts == {f"features.{number}.conv.0": count for number, count in SHIFTS.items()}


@pytest.mark.parametrize(
    ("width", "channels", "features"), [(0.35, (16, 16, 112), 1280), (1.4, (16, 40, 448), 1792)]
)
def test_channels_are_rounded_up_to_multiples_of_8(width, channels, features):
    model = small_tsm(width=width)
    frames = clips(1, 2, 32, 32)
    stages = model.stage_outputs(frames)
    assert [stages[f"features.{i}"].shape[-1] for i in (1, 2, 17)] == list(channels)
    assert stages["features.0"].shape[-1] == 32
    assert model.feature_dim == features == model(frames)["features"].shape[-1]


@pytest.mark.thorough
def test_any_clip_length_and_frame_size_in_one_graph():
    model = small_tsm(input="rgb_diff")
    graph = tf.function(
        lambda x: model(x), input_signature=[tf.TensorSpec([None, None, None, None, 3])]
    )
    for shape in ((2, 8, 32, 48), (1, 1, 64, 64), (3, 5, 33, 57)):
        frames = clips(*shape)
        found, expected = graph(frames)["features"], model(frames)["features"]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_initial_values():
    keras.utils.set_random_seed(1)
    model = small_tsm(width=1, num_classes=100)
    assert np.std(model.fc.kernel) == pytest.approx(0.001, rel=0.05) and not np.any(model.fc.bias)
    depthwise = model.features_17.conv_3.kernel
    assert depthwise.shape == (3, 3, 960, 1)
    assert np.std(depthwise) == pytest.approx(np.sqrt(2 / (9 * 960)), rel=0.05)
    assert np.std(model.features_18.conv.kernel) == pytest.approx(np.sqrt(2 / 1280), rel=0.05)


def test_parameter_roles():
    roles = small_tsm().parameter_roles()
    assert roles["features.0/0/kernel"] == "conv" and roles["features.0/1/gamma"] == "bn"
    assert roles["features.1/conv.0/depthwise_kernel"] == "conv"
    assert roles["features.3/conv.7/beta"] == "bn" and roles["fc/bias"] == "fc_bias"


@pytest.mark.thorough
def test_config_and_keras_file_round_trip(tmp_path):
    model = small_tsm(shift_div=4, name="stream")
    model(clips(1, 4, 32, 32))
    copy = TSM.from_config(model.get_config())
    copy.build()
    assert copy.get_config() == model.get_config()
    model.save(tmp_path / "model.keras")
    frames = clips(2, 8, 32, 32)
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(reloaded(frames)["features"], model(frames)["features"])


def gradients(model: TSM, frames: tf.Tensor) -> list[np.ndarray]:
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(frames, training=True)["features"] ** 2)
    variables = named_variables(model, trainable_only=True).items()
    return tape.gradient(loss, [v for path, v in variables if not path.startswith("fc/")])


def test_bfloat16_keeps_outputs_and_statistics_float32():
    skip_without_bfloat16()
    exact, model = small_tsm(), small_tsm(dtype="mixed_bfloat16")
    model.set_weights(exact.get_weights())
    frames = clips(2, 4, 32, 32)
    outputs = model(frames)
    assert model.stage_outputs(frames)["features.18"].dtype == tf.bfloat16
    assert outputs["logits"].dtype == outputs["features"].dtype == tf.float32
    assert model.features_1.conv_1.moving_mean.dtype == tf.float32
    np.testing.assert_allclose(outputs["features"], exact(frames)["features"], atol=0.1)
    assert all(np.isfinite(gradient).all() for gradient in gradients(model, frames))


def beginning(model: TSM, frames: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """What the first seven layers give in training, and the gradients of their kernels.

    They are of every kind: with and without expansion, stride, sum and shift.
    """
    layers = model.backbone.layers[:7]
    with tf.GradientTape() as tape:
        x = tf.reshape(frames, [-1, *frames.shape[2:]])
        for layer in layers:
            x = layer(x, num_frames=frames.shape[1], training=True)
        loss = tf.reduce_sum(x**2)
    return x, tape.gradient(loss, [v for layer in layers for v in layer.trainable_variables])


@pytest.mark.thorough
def test_compiled_by_xla_with_gradients():
    model, frames = small_tsm(), clips(2, 4, 32, 32)
    _, expected = beginning(model, frames)
    compiled = tf.function(lambda x: beginning(model, x), autograph=False, jit_compile=True)
    _, found = compiled(frames)
    # As one vector: a scale between two normalisations has a gradient of zero, which is all error.
    found, expected = (
        np.concatenate([np.ravel(part) for part in all]) for all in (found, expected)
    )
    assert np.linalg.norm(found - expected) < 0.05 * np.linalg.norm(expected)


TWO_REPLICAS = """
import numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0],
                                           [tf.config.LogicalDeviceConfiguration()] * 2)
from bsp_tf.base.stack import named_variables
from bsp_tf.models.tsm import TSM
from tests.bsp_tf.models.backbones.mobilenet_v2_test import beginning
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
frames = tf.random.stateless_normal([4, 2, 32, 32, 3], [3, 1])
arguments = {"backbone": "mobilenet_v2", "width": 0.25, "dropout": 0.0}
single = TSM(5, **arguments)
single.build()
with strategy.scope():
    double = TSM(5, **arguments)
    double.build()
for a, b in zip(single.variables, double.variables):
    b.assign(a.numpy())
expected, wanted = beginning(single, frames)
halves = strategy.experimental_distribute_values_from_function(
    lambda c: frames[2 * c.replica_id_in_sync_group:][:2])
def run(clips):
    features, gradients = beginning(double, clips)
    return features, tf.distribute.get_replica_context().all_reduce("sum", gradients)
actual, sums = tf.function(lambda x: strategy.run(run, args=(x,)), autograph=False)(halves)
actual = np.concatenate(strategy.experimental_local_results(actual))
# Normalisations over few values let the order of a sum grow; of separate halves they would be
# another network's.
np.testing.assert_allclose(actual, expected, atol=5e-3)
for path, b in named_variables(double).items():
    np.testing.assert_allclose(named_variables(single)[path], b, atol=5e-4, err_msg=path)
join = lambda parts: np.concatenate([np.ravel(part) for part in parts])
found = join(strategy.experimental_local_results(part)[0] for part in sums)
assert np.linalg.norm(found - join(wanted)) < 0.05 * np.linalg.norm(join(wanted))
"""


@pytest.mark.thorough
def test_two_replicas_share_batch_statistics():
    process = warm_python.run("-c", TWO_REPLICAS)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"width": 0.0}, "model.width"), ({"width": 0.25, "shift_div": 9}, "model.shift_div")],
)
def test_impossible_arguments(arguments, field):
    with pytest.raises(InputError, match=field):
        small_tsm(**arguments)


def test_torchvision_nests_otherwise():
    names = {
        "features.0.0.weight": "features.0.0.weight",
        "features.1.conv.0.0.weight": "features.1.conv.0.weight",
        "features.1.conv.0.1.bias": "features.1.conv.1.bias",
        "features.1.conv.1.weight": "features.1.conv.3.weight",
        "features.1.conv.2.running_var": "features.1.conv.4.running_var",
        "features.2.conv.0.1.weight": "features.2.conv.1.weight",
        "features.2.conv.1.0.weight": "features.2.conv.3.weight",
        "features.2.conv.1.1.running_mean": "features.2.conv.4.running_mean",
        "features.2.conv.2.weight": "features.2.conv.6.weight",
        "features.17.conv.3.num_batches_tracked": "features.17.conv.7.num_batches_tracked",
        "fc.weight": "fc.weight",
    }
    assert MobileNetV2.torch_names(names) == names
    plain = {name: name for name in names.values()}
    assert MobileNetV2.torch_names(plain) == plain
