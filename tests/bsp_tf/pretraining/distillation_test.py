"""An action stream that learns to hold the features of a boundary stream."""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.frames import preprocessing
from bsp_tf.models.tsm import TSM
from bsp_tf.pretraining.distillation import Distillation
from bsp_tf.pretraining.learner import Learner
from bsp_tf.pretraining.preflight import check_fields
from bsp_tf.pretraining.trained_model import load_trained_model
from bsp_tf.pretraining.trainer import train
from bsp_tf.runs.preemption import PreemptedError, StopRequest
from bsp_tf.runs.strategy import strategy_for
from configs.base import get_config


@pytest.fixture(scope="module")
def teacher(tiny_fields, tmp_path_factory):
    """A finished workdir of a boundary stream, wider than the action streams here."""
    workdir = tmp_path_factory.mktemp("boundary") / "run"
    config = get_config()
    config.update_from_flattened_dict(tiny_fields)
    config.task, config.train.epochs, config.model.width = "boundary", 1, 0.25
    train(config, workdir)
    return workdir


@pytest.fixture
def distilled_config(tiny_config, teacher):
    tiny_config.distill.workdir = str(teacher)
    return tiny_config


def clips() -> dict[str, tf.Tensor]:
    frames = np.random.default_rng(0).integers(0, 256, (8, 4, 32, 32, 3), dtype=np.uint8)
    return {"frames": tf.constant(frames), "label": tf.constant(np.arange(8, dtype=np.int32) % 3)}


def last_checkpoint(workdir):
    return tf.train.load_checkpoint(
        tf.train.latest_checkpoint(str(workdir / "checkpoints" / "last"))
    )


def test_the_loss_is_the_relative_squared_error_of_the_projection():
    keras.utils.set_random_seed(0)
    stream = TSM(4, depth=10, width=0.125)
    distillation = Distillation(stream, feature_dim=6, weight=2.5)
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(6, 64)), rng.normal(size=64)
    distillation.variables["kernel"].assign(kernel)
    distillation.variables["bias"].assign(bias)
    frames, features = rng.normal(size=(3, 4, 32, 32, 3)), rng.normal(size=(3, 6))
    wanted = stream(tf.constant(frames, tf.float32))["features"].numpy()
    found = distillation.losses(tf.constant(frames, tf.float32), tf.constant(features, tf.float32))
    for i in range(3):
        error = features[i] @ kernel + bias - wanted[i]
        assert float(found[i]) == pytest.approx(
            2.5 * (error @ error) / (wanted[i] @ wanted[i]), rel=1e-4
        )


def test_the_stream_learns_the_features_of_a_frozen_teacher(distilled_config):
    def learner():
        return Learner(distilled_config, 3, 3, 12, strategy_for("one_device"))

    distilled = learner()
    distilled_config.distill.workdir = ""
    plain = learner()
    for name, weight in plain.weights.items():
        np.testing.assert_array_equal(distilled.weights[name], weight, err_msg=name)
    batch, frozen = clips(), distilled.distillation.teacher
    frames = preprocessing.normalize(batch["frames"])
    before = [weight.numpy() for weight in frozen.variables]

    def error() -> float:
        features = distilled.model(frames)["features"]
        return float(tf.reduce_mean(distilled.distillation.losses(frames, features)))

    # The projection is zero.
    assert error() == pytest.approx(1, rel=1e-5)
    expected = float(plain.step([batch])[0]) + 1
    assert float(distilled.step([batch])[0]) == pytest.approx(expected, rel=1e-5)
    for _ in range(11):
        distilled.step([batch])
        plain.step([batch])
    assert error() < 0.8
    for weight, value in zip(frozen.variables, before, strict=True):
        np.testing.assert_array_equal(weight, value)
    assert np.any(distilled.weights["conv1/kernel"] != plain.weights["conv1/kernel"])


@pytest.mark.thorough
def test_a_run_goes_on_as_if_not_stopped_and_holds_an_action_stream(distilled_config, tmp_path):
    config, whole, stopped = distilled_config, tmp_path / "whole", tmp_path / "stopped"
    config.train.accumulate_steps, stop = 2, StopRequest()
    stop.set()
    with pytest.raises(PreemptedError, match="step 1"):
        train(config, stopped, stop=stop)
    results = [train(config, workdir) | {"seconds": 0} for workdir in (stopped, whole)]
    assert results[0] == results[1]
    ours, theirs = last_checkpoint(stopped), last_checkpoint(whole)
    names = {
        name
        for name in theirs.get_variable_to_shape_map()
        if name.startswith(("model/", "momentum/", "projection/"))
    }
    for name in names:
        np.testing.assert_array_equal(ours.get_tensor(name), theirs.get_tensor(name), err_msg=name)
    kernel = theirs.get_tensor("projection/kernel/.ATTRIBUTES/VARIABLE_VALUE")
    assert kernel.shape == (64, 128) and np.any(kernel)
    model, _, _ = load_trained_model(whole)
    assert model.feature_dim == 64 and len([n for n in names if "model/" in n]) == len(
        model.variables
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"distill.workdir": "/no/such/run"}, "distill.workdir=/no/such/run .*evaluation.json"),
        ({"distill.weight": 0.0}, "distill.weight=0.0"),
        ({"distill.weight": float("nan")}, "distill.weight=nan"),
        ({"task": "boundary"}, "distill.workdir.*task=boundary"),
        ({"data.num_frames": 8}, "data.num_frames is 4 there and 8 here"),
    ],
)
def test_mistakes_are_named(distilled_config, fields, message):
    distilled_config.update_from_flattened_dict(fields)
    with pytest.raises(InputError, match=message):
        check_fields(distilled_config)


def test_only_a_finished_boundary_stream_teaches(distilled_config, teacher, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(teacher, copy)
    distilled_config.distill.workdir = str(copy)
    check_fields(distilled_config)
    config = (copy / "config.json").read_text()
    (copy / "config.json").write_text(config.replace('"task": "boundary"', '"task": "action"'))
    with pytest.raises(InputError, match="distill.workdir=.*copy .*task=action"):
        check_fields(distilled_config)
    (copy / "config.json").write_text(config)
    (copy / "evaluation.json").unlink()
    with pytest.raises(InputError, match="distill.workdir=.*copy .*evaluation.json"):
        check_fields(distilled_config)
