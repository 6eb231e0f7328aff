"""Starting from another run's weights, with its classifier or a fresh one."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath
from bsp_tf.base.stack import named_variables
from bsp_tf.pretraining.initial_weights import check_initial_weights
from bsp_tf.pretraining.learner import Learner
from bsp_tf.pretraining.trained_model import build_model, load_trained_model, model_state
from bsp_tf.pretraining.trainer import train
from bsp_tf.runs.preemption import PreemptedError, StopRequest
from bsp_tf.runs.strategy import strategy_for
from bsp_tf.runs.workdir import check_workdir, checkpoint_folder, claim_workdir
from bsp_tf.synthesis.boundary_types import PAPER_TYPES
from tests.fixtures.last_checkpoint import last_values

LABELS = ("walk left", "walk right", "blink")


@pytest.fixture
def source(tiny_config, tmp_path):
    """A workdir of three classes whose weights are all of one value a variable."""
    claim_workdir(tmp_path / "source", tiny_config, LABELS)
    model = build_model(tiny_config, len(LABELS))
    for number, variable in enumerate(model.trainable_variables):
        variable.assign(tf.fill(variable.shape, 0.001 * (number + 1)))
    tf.train.CheckpointManager(
        tf.train.Checkpoint(model=model_state(model)),
        str(checkpoint_folder(tmp_path / "source", "best")),
        1,
    ).save()
    tiny_config.init_from = str(tmp_path / "source")
    return model


def learner(config, num_classes=3, strategy="one_device"):
    return Learner(config, num_classes, 3, 6, strategy_for(strategy))


def test_all_weights_are_taken_but_the_head(tiny_config, source):
    model = learner(tiny_config, num_classes=5).model
    for path, variable in named_variables(source, trainable_only=True).items():
        if not path.startswith("fc/"):
            np.testing.assert_array_equal(variable, model_state(model)[path])
    assert model.fc.kernel.shape == (64, 5) and 0 < np.std(model.fc.kernel) < 0.01
    assert not np.any(model.fc.bias)


def test_the_head_is_kept(tiny_config, source):
    tiny_config.init_head = "keep"
    tiny_config.train.ema_decay = 0.9
    run = learner(tiny_config)
    for name in ("fc/kernel", "conv1/kernel"):
        np.testing.assert_array_equal(run.weights[name], model_state(source)[name])
        np.testing.assert_array_equal(run.average.averages[name], model_state(source)[name])


@pytest.mark.parametrize(
    ("head", "place", "kept"),
    [("keep", "heatmap", True), ("keep", "frames", False), ("drop", "heatmap", False)],
)
def test_a_placing_head_is_kept_where_it_is_of_the_same_kind(
    tiny_config, tmp_path, head, place, kept
):
    tiny_config.task, tiny_config.boundary.place = "boundary", "heatmap"
    claim_workdir(tmp_path / "source", tiny_config, PAPER_TYPES)
    model = build_model(tiny_config, len(PAPER_TYPES))
    model.place.bias.assign([0.5])
    tf.train.Checkpoint(model=model_state(model)).save(
        str(checkpoint_folder(tmp_path / "source", "best") / "epoch")
    )
    tiny_config.update_from_flattened_dict(
        {"init_from": str(tmp_path / "source"), "init_head": head, "boundary.place": place}
    )
    found = learner(tiny_config, len(PAPER_TYPES)).model
    assert found.place.bias.numpy() == ([0.5] if kept else [0.0])
    np.testing.assert_array_equal(found.conv1.kernel, model.conv1.kernel)


@pytest.mark.parametrize(
    ("head", "actions", "kept"),
    [
        ("keep", LABELS, True),
        ("keep", LABELS[::-1], False),
        ("keep", LABELS[:2], False),
        ("drop", LABELS, False),
    ],
)
def test_a_head_that_names_actions_is_kept_where_they_are_the_same(
    tiny_config, tmp_path, head, actions, kept
):
    tiny_config.task, tiny_config.boundary.class_weight = "boundary", 1.0
    claim_workdir(tmp_path / "source", tiny_config, PAPER_TYPES, LABELS)
    model = build_model(tiny_config, len(PAPER_TYPES), num_actions=len(LABELS))
    model.action.bias.assign([0.5, 0.5, 0.5])
    tf.train.Checkpoint(model=model_state(model)).save(
        str(checkpoint_folder(tmp_path / "source", "best") / "epoch")
    )
    tiny_config.update({"init_from": str(tmp_path / "source"), "init_head": head})
    found = Learner(tiny_config, len(PAPER_TYPES), 3, 6, strategy_for("one_device"), actions).model
    np.testing.assert_array_equal(found.action.bias, [0.5 if kept else 0.0] * len(actions))
    np.testing.assert_array_equal(found.conv1.kernel, model.conv1.kernel)


def test_the_seed_still_gives_head_and_dropout(tiny_config, source):
    first, again = learner(tiny_config).model, learner(tiny_config).model
    tiny_config.seed = 5
    other = learner(tiny_config).model
    np.testing.assert_array_equal(first.fc.kernel, again.fc.kernel)
    np.testing.assert_array_equal(first.dropout.state, again.dropout.state)
    assert np.any(first.fc.kernel != other.fc.kernel) and np.any(
        first.dropout.state != other.dropout.state
    )


def test_a_run_in_a_bucket_gives_the_same_weights(
    eagerly, tiny_config, source, tmp_path, monkeypatch
):
    pytest.importorskip("fsspec", reason="NOT TESTED: fsspec is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    address = f"memory://{tmp_path.name}/source"
    for file in filter(Path.is_file, (tmp_path / "source").rglob("*")):
        (UrlPath(address) / str(file.relative_to(tmp_path / "source"))).upload(file)
    stop, values = StopRequest(), []
    stop.set()
    for workdir, place in (("near", str(tmp_path / "source")), ("far", address)):
        tiny_config.init_from = place
        with pytest.raises(PreemptedError):
            train(tiny_config, tmp_path / workdir, stop=stop)
        values.append(last_values(tmp_path / workdir))
    assert values[0].keys() == values[1].keys()
    for name, value in values[0].items():
        np.testing.assert_array_equal(values[1][name], value, err_msg=name)
    # Where the copy lies is of this machine.
    assert json.loads((tmp_path / "far/config.json").read_text())["init_from"] == address


def test_a_run_that_starts_from_a_run(tiny_config, source, tmp_path):
    tiny_config.update_from_flattened_dict(
        {
            "init_head": "keep",
            "train.epochs": 1,
            "train.steps_per_epoch": 1,
            "optimizer.learning_rate": 1e-9,
        }
    )
    train(tiny_config, tmp_path / "run")
    model, config, _ = load_trained_model(tmp_path / "run")
    np.testing.assert_allclose(model.fc.kernel, source.fc.kernel, atol=1e-6)
    np.testing.assert_allclose(model.conv1.kernel, source.conv1.kernel, atol=1e-6)
    assert config.init_from == str(tmp_path / "source")


@pytest.mark.parametrize(
    ("fields", "labels", "message"),
    [
        ({"init_head": "both"}, LABELS, "init_head.*both"),
        ({"init_from": "/no/such/run"}, LABELS, "init_from=/no/such/run .*config.json"),
        ({"init_from": __file__}, LABELS, "initial_weights_test.py .*bsp_tf.import_weights"),
        ({"model.depth": 18}, LABELS, "model.depth was 10, is now 18"),
        ({"init_head": "keep"}, ("a", "b"), "init_head=keep.*walk left.*init_head=drop"),
        ({"init_head": "keep"}, LABELS[::-1], "init_head=keep.*blink"),
    ],
)
def test_mistakes(tiny_config, source, fields, labels, message):
    tiny_config.update_from_flattened_dict(fields)
    with pytest.raises(InputError, match=message):
        check_initial_weights(tiny_config, labels)


def test_names_are_not_compared_where_the_import_had_none(tiny_config, source, tmp_path):
    path = tmp_path / "source" / "config.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"imported": {"labels_given": False}})
    )
    tiny_config.init_head = "keep"
    check_initial_weights(tiny_config, ("a", "b", "c"))
    with pytest.raises(InputError, match="init_head=keep.*2: a, b"):
        check_initial_weights(tiny_config, ("a", "b"))


def test_a_run_from_before_there_were_backbones(tiny_config, source, tmp_path):
    path = tmp_path / "source" / "config.json"
    older = json.loads(path.read_text())
    assert older["model"].pop("backbone") == "resnet"
    path.write_text(json.dumps(older))
    same = tiny_config.copy_and_resolve_references()
    same.init_from = ""
    check_workdir(tmp_path / "source", same, LABELS)
    check_initial_weights(tiny_config, LABELS)
    model, config, _ = load_trained_model(tmp_path / "source")
    np.testing.assert_array_equal(model.conv1.kernel, source.conv1.kernel)
    assert "backbone" not in config.model
    tiny_config.model.backbone = "mobilenet_v2"
    with pytest.raises(InputError, match="model.backbone.*resnet.*mobilenet_v2"):
        check_initial_weights(tiny_config, LABELS)


def test_an_import_without_a_classifier(tiny_config, source, tmp_path):
    path = tmp_path / "source" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"imported": {"classifier": False}}))
    (tmp_path / "source" / "labels.txt").unlink()
    check_initial_weights(tiny_config, LABELS)
    tiny_config.init_head = "keep"
    with pytest.raises(InputError, match="init_head=drop"):
        check_initial_weights(tiny_config, LABELS)


def test_no_checkpoint_yet(tiny_config, source, tmp_path):
    for file in checkpoint_folder(tmp_path / "source", "best").iterdir():
        file.unlink()
    with pytest.raises(InputError, match="init_from.*source/checkpoints/best"):
        learner(tiny_config)
