"""What tensorflow-addons has of our recipes, beside ours: how far the numbers agree.

Nothing in this project needs it; it loads on the older stack only. docs/measurements.md has the
figures.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.runs.optimization import MomentumOptimizer, ParameterGroup
from bsp_tf.runs.weight_average import WeightAverage

tfa = pytest.importorskip(
    "tensorflow_addons", reason="NOT TESTED: tensorflow-addons is not installed"
)
START = np.linspace(-1, 1, 12, dtype=np.float32)
PLAIN = ParameterGroup(learning_rate_factor=1.0, weight_decay_factor=1.0)


def gradients(num_steps: int) -> np.ndarray:
    """Float32 [num_steps, 12]: the same for all optimizers."""
    return np.random.default_rng(0).standard_normal((num_steps, 12)).astype(np.float32)


def ours(rates: list[float], decay: float, momentum: float, nesterov: bool = False) -> np.ndarray:
    """The weights after a step at each of `rates`; the decay is coupled."""
    weight = tf.Variable(START)
    settings = {"momentum": momentum, "nesterov": nesterov, "weight_decay": decay, "clip_norm": 0}
    optimizer = MomentumOptimizer([weight], [PLAIN], **settings)
    for rate, gradient in zip(rates, gradients(len(rates)), strict=True):
        optimizer.apply([tf.constant(gradient)], tf.constant(rate))
    return weight.numpy()


def sgdw(rates: list[float], decay: float, momentum: float, nesterov: bool = False) -> np.ndarray:
    """The same with SGDW; a step takes its decay off, here in proportion to the rate."""
    weight = tf.Variable(START)
    settings = {"weight_decay": decay, "momentum": momentum, "nesterov": nesterov}
    optimizer = tfa.optimizers.SGDW(learning_rate=rates[0], **settings)
    for rate, gradient in zip(rates, gradients(len(rates)), strict=True):
        optimizer.learning_rate, optimizer.weight_decay = rate, decay * rate
        optimizer.apply_gradients([(tf.constant(gradient), weight)])
    return weight.numpy()


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest, as a part of the largest value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgdw_without_decay_is_our_sgd_at_a_constant_rate(nesterov):
    settings = [0.1] * 50, 0.0, 0.9, nesterov
    assert difference(sgdw(*settings), ours(*settings)) < 1e-6


def test_sgdw_keeps_the_old_rate_in_its_momentum():
    rates = [0.1] * 25 + [0.01] * 25
    assert difference(sgdw(rates, 0.0, 0.9), ours(rates, 0.0, 0.9)) > 0.1


def test_decoupled_decay_is_coupled_decay_only_without_momentum():
    rates, decay = [0.1] * 50, 0.1
    assert difference(sgdw(rates, decay, 0.0), ours(rates, decay, 0.0)) < 1e-6
    # Momentum repeats what coupled decay adds to the gradient, ten times at 0.9.
    assert difference(sgdw(rates, decay / (1 - 0.9), 0.9), ours(rates, decay, 0.9)) > 0.1


def test_moving_average_is_our_weight_average():
    theirs, weight = tf.Variable(START), tf.Variable(START)
    sgd = tf.keras.optimizers.legacy.SGD(0.1)
    optimizer = tfa.optimizers.MovingAverage(sgd, average_decay=0.9, dynamic_decay=True)
    average = WeightAverage({"weight": weight}, decay=0.9)
    for step, gradient in enumerate(gradients(200)):
        optimizer.apply_gradients([(tf.constant(gradient), theirs)])
        weight.assign_sub(0.1 * gradient)
        average.update(tf.constant(step, tf.int64))
        found = optimizer.get_slot(theirs, "average").numpy()
        np.testing.assert_array_equal(found, average.averages["weight"].numpy())


def test_swa_is_the_mean_of_the_weights():
    weight, seen = tf.Variable(START), []
    sgd = tf.keras.optimizers.legacy.SGD(0.1)
    optimizer = tfa.optimizers.SWA(sgd, start_averaging=0, average_period=1)
    for gradient in gradients(20):
        optimizer.apply_gradients([(tf.constant(gradient), weight)])
        seen.append(weight.numpy())
    assert difference(optimizer.get_slot(weight, "average").numpy(), np.mean(seen, 0)) < 1e-6


def test_group_normalization_is_that_of_keras():
    values = np.random.default_rng(0).standard_normal((3, 5, 6, 8)).astype(np.float32)
    theirs = tfa.layers.GroupNormalization(groups=4)(values)
    assert (
        difference(theirs.numpy(), keras.layers.GroupNormalization(groups=4)(values).numpy()) < 1e-6
    )
