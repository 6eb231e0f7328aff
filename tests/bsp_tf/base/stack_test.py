"""What both stacks must agree on; how runs cross from one to the other is in two_stacks_test.py."""

import hashlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.stack import named_variables, optimizer_state
from bsp_tf.localization.heads.gtad.network import GTAD
from bsp_tf.models.tsm import TSM
from tests.fixtures.processor import skip_without_bfloat16

TSMS = {
    "resnet": {"backbone": "resnet", "depth": 50, "width": 0.25},
    "mobilenet_v2": {"backbone": "mobilenet_v2", "width": 0.25},
}


def tsm(name: str, **arguments) -> TSM:
    keras.utils.set_random_seed(5)
    model = TSM(4, **TSMS[name], **arguments)
    model.build()
    return model


def gtad() -> GTAD:
    keras.utils.set_random_seed(5)
    model = GTAD(
        8,
        num_segments=6,
        max_duration=4,
        base_width=8,
        branch_width=4,
        map_widths=(8, 4),
        map_kernel=3,
        groups=2,
        stem_groups=2,
        inner_bins=2,
        context_bins=1,
    )
    model.build()
    return model


def digest(model: keras.Model) -> str:
    """Of all paths and values, in their order."""
    found = hashlib.sha256()
    for path, variable in named_variables(model).items():
        found.update(path.encode() + np.ascontiguousarray(variable.numpy()).tobytes())
    return found.hexdigest()[:16]


# Numbers of TensorFlow 2.21: a run starts from these weights on either stack.
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: tsm("resnet"), "1cc718a087d41def"),
        (lambda: tsm("mobilenet_v2"), "e5b3aa66d9e9a398"),
        (gtad, "3085b2c7aaccb47b"),
    ],
)
def test_names_order_and_first_weights_are_those_of_either_stack(make, expected):
    assert digest(make()) == expected


@pytest.mark.parametrize("name", TSMS)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_call_uses_the_variables_that_build_made(name, policy):
    if policy == "mixed_bfloat16":
        skip_without_bfloat16()
    model = tsm(name, dtype=policy)
    built = named_variables(model)
    unused = {path for path in built if "downsample" in path}
    assert all(variable.dtype in (tf.float32, tf.int32) for variable in built.values())
    # Keras 2 builds a layer in its first call if `build` did not say that it is built: the layer
    # then uses new random weights and those that were restored are without effect.
    model(tf.zeros([1, 2, 32, 32, 3]), training=True)
    called = named_variables(model)
    assert list(called) == list(built) and len(model.variables) == len(built) > len(unused)
    assert all(called[path] is variable for path, variable in built.items())
    # So a gradient reaches each of them and zeros in all of them give zero.
    for variable in built.values():
        variable.assign(tf.zeros_like(variable))
    outputs = model(tf.ones([1, 2, 32, 32, 3]))
    assert not np.any(outputs["features"]) and not np.any(outputs["logits"])


def test_a_call_of_gtad_uses_the_variables_that_build_made():
    model = gtad()
    built = named_variables(model)
    model(tf.ones([1, 6, 8]))
    called = named_variables(model)
    assert list(called) == list(built)
    assert all(called[path] is variable for path, variable in built.items())
    for variable in built.values():
        variable.assign(tf.zeros_like(variable))
    assert all(np.all(values.numpy() == 0.5) for values in model(tf.ones([1, 6, 8])).values())


def test_trainable_only():
    model = tsm("mobilenet_v2")
    found = named_variables(model, trainable_only=True)
    assert set(named_variables(model)) - set(found) == {
        path
        for path in named_variables(model)
        if path.endswith(("/state", "moving_mean", "variance"))
    }
    assert len(found) == len(model.trainable_variables)


def test_checkpoints_name_the_state_of_adam_alike(tmp_path):
    model = gtad()
    optimizer = keras.optimizers.Adam(0.5)
    optimizer.build(model.trainable_variables)
    state = optimizer_state(optimizer, model.trainable_variables)
    path = tf.train.Checkpoint(model=model, optimizer=state).save(str(tmp_path / "ckpt"))
    found = hashlib.sha256(repr(tf.train.list_variables(path)).encode()).hexdigest()[:16]
    assert found == "bb8a5d7bf2d0ed37"
    reader = tf.train.load_checkpoint(path)
    assert reader.get_tensor("optimizer/_learning_rate/.ATTRIBUTES/VARIABLE_VALUE") == 0.5
