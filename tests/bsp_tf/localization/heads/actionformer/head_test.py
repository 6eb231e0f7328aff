"""Ten steps of the reference's training, repeated by the learner of all heads."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.localization.heads.actionformer.head import HEAD
from bsp_tf.localization.learner import Learner
from bsp_tf.localization.training_data import Batch
from bsp_tf.runs.strategy import strategy_for
from bsp_tf.torch_import.actionformer.names import load_torch_state, torch_plan
from configs import actionformer_thumos
from tests.fixtures.actionformer_reference import reference_input, state_by_rule, to_torch

# Softmax is blind to what all keys have in common: their true gradient is 0, the steps are noise.
NOISE = ("attn.key.bias", "attn.key_norm.bias")


def small_config():
    config = actionformer_thumos.get_config()
    config.num_segments, config.width, config.attention_windows = 256, 64, (9, 9, 9, 9)
    config.learning_rate, config.warmup_epochs, config.epochs = 1e-3, 2, 5
    return config


class NoDropHead(type(HEAD)):
    """As the reference's run: scales, but no branch is passed over."""

    def draws(self, seed, count, config):
        return {}


def make_batch(golden, which, config):
    features, inside = reference_input(100 + which, (2, 64, 256), [256, 149])
    made = []
    for row in range(2):
        segments = golden[f"batch{which}/segments{row}"].astype(np.float64)
        labels = golden[f"batch{which}/labels{row}"]
        made.append(HEAD.targets((segments + 0.5) / 256, labels, 5, config))
    return Batch(features, inside, {name: np.stack([m[name] for m in made]) for name in made[0]})


def make_learner(config, batch, strategy="one_device"):
    learner = Learner(NoDropHead(), config, batch, 5, strategy_for(strategy))
    averages = learner.average.averages
    copies = dict(zip(averages, learner.model.trainable_variables, strict=True))
    load_torch_state(learner.model, state_by_rule(learner.model))
    for path, variable in copies.items():
        averages[path].assign(np.asarray(variable))
    return learner, torch_plan(learner.model)


def sampled(golden, key, values):
    places = golden.get(f"{key}_idx")
    return values if places is None else values.ravel()[places]


def test_ten_steps(shared):
    golden, config = np.load(shared / "golden/af_small_train.npz"), small_config()
    batches = [make_batch(golden, which, config) for which in range(2)]
    learner, found = make_learner(config, batches[0])
    names = {name: np.asarray(place.variable) for name, place in found.items()}
    decayed = {name for name, values in names.items() if values.ndim >= 2}
    assert decayed == set(golden["decay_names"].tolist())
    for step in range(10):
        rate = HEAD.learning_rate(step, 2, config)
        assert rate == pytest.approx(golden["lr"][step], rel=1e-6, abs=1e-12)
        learner.optimizer.learning_rate = rate
        losses = learner.train_step(batches[step % 2], tf.constant(step + 1, tf.int64))
        values = [float(losses[name]) for name in ("classes", "offsets", "total")]
        np.testing.assert_allclose(values, golden["losses_cls_reg_final"][step], rtol=5e-5)
        normalizer = float(np.asarray(learner.model.normalizer))
        assert normalizer == pytest.approx(golden["normalizer"][step], rel=1e-6)
        if step + 1 in (1, 5, 10):
            check_weights(golden, step + 1, learner, found)


def check_weights(golden, step, learner, found):
    paths = list(learner.average.averages)
    order = [id(variable) for variable in learner.model.trainable_variables]
    keys = [key for key in golden.files if key.startswith(f"after{step}/")]
    names = {key.partition("/")[2] for key in keys}
    names = {name for name in names if name in found and not name.endswith(NOISE)}
    assert len(names) >= 5
    for name in names:
        place = found[name]
        average = learner.average.averages[paths[order.index(id(place.variable))]]
        for kind, variable in (("after", place.variable), ("ema", average)):
            key = f"{kind}{step}/{name}"
            values = sampled(golden, key, to_torch(variable, place.shape))
            errors = np.abs(values - golden[key])
            # AdamW makes whole steps (1e-3) of gradients that are little more than rounding.
            assert np.quantile(errors, 0.97) < 1e-5 and errors.max() < 5e-4, key


def test_learning_rate_of_the_published_run(shared):
    expected = np.load(shared / "golden/af_small_train.npz")["lr_thumos_10_iters_an_epoch"]
    config = actionformer_thumos.get_config()
    found = [HEAD.learning_rate(step, 10, config) for step in range(len(expected))]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)
