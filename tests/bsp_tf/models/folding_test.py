"""Normalisations folded into convolutions: the same numbers out of fewer operations."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.stack import named_variables
from bsp_tf.models.folding import folded_copy
from bsp_tf.models.tsm import TSM

NETWORKS = {
    "resnet": {"backbone": "resnet", "depth": 10, "width": 0.25, "input": "rgb_diff"},
    "bottlenecks": {"backbone": "resnet", "depth": 50, "width": 0.125},
    "mobilenet_v2": {"backbone": "mobilenet_v2", "width": 0.5},
}


def trained(**sizes):
    """A network whose statistics are not those it began with."""
    model = TSM(num_classes=5, place="frames", num_actions=3, **sizes)
    model.build()
    rng = np.random.default_rng(0)
    for path, variable in named_variables(model).items():
        shape = tuple(variable.shape)
        if path.endswith(("gamma", "moving_variance")):
            variable.assign(rng.uniform(0.5, 2, shape))
        elif path.endswith(("beta", "moving_mean", "place/kernel", "action/kernel")):
            variable.assign(rng.normal(0, 0.2, shape))
    return model


@pytest.fixture(params=NETWORKS)
def model(request):
    return trained(**NETWORKS[request.param])


def frames(seed=0):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(size=(2, 8, 64, 48, 3)), tf.float32)


def test_the_copy_gives_the_same_numbers_and_leaves_the_model_alone(model):
    before = {path: variable.numpy() for path, variable in named_variables(model).items()}
    copy = folded_copy(model)
    expected, actual = model(frames()), copy(frames())
    assert set(actual) == {"logits", "features", "place", "action"}
    for name, values in expected.items():
        scale = np.abs(values).max()
        np.testing.assert_allclose(actual[name], values, rtol=0, atol=1e-5 * scale)
    for path, variable in named_variables(model).items():
        np.testing.assert_array_equal(variable.numpy(), before[path], err_msg=path)


def test_a_copy_in_bfloat16_rounds_to_three_digits(model):
    copy, values = folded_copy(model, "mixed_bfloat16"), named_variables(folded_copy(model))
    expected, actual = model(frames()), copy(frames())
    for name, value in expected.items():
        assert actual[name].dtype == tf.float32
        error = np.abs(actual[name] - value).max() / np.abs(value).max()
        assert 1e-5 < error < 0.05, name
    for path, variable in named_variables(copy).items():
        np.testing.assert_array_equal(variable.numpy(), values[path].numpy(), err_msg=path)


def test_no_normalisation_is_left_in_the_graph(model):
    copy = folded_copy(model)
    call = tf.function(lambda inputs: copy(inputs), autograph=False)
    graph = call.get_concrete_function(frames()).graph
    kinds = {operation.type for operation in graph.get_operations()}
    assert not any("BatchNorm" in kind for kind in kinds)
    assert "BiasAdd" in kinds
