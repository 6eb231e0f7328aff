"""The trained model of a workdir: whole, or refused with the file that is at fault."""

import json

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.pretraining.trained_model import (
    build_model,
    load_trained_model,
    model_state,
    read_actions,
)
from bsp_tf.runs import workdir as folder
from bsp_tf.synthesis.boundary_types import PAPER_TYPES

LABELS = ("walk left", "walk right", "blink")


def save_best(model, workdir):
    tf.train.CheckpointManager(
        tf.train.Checkpoint(model=model_state(model)),
        str(workdir / "checkpoints" / "best"),
        max_to_keep=1,
    ).save()


def test_trained_model_comes_back_whole(tiny_config, tmp_path):
    model = build_model(tiny_config, len(LABELS))
    for variable in model.variables:
        if variable.dtype == "float32":
            variable.assign(np.random.default_rng(0).uniform(0.1, 0.3, variable.shape))
    folder.claim_workdir(tmp_path, tiny_config, LABELS)
    with pytest.raises(InputError, match="best"):
        load_trained_model(tmp_path)
    save_best(model, tmp_path)
    loaded, config, labels = load_trained_model(tmp_path)
    assert labels == list(LABELS)
    assert config.model.depth == 10 and json.loads(config.to_json()) == json.loads(
        tiny_config.to_json()
    )
    assert len(loaded.variables) == len(model_state(loaded)) == len(model.variables)
    for path, expected in model_state(model).items():
        np.testing.assert_array_equal(model_state(loaded)[path], expected, err_msg=path)


def test_a_head_that_names_actions_comes_back_with_them(tiny_config, tmp_path):
    tiny_config.task, tiny_config.boundary.class_weight = "boundary", 1.0
    model = build_model(tiny_config, 4, num_actions=len(LABELS))
    model.action.bias.assign([1.0, 2.0, 3.0])
    folder.claim_workdir(tmp_path, tiny_config, PAPER_TYPES, LABELS)
    save_best(model, tmp_path)
    loaded, config, labels = load_trained_model(tmp_path)
    assert labels == list(PAPER_TYPES) and read_actions(tmp_path, config) == list(LABELS)
    np.testing.assert_array_equal(loaded.action.bias, model.action.bias)
    (tmp_path / "action_labels.txt").unlink()
    with pytest.raises(InputError, match="action_labels.txt"):
        load_trained_model(tmp_path)


def test_what_is_no_workdir(tmp_path):
    with pytest.raises(InputError, match="config.json"):
        load_trained_model(tmp_path)


def test_a_checkpoint_of_another_model_is_told(tiny_config, tmp_path):
    folder.claim_workdir(tmp_path, tiny_config, LABELS)
    other = build_model(tiny_config, 7)
    save_best(other, tmp_path)
    with pytest.raises(InputError, match="best/ckpt-1"):
        load_trained_model(tmp_path)


@pytest.mark.parametrize("pattern", ["*.data*", "*.index"])
def test_a_damaged_checkpoint_is_named(tiny_config, tmp_path, pattern):
    folder.claim_workdir(tmp_path, tiny_config, LABELS)
    save_best(build_model(tiny_config, len(LABELS)), tmp_path)
    path = next((tmp_path / "checkpoints" / "best").glob(pattern))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="best/ckpt-1") as caught:
        load_trained_model(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"), [("[]", "holds no JSON object"), ("{}", "lacks 'task'"), ("{", "not valid")]
)
def test_a_spoilt_config_is_named(tiny_config, tmp_path, text, fault):
    folder.claim_workdir(tmp_path, tiny_config, LABELS)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=f"config.json.*{fault}"):
        load_trained_model(tmp_path)
