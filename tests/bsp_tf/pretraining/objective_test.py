"""Targets and losses against loops over samples and frames."""

import math

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.pretraining.objective import Objective, place_losses, place_targets
from bsp_tf.pretraining.preflight import check_fields

BOUNDARIES = [3.0, 2.5, -1.0, 1.0, 4.75]


def slow_target(boundary, frame, place, sigma):
    if boundary < 0:
        return 0.0
    if place == "frames":
        return float(frame <= boundary <= frame + 1)
    return math.exp(-((frame + 0.5 - boundary) ** 2) / (2 * sigma**2))


def slow_loss(score, target, place):
    if place == "frames":
        probability = 1 / (1 + math.exp(-score))
        return -target * math.log(probability) - (1 - target) * math.log(1 - probability)
    size = abs(score - target)
    return size**2 / 2 if size < 1 else size - 0.5


@pytest.mark.parametrize(("place", "sigma"), [("heatmap", 1.0), ("heatmap", 0.6), ("frames", 1.0)])
def test_targets_and_losses_are_those_of_a_loop(place, sigma):
    scores = np.random.default_rng(0).normal(0, 2, (len(BOUNDARIES), 6)).astype(np.float32)
    targets = place_targets(tf.constant(BOUNDARIES), 6, place, sigma).numpy()
    losses = place_losses(tf.constant(scores), tf.constant(BOUNDARIES), place, sigma).numpy()
    for i, boundary in enumerate(BOUNDARIES):
        expected = [slow_target(boundary, t, place, sigma) for t in range(6)]
        np.testing.assert_allclose(targets[i], expected, rtol=1e-5, atol=1e-7)
        each = [slow_loss(*pair, place) for pair in zip(scores[i], expected, strict=True)]
        assert losses[i] == pytest.approx(np.mean(each), rel=1e-5)


@pytest.mark.parametrize("place", ["heatmap", "frames"])
def test_targets_are_the_same_backwards(place):
    forwards = place_targets(tf.constant([2.0, 3.5]), 8, place, 1.0).numpy()
    backwards = place_targets(tf.constant([6.0, 4.5]), 8, place, 1.0).numpy()
    np.testing.assert_allclose(forwards, backwards[:, ::-1], rtol=1e-6)
    if place == "frames":
        assert [list(np.flatnonzero(row)) for row in forwards] == [[1, 2], [3]]


def test_the_two_losses_have_their_weights():
    rng = np.random.default_rng(1)
    outputs = {
        "logits": tf.constant(rng.normal(size=(5, 4)), tf.float32),
        "place": tf.constant(rng.normal(size=(5, 6)), tf.float32),
    }
    batch = {"label": tf.constant([0, 3, 1, 2, 2]), "boundary": tf.constant(BOUNDARIES)}

    def losses(*weights):
        return Objective("heatmap", 1.0, *weights).losses(outputs, batch).numpy()

    types = Objective().losses(outputs, batch).numpy()
    place = place_losses(outputs["place"], batch["boundary"], "heatmap").numpy()
    np.testing.assert_allclose(losses(1.0, 1.0), types + place, rtol=1e-6)
    np.testing.assert_allclose(losses(0.0, 2.0), 2 * place, rtol=1e-6)
    np.testing.assert_allclose(losses(0.5, 3.0), types / 2 + 3 * place, rtol=1e-6)


def test_the_best_epoch_is_by_what_is_trained():
    good, bad = (
        {"validation_accuracy": accuracy, "validation_loss": loss}
        for accuracy, loss in ((0.3, 0.1), (0.2, 0.05))
    )
    assert Objective().rank(good) > Objective().rank(bad)
    place_alone = Objective("frames", type_weight=0.0)
    assert place_alone.rank(good) < place_alone.rank(bad)


def test_the_head_is_of_the_boundary_task_only(tiny_config):
    tiny_config.boundary.place = "frames"
    assert Objective.from_config(tiny_config) == Objective()
    tiny_config.task = "boundary"
    assert Objective.from_config(tiny_config).batch_keys == ("frames", "label", "boundary")
    del tiny_config.unlock().boundary["place"]  # as configs of before
    assert Objective.from_config(tiny_config) == Objective()


@pytest.mark.parametrize(
    ("field", "value"), [("place_sigma", 0.0), ("place_weight", 0.0), ("type_weight", -1.0)]
)
def test_weights_that_train_nothing_are_named(tiny_config, field, value):
    tiny_config.update({"task": "boundary", "boundary": {"place": "heatmap", field: value}})
    with pytest.raises(InputError, match=f"boundary.{field}={value}"):
        check_fields(tiny_config)
