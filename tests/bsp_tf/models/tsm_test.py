"""TSM against the reference implementation's numbers, and what training relies on."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.stack import named_variables
from bsp_tf.models.tsm import TSM, append_frame_difference
from bsp_tf.torch_import.tsm.names import load_torch_state
from tests.fixtures import warm_python
from tests.fixtures.processor import skip_without_bfloat16

STAGES = ("conv1", "maxpool", "layer1", "layer2", "layer3", "layer4")


def small_tsm(**kwargs) -> TSM:
    model = TSM(**{"num_classes": 5, "depth": 10, "width": 0.25, **kwargs})
    model.build()
    return model


def clips(*shape: int) -> tf.Tensor:
    return tf.random.stateless_normal([*shape, 3], [3, 1])


def assert_close_relative_to_range(actual, expected, tolerance=1e-4):
    assert actual.shape == expected.shape
    error = np.abs(actual - expected).max() / (expected.max() - expected.min())
    assert error < tolerance, f"maximum error relative to the range: {error:.2e}"


def check_golden(depth, golden, state):
    model = TSM(400, depth=depth)
    load_torch_state(model, state)
    frames = np.random.default_rng(0).standard_normal((1, 24, 224, 224)).astype(
        np.float32
    ) * np.float32(0.5)
    np.testing.assert_array_equal(frames.ravel()[:16], golden["input_first"])
    frames = tf.constant(frames.reshape(1, 8, 3, 224, 224).transpose(0, 1, 3, 4, 2))
    outputs = model(frames)
    assert_close_relative_to_range(outputs["logits"].numpy(), golden["logits"])
    assert_close_relative_to_range(outputs["features"].numpy()[0], golden["feat_avg"])
    stages = model.stage_outputs(frames)
    for name in STAGES:
        values = stages[name].numpy().transpose(0, 3, 1, 2)
        assert values.shape == tuple(golden[f"{name}_shape"])
        assert_close_relative_to_range(values.ravel()[golden[f"{name}_idx"]], golden[f"{name}_val"])
    if "feat_frames" in golden:
        assert_close_relative_to_range(stages["pooled"].numpy()[0], golden["feat_frames"])


def test_small_golden(testdata, rule_state):
    golden = np.load(testdata / "tsm_resnet18.npz")
    check_golden(18, golden, rule_state(json.loads(golden["params"].tobytes())))


@pytest.mark.parametrize("depth", [18, 50])
def test_full_golden(depth, shared, rule_state):
    parameters = json.loads((shared / "golden" / f"tsm_resnet{depth}_params.json").read_text())
    check_golden(
        depth, np.load(shared / "golden" / f"tsm_resnet{depth}.npz"), rule_state(parameters)
    )


@pytest.mark.parametrize(
    ("depth", "width", "feature_dim"),
    [(10, 0.25, 128), (18, 0.5, 256), (34, 1, 512), (50, 0.25, 512)],
)
def test_depth_and_width(depth, width, feature_dim):
    model = TSM(7, depth=depth, width=width)
    outputs = model(clips(1, 2, 32, 32))
    assert outputs["features"].shape == (1, feature_dim) == (1, model.feature_dim)
    assert outputs["logits"].shape == (1, 7)


def test_parameter_count_of_the_published_network():
    model = TSM(1000, depth=18)
    model.build()
    assert (
        sum(int(np.prod(v.shape)) for v in model.trainable_variables) == 11_689_512
    )  # torchvision resnet18


def test_any_clip_length_and_frame_size_in_one_graph():
    model = small_tsm(input="rgb_diff")
    graph = tf.function(
        lambda x: model(x), input_signature=[tf.TensorSpec([None, None, None, None, 3])]
    )
    for shape in ((2, 8, 32, 48), (1, 1, 64, 64), (3, 5, 33, 57)):
        frames = clips(*shape)
        outputs = graph(frames)
        assert outputs["logits"].shape == (shape[0], 5)
        np.testing.assert_allclose(
            outputs["features"], model(frames)["features"], rtol=1e-4, atol=1e-5
        )


def test_inside_dataset_map():
    model = small_tsm()
    frames = clips(2, 4, 32, 32)
    mapped = next(iter(tf.data.Dataset.from_tensors(frames).map(lambda x: model(x))))
    np.testing.assert_allclose(mapped["logits"], model(frames)["logits"], rtol=1e-4, atol=1e-6)


def test_logits_are_the_classifier_of_the_features():
    model = small_tsm()
    outputs = model(clips(2, 8, 32, 32))
    np.testing.assert_allclose(
        outputs["logits"], outputs["features"] @ model.fc.kernel + model.fc.bias, atol=1e-6
    )


def test_features_depend_on_the_order_of_the_frames():
    model = small_tsm()
    frames = clips(1, 8, 32, 32)
    assert np.abs(model(frames)["features"] - model(frames[:, ::-1])["features"]).max() > 1e-3


def test_frame_difference():
    frames = clips(2, 3, 4, 5)
    extended = append_frame_difference(frames).numpy()
    np.testing.assert_array_equal(extended[..., :3], frames)
    np.testing.assert_array_equal(extended[:, 0, ..., 3:], 0)
    np.testing.assert_allclose(extended[:, 1:, ..., 3:], 3 * np.diff(frames, axis=1), rtol=1e-6)
    assert small_tsm(input="rgb_diff").conv1.kernel.shape == (7, 7, 6, 16)


def test_config_round_trip():
    model = small_tsm(input="rgb_diff", shift_div=4, dropout=0.25, name="stream")
    copy = TSM.from_config(model.get_config())
    copy.build()
    assert copy.get_config() == model.get_config()
    copy.set_weights(model.get_weights())
    frames = clips(1, 4, 32, 32)
    np.testing.assert_array_equal(copy(frames)["logits"], model(frames)["logits"])


def test_keras_file_round_trip(tmp_path):
    model = small_tsm()
    model(clips(1, 4, 32, 32))
    model.save(tmp_path / "model.keras")
    frames = clips(2, 8, 32, 32)
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(reloaded(frames)["features"], model(frames)["features"])


def test_parameter_roles():
    model = small_tsm()
    roles = model.parameter_roles()
    assert list(roles) == list(named_variables(model, trainable_only=True))
    assert roles["layer2.0/downsample.0/kernel"] == "conv"
    assert roles["layer2.0/downsample.1/gamma"] == roles["bn1/beta"] == "bn"
    assert (roles["fc/kernel"], roles["fc/bias"]) == ("fc_kernel", "fc_bias")
    assert sorted(set(roles.values())) == ["bn", "conv", "fc_bias", "fc_kernel"]


def test_a_second_classifier_sees_the_same_frames_and_changes_nothing_else():
    models = []
    for num_actions in (0, 3):
        keras.utils.set_random_seed(0)
        models.append(small_tsm(dropout=0.5, num_actions=num_actions))
    plain, both = models
    added = named_variables(both).keys() - named_variables(plain).keys()
    assert added == {"action/kernel", "action/bias"}
    for path, variable in named_variables(plain).items():
        np.testing.assert_array_equal(named_variables(both)[path], variable, err_msg=path)
    roles = both.parameter_roles()
    assert (roles["action/kernel"], roles["action/bias"]) == ("fc_kernel", "fc_bias")
    assert TSM.from_config(both.get_config()).num_actions == 3

    both.action.kernel.assign(tf.random.stateless_normal(both.action.kernel.shape, [0, 2]))
    for training in (False, True):  # the second time both drop the same
        outputs, expected = (
            model(clips(2, 4, 32, 32), training=training) for model in (both, plain)
        )
        np.testing.assert_array_equal(outputs["logits"], expected["logits"])
        assert outputs["action"].shape == (2, 3) and "action" not in expected
        answer = outputs["features"] @ both.action.kernel
        assert np.allclose(outputs["action"], answer, rtol=1e-3, atol=1e-4) != training


def test_initial_values():
    keras.utils.set_random_seed(1)
    model = small_tsm(width=1, num_classes=100)
    assert np.std(model.fc.kernel) == pytest.approx(0.001, rel=0.05) and not np.any(model.fc.bias)
    assert np.std(model.conv1.kernel) == pytest.approx(np.sqrt(2 / (49 * 64)), rel=0.05)
    keras.utils.set_random_seed(1)
    for one, other in zip(
        model.get_weights(), small_tsm(width=1, num_classes=100).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_batch_statistics_follow_torch():
    model = small_tsm()
    frames = clips(2, 4, 32, 32)
    before = model.stage_outputs(frames)["conv1"].numpy().reshape(-1, 16).astype(np.float64)
    model(frames, training=True)
    np.testing.assert_allclose(model.bn1.moving_mean, 0.1 * before.mean(0), atol=1e-6)
    np.testing.assert_allclose(
        model.bn1.moving_variance, 0.9 + 0.1 * before.var(0, ddof=1), rtol=1e-5
    )


def test_weights_and_dropout_continue_from_a_checkpoint(tmp_path):
    frames = clips(2, 4, 32, 32)
    model = small_tsm(dropout=0.5)
    model(frames, training=True)
    path = tf.train.Checkpoint(model=model).write(str(tmp_path / "checkpoint"))
    weights = model.get_weights()
    expected = model(frames, training=True)["logits"]
    assert (
        np.abs(expected - model(frames, training=True)["logits"]).max() > 0
    )  # another mask every call
    resumed = small_tsm(dropout=0.5)
    tf.train.Checkpoint(model=resumed).read(path).assert_consumed()
    for one, other in zip(resumed.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(resumed(frames, training=True)["logits"], expected)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_outputs_and_statistics_float32(policy):
    if policy == "mixed_bfloat16":
        skip_without_bfloat16()
    exact = small_tsm()
    model = small_tsm(dtype=policy)
    model.set_weights(exact.get_weights())
    frames = clips(2, 4, 32, 32)
    with tf.GradientTape() as tape:
        outputs = model(frames, training=True)
        loss = tf.reduce_sum(outputs["logits"])
    assert model.stage_outputs(frames)["layer4"].dtype == tf.as_dtype(model.compute_dtype)
    assert (
        outputs["logits"].dtype
        == outputs["features"].dtype
        == model.bn1.moving_mean.dtype
        == tf.float32
    )
    np.testing.assert_allclose(
        outputs["features"], exact(frames, training=True)["features"], atol=0.1
    )
    variables = named_variables(model, trainable_only=True)
    assert all(g is not None for g in tape.gradient(loss, list(variables.values())))


@pytest.mark.parametrize(
    "arguments",
    [
        {"depth": 19},
        {"input": "flow"},
        {"dropout": 1.0},
        {"width": 0.1},
        {"num_classes": 0},
        {"shift_div": 1},
    ],
)
def test_impossible_arguments(arguments):
    with pytest.raises(InputError, match=next(iter(arguments))):
        small_tsm(**arguments)


TWO_REPLICAS = """
import numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0],
                                           [tf.config.LogicalDeviceConfiguration()] * 2)
from bsp_tf.base.stack import named_variables
from bsp_tf.models.tsm import TSM
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
frames = tf.random.stateless_normal([4, 2, 32, 32, 3], [3, 1])
single = TSM(5, depth=10, width=0.25, dropout=0.0)
single.build()
with strategy.scope():
    double = TSM(5, depth=10, width=0.25, dropout=0.0)
    double.build()
for a, b in zip(single.variables, double.variables):
    b.assign(a.numpy())
expected = single(frames, training=True)["features"]
halves = strategy.experimental_distribute_values_from_function(
    lambda c: frames[2 * c.replica_id_in_sync_group:][:2])
run = tf.function(lambda x: strategy.run(lambda y: double(y, training=True)["features"], args=(x,)),
                  autograph=False)
actual = np.concatenate(strategy.experimental_local_results(run(halves)))
np.testing.assert_allclose(actual, expected, atol=2e-5)
for path, b in named_variables(double).items():
    np.testing.assert_allclose(named_variables(single)[path], b, atol=2e-5, err_msg=path)
"""


def test_two_replicas_share_batch_statistics():
    process = warm_python.run("-c", TWO_REPLICAS)
    assert process.returncode == 0, process.stderr
