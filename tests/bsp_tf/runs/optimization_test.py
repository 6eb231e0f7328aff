"""The optimizer against a slow NumPy loop with torch's formula; schedules against numbers."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.runs.optimization import (
    PARAMETER_GROUPS,
    MomentumOptimizer,
    ParameterGroup,
    learning_rate_schedule,
    optimizer_for,
)
from configs.base import get_config

GROUPS = [ParameterGroup(1, 1), ParameterGroup(1, 0), ParameterGroup(5, 1), ParameterGroup(10, 0)]
SHAPES = [(3, 3, 2, 4), (4,), (4, 5), (5,)]


def torch_sgd(weights, gradients, rates, *, momentum, nesterov, weight_decay, clip_norm):
    """torch.nn.utils.clip_grad_norm_ and torch.optim.SGD, one step after the other, in float64."""
    weights = [w.astype(np.float64) for w in weights]
    buffers = [None] * len(weights)
    for step, rate in enumerate(rates):
        current = [g[step].astype(np.float64) for g in gradients]
        if clip_norm:
            norm = np.sqrt(sum((g**2).sum() for g in current))
            current = [g * min(1.0, clip_norm / (norm + 1e-6)) for g in current]
        for i, group in enumerate(GROUPS):
            g = current[i] + weight_decay * group.weight_decay_factor * weights[i]
            # torch starts the buffer with the first gradient itself.
            buffers[i] = g if buffers[i] is None else momentum * buffers[i] + g
            g = g + momentum * buffers[i] if nesterov else buffers[i]
            weights[i] = weights[i] - rate * group.learning_rate_factor * g
    return weights


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("clip_norm", [0.0, 2.0, 1000.0])
def test_equals_torch_formula_with_changing_learning_rate(nesterov, clip_norm):
    rng = np.random.default_rng(0)
    rates = [0.1, 0.1, 0.03, 0.003, 0.05]
    start = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
    gradients = [rng.normal(size=(len(rates), *shape)).astype(np.float32) for shape in SHAPES]
    settings = {"momentum": 0.9, "nesterov": nesterov, "weight_decay": 0.02, "clip_norm": clip_norm}
    variables = [tf.Variable(w) for w in start]
    optimizer = MomentumOptimizer(variables, GROUPS, **settings)
    strategy = tf.distribute.get_strategy()
    step = tf.function(lambda g, rate: strategy.run(optimizer.apply, args=(g, rate)))
    for i, rate in enumerate(rates):
        norm = step([tf.constant(g[i]) for g in gradients], tf.constant(rate))
        assert float(norm) == pytest.approx(
            np.sqrt(sum((g[i] ** 2).sum() for g in gradients)), rel=1e-5
        )
    for variable, expected in zip(
        variables, torch_sgd(start, gradients, rates, **settings), strict=True
    ):
        np.testing.assert_allclose(variable.numpy(), expected, rtol=2e-6, atol=2e-6)


def test_weight_decay_is_added_after_the_clip():
    variable = tf.Variable([100.0])
    optimizer = MomentumOptimizer(
        [variable],
        [ParameterGroup(1, 1)],
        momentum=0.0,
        nesterov=False,
        weight_decay=0.1,
        clip_norm=1.0,
    )
    optimizer.apply([tf.constant([50.0])], tf.constant(1.0))
    # 100 - (1 + 0.1 * 100); a clip of the sum would leave 99.
    assert variable.numpy()[0] == pytest.approx(89.0, abs=1e-4)


def test_groups_follow_roles():
    kernel, bias = tf.Variable(tf.random.stateless_normal([3, 2], [0, 1])), tf.Variable([0.0, 0.0])
    variables = {"fc/kernel": kernel, "fc/bias": bias}
    config = get_config().optimizer
    optimizer = optimizer_for(config, variables, {"fc/kernel": "fc_kernel", "fc/bias": "fc_bias"})
    before = kernel.numpy().copy()
    optimizer.apply([tf.zeros([3, 2]), tf.ones([2])], tf.constant(0.1))
    np.testing.assert_allclose(
        kernel.numpy(), before * (1 - 0.1 * 5 * config.weight_decay), rtol=1e-6
    )
    np.testing.assert_allclose(bias.numpy(), -0.1 * 10)
    plain = PARAMETER_GROUPS["plain"]
    assert {role: (g.learning_rate_factor, g.weight_decay_factor) for role, g in plain.items()} == {
        "conv": (1, 1),
        "bn": (1, 0),
        "fc_kernel": (1, 1),
        "fc_bias": (1, 0),
    }
    with config.unlocked():
        config.parameter_groups = "torch"
    with pytest.raises(InputError, match="parameter_groups.*'torch'"):
        optimizer_for(config, variables, {})


def rates(steps, total_steps=100, steps_per_epoch=10, **fields):
    config = get_config().optimizer
    config.update(fields)
    schedule = learning_rate_schedule(config, steps_per_epoch, total_steps)
    eager = [float(schedule(tf.constant(step, tf.int64))) for step in steps]
    traced = tf.function(schedule)
    assert [float(traced(tf.constant(step, tf.int64))) for step in steps] == pytest.approx(
        eager, rel=1e-6, abs=1e-9
    )
    return eager


def test_step_schedule_drops_at_the_first_step_of_an_epoch():
    values = rates(
        [0, 19, 20, 39, 40, 99],
        learning_rate=0.2,
        schedule="step",
        boundaries=(2, 4),
        warmup_steps=0,
    )
    assert values == pytest.approx([0.2, 0.2, 0.02, 0.02, 0.002, 0.002], rel=1e-5)
    assert rates([0, 99], learning_rate=0.2, schedule="step", boundaries=()) == pytest.approx(
        [0.2, 0.2]
    )


def test_cosine_schedule_with_warm_up():
    values = rates(
        [0, 9, 19, 20, 60, 100, 150], learning_rate=1.0, schedule="cosine", warmup_steps=20
    )
    assert values == pytest.approx([1 / 20, 10 / 20, 1.0, 1.0, 0.5, 0.0, 0.0], abs=1e-6)


def test_bad_schedules():
    with pytest.raises(InputError, match="linear"):
        rates([0], schedule="linear")
    with pytest.raises(InputError, match="warmup_steps=100"):
        rates([0], schedule="cosine", warmup_steps=100)
