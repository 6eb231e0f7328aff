"""Each way to train faster or in less memory, against plain float32 on the same batches."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.stack import named_variables
from bsp_tf.pretraining.learner import Learner
from bsp_tf.runs.strategy import strategy_for
from configs.base import get_config
from tests.fixtures.processor import skip_without_bfloat16

STEPS = 4


def clips(num_clips: int, seed: int) -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(seed)
    labels = np.arange(num_clips) % 3
    frames = (
        rng.integers(0, 120, (num_clips, 4, 32, 32, 3)) + 60 * labels[:, None, None, None, None]
    )
    return {
        "frames": tf.constant(frames.astype(np.uint8)),
        "label": tf.constant(labels.astype(np.int32)),
    }


@pytest.fixture(scope="module")
def run(tiny_fields):
    """`run(**train_fields)`: the learner after STEPS steps without dropout, and their losses."""

    def run(batches=None, **fields):
        config = get_config()
        config.update_from_flattened_dict(tiny_fields | {"model.dropout": 0.0})
        config.train.update(
            {"precision": "float32", "jit": False, "ema_decay": 0.0, "accumulate_steps": 1}
        )
        config.train.update(fields)
        learner = Learner(config, 3, 3, STEPS, strategy_for("one_device"))
        return learner, [
            float(learner.step(group)[0])
            for group in (whole_batches() if batches is None else batches)
        ]

    return run


@pytest.fixture(scope="module")
def plain_run(run):
    """A run in float32 and the learner that it began with."""
    return *run(), run([])[0]


def whole_batches() -> list[list[dict]]:
    return [[clips(8, seed)] for seed in range(STEPS)]


# The second tolerance is for the change of the kernels: rounding turns ReLUs of noise on and off,
# so that single gradients of the first layers differ by a tenth (float16) and more (bfloat16)
# although the losses agree.
@pytest.mark.parametrize(
    ("fields", "tolerance", "kernel_tolerance"),
    [
        pytest.param({"precision": "bfloat16"}, 0.01, 0.4, marks=pytest.mark.thorough),
        ({"precision": "float16"}, 0.001, 0.25),
        pytest.param({"jit": True}, 1e-4, 1e-2, marks=pytest.mark.thorough),
        ({"ema_decay": 0.9}, 0.0, 0.0),
    ],
)
def test_losses_are_those_of_plain_float32(run, plain_run, fields, tolerance, kernel_tolerance):
    if "bfloat16" in fields.values():
        skip_without_bfloat16()
    learner, losses = run(**fields)
    plain, expected, start = plain_run
    np.testing.assert_allclose(losses, expected, rtol=tolerance, atol=0)
    assert expected[-1] < expected[0]
    # Also what was learned: the change of the kernels, which hardly move in a few steps.
    for name in ("conv1/kernel", "layer4.0/conv2/kernel", "fc/kernel"):
        moved = [
            model.weights[name].numpy() - start.weights[name].numpy() for model in (learner, plain)
        ]
        difference = np.linalg.norm(moved[0] - moved[1]) / np.linalg.norm(moved[1])
        assert difference <= kernel_tolerance, (name, difference)
    assert all(weight.dtype in (tf.float32, tf.int32) for weight in learner.weights.values())
    # And the way was really taken.
    assert learner.model.compute_dtype == fields.get("precision", "float32")
    assert (losses == expected) == ("ema_decay" in fields)


def test_micro_batches_add_up_to_the_batch(run):
    # Equal halves have the BatchNorm statistics of their whole: all else must be equal.
    halves = [clips(4, seed) for seed in range(STEPS)]
    whole = [
        {name: tf.concat([half[name], half[name]], axis=0) for name in half} for half in halves
    ]
    learner, losses = run([[half, half] for half in halves], accumulate_steps=2)
    plain, expected = run([[batch] for batch in whole])
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert float(learner.progress.loss_sum) == pytest.approx(
        float(plain.progress.loss_sum), rel=1e-5
    )
    assert int(learner.progress.num_correct) == int(plain.progress.num_correct)
    for name, variable in named_variables(plain.model, trainable_only=True).items():
        np.testing.assert_allclose(
            learner.weights[name], variable, rtol=1e-4, atol=1e-5, err_msg=name
        )


def test_micro_batches_of_unlike_parts_add_up_with_a_head_that_names_actions(eagerly, tiny_config):
    """One half shows one action in each sample, the other in none: the mean is of the batch."""
    tiny_config.update({"task": "boundary", "boundary": {"class_weight": 2.0}})
    tiny_config.model.dropout = 0.0
    half = clips(4, 0)
    halves = [
        half | {"source_classes": tf.constant([pair] * 4, tf.int32)} for pair in ([1, 1], [0, 2])
    ]
    whole = {name: tf.concat([one[name] for one in halves], axis=0) for name in halves[0]}
    learners, losses = [], []
    for group in ([whole], halves):
        tiny_config.train.accumulate_steps = len(group)
        learner = Learner(tiny_config, 4, 3, STEPS, strategy_for("one_device"), ("a", "b", "c"))
        losses.append(float(learner.step(group)[0]))
        learners.append(learner)
    # Zeros at first: both classifiers know nothing.
    assert losses[0] == pytest.approx(np.log(4) + 2 * np.log(3) / 2, abs=0.02)
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    for name, variable in named_variables(learners[0].model, trainable_only=True).items():
        np.testing.assert_allclose(
            learners[1].weights[name], variable, rtol=1e-4, atol=1e-5, err_msg=name
        )
    assert np.any(learners[0].model.action.bias)


@pytest.mark.thorough
def test_an_overflow_changes_no_weight_and_halves_the_scale(run):
    learner, _ = run([], precision="float16")
    learner._loss_scale.scale.assign(2.0**127)
    weights = {
        name: value.numpy() for name, value in learner.weights.items() if "moving" not in name
    }
    _, _, norm = learner.step([clips(8, 0)])
    assert not np.isfinite(norm.numpy())
    assert (
        float(learner._loss_scale.scale) == 2.0**126 and int(learner.progress.diverged_step) == -1
    )
    for name, value in weights.items():
        np.testing.assert_array_equal(learner.weights[name], value, err_msg=name)
    assert all(not np.any(buffer.numpy()) for buffer in learner.optimizer.buffers)
    # Without a scale to lower an overflow is a divergence, and the step is told.
    learner._loss_scale.scale.assign(1.0)
    learner.model.fc.kernel.assign(np.full(learner.model.fc.kernel.shape, 1e38, np.float32))
    learner.step([clips(8, 0)])
    assert int(learner.progress.diverged_step) == 2
