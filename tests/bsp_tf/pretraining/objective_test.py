"""Targets and losses against loops over samples and frames."""

import math

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.pretraining.objective import (
    Objective,
    action_losses,
    place_losses,
    place_targets,
)
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


def test_a_sample_of_two_actions_has_no_loss_and_no_gradient():
    logits = tf.Variable(np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))
    with tf.GradientTape() as tape:
        losses = action_losses(logits, tf.constant([[0, 2], [1, 1], [2, 0], [2, 2]]))
    probabilities = tf.nn.softmax(logits).numpy()
    expected = [0, -math.log(probabilities[1, 1]), 0, -math.log(probabilities[3, 2])]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    gradient = tape.gradient(losses, logits).numpy()
    assert not gradient[[0, 2]].any() and gradient[[1, 3]].all()


def test_the_losses_have_their_weights():
    rng = np.random.default_rng(1)
    outputs = {
        "logits": tf.constant(rng.normal(size=(5, 4)), tf.float32),
        "place": tf.constant(rng.normal(size=(5, 6)), tf.float32),
        "action": tf.constant(rng.normal(size=(5, 3)), tf.float32),
    }
    batch = {
        "label": tf.constant([0, 3, 1, 2, 2]),
        "boundary": tf.constant(BOUNDARIES),
        "source_classes": tf.constant([[0, 1], [2, 2], [1, 1], [0, 0], [0, 0]]),
    }

    def losses(*weights):
        return Objective("heatmap", 1.0, *weights).losses(outputs, batch).numpy()

    types = Objective().losses(outputs, batch).numpy()
    place = place_losses(outputs["place"], batch["boundary"], "heatmap").numpy()
    np.testing.assert_allclose(losses(1.0, 1.0), types + place, rtol=1e-6)
    np.testing.assert_allclose(losses(0.0, 2.0), 2 * place, rtol=1e-6)
    np.testing.assert_allclose(losses(0.5, 3.0), types / 2 + 3 * place, rtol=1e-6)
    action = action_losses(outputs["action"], batch["source_classes"]).numpy()
    np.testing.assert_allclose(losses(0.5, 3.0, 2.0), types / 2 + 3 * place + 2 * action, rtol=1e-6)
    without_place = Objective(type_weight=0.5, class_weight=2.0).losses(outputs, batch)
    np.testing.assert_allclose(without_place, types / 2 + 2 * action, rtol=1e-6)


def test_the_best_epoch_is_by_what_is_trained():
    good, bad = (
        {"validation_accuracy": accuracy, "validation_loss": loss}
        for accuracy, loss in ((0.3, 0.1), (0.2, 0.05))
    )
    assert Objective().rank(good) > Objective().rank(bad)
    place_alone = Objective("frames", type_weight=0.0)
    assert place_alone.rank(good) < place_alone.rank(bad)
    rows = [good | {"validation_action_accuracy": 0.5}, bad | {"validation_action_accuracy": 0.65}]
    both, actions_alone = Objective(class_weight=2.0), Objective(type_weight=0.0, class_weight=1.0)
    assert [both.rank(row) for row in rows] == pytest.approx([0.8, 0.85])
    assert [actions_alone.rank(row) for row in rows] == [0.5, 0.65]


@pytest.mark.parametrize(
    ("field", "value", "key"),
    [("place", "frames", "boundary"), ("class_weight", 0.5, "source_classes")],
)
def test_the_heads_are_of_the_boundary_task_only(tiny_config, field, value, key):
    tiny_config.boundary[field] = value
    assert Objective.from_config(tiny_config) == Objective()
    tiny_config.task = "boundary"
    assert Objective.from_config(tiny_config).batch_keys == ("frames", "label", key)
    del tiny_config.unlock().boundary[field]  # as configs of before
    assert Objective.from_config(tiny_config) == Objective()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("place_sigma", 0.0),
        ("place_weight", 0.0),
        ("type_weight", -1.0),
        ("class_weight", -0.5),
        ("class_weight", float("nan")),
    ],
)
def test_weights_that_train_nothing_are_named(tiny_config, field, value):
    tiny_config.update({"task": "boundary", "boundary": {"place": "heatmap", field: value}})
    with pytest.raises(InputError, match=f"boundary.{field}={value}"):
        check_fields(tiny_config)


def test_fields_of_a_head_that_is_not_there_are_not_looked_at(tiny_config):
    tiny_config.update({"task": "boundary", "boundary": {"class_weight": 1.0, "place_weight": 0.0}})
    check_fields(tiny_config)
