"""Frame by frame against the same model on whole clips."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.models.online import online_step
from bsp_tf.models.tsm import TSM

SMALL = {
    "resnet": {"depth": 18, "width": 0.25},
    "bottlenecks": {"depth": 50, "width": 0.125},
    "mobilenet_v2": {"width": 0.35},
}


def _model(kind: str, **arguments) -> TSM:
    """Weights, statistics and heads as training could leave them: nothing is zero or one."""
    keras.utils.set_random_seed(3)
    backbone = "mobilenet_v2" if kind == "mobilenet_v2" else "resnet"
    model = TSM(4, backbone=backbone, shift="past", **SMALL[kind], **arguments)
    model.build()
    for number, variable in enumerate(model.trainable_variables):
        noise = tf.random.stateless_normal(variable.shape, [number, 0], stddev=0.1)
        variable.assign(tf.convert_to_tensor(variable) + noise)
    return model


def _answers(model, frames, state=None):
    """The answers to each frame of frames [B, T, ...], stacked over T."""
    state = state or {}
    steps = []
    for t in range(frames.shape[1]):
        outputs, state = online_step(model, frames[:, t], state)
        steps.append(outputs)
    return {name: np.stack([step[name] for step in steps], 1) for name in steps[0]}


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("input", ["rgb", pytest.param("rgb_diff", marks=pytest.mark.thorough)])
def test_frames_one_by_one_give_the_numbers_of_the_clip(kind, input):
    model = _model(kind, input=input, place="heatmap", num_actions=3)
    clip = tf.random.stateless_normal([2, 5, 48, 40, 3], [0, 1])
    steps = _answers(model, clip)
    pooled = model.stage_outputs(clip)["pooled"]
    whole = model(clip)
    for found, expected in (
        (steps["features"], pooled),
        (steps["logits"], model.fc(pooled)),
        (steps["place"], whole["place"]),
        (steps["features"].mean(1), whole["features"]),
        (steps["logits"].mean(1), whole["logits"]),
        (steps["action"].mean(1), whole["action"]),
    ):
        expected = expected.numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    # The frames do differ, or all of this would say little.
    assert np.abs(np.diff(steps["features"], axis=1)).max() > 0.01 * steps["features"].max()


def test_the_past_counts_and_the_future_does_not():
    model = _model("resnet")
    clip = tf.random.stateless_normal([1, 4, 32, 32, 3], [0, 1])
    pooled = model.stage_outputs(clip)["pooled"]
    later = tf.concat([clip[:, :3], 5 * clip[:, 3:]], axis=1)
    np.testing.assert_array_equal(model.stage_outputs(later)["pooled"][:, :3], pooled[:, :3])
    alone = online_step(model, clip[:, 3], {})[0]["features"]
    assert np.abs(alone - pooled[:, 3]).max() > 1e-3


@pytest.mark.parametrize("input", ["rgb", "rgb_diff"])
def test_zeros_are_the_empty_state(input):
    model = _model("mobilenet_v2", input=input)
    clip = tf.random.stateless_normal([2, 2, 32, 32, 3], [0, 1])
    shapes = online_step(model, clip[:, 0], {})[1]
    assert len(shapes) == 10 + 2 * (input == "rgb_diff")
    zeros = {name: tf.zeros_like(values) for name, values in shapes.items()}
    found, expected = _answers(model, clip, zeros), _answers(model, clip)
    np.testing.assert_array_equal(found["features"], expected["features"])
