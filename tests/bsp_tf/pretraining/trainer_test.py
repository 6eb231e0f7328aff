import itertools
import json
import math
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.image import imread

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.pretraining import trainer
from bsp_tf.pretraining.evaluation import Evaluator
from bsp_tf.pretraining.learner import Learner
from bsp_tf.pretraining.preflight import plan_run
from bsp_tf.pretraining.trained_model import load_trained_model
from bsp_tf.runs.preemption import PreemptedError, StopRequest
from bsp_tf.runs.progress import TrainingDivergedError
from bsp_tf.runs.strategy import strategy_for
from bsp_tf.runs.workdir import claim_workdir
from tests.fixtures import warm_python
from tests.fixtures.full_disk import refused_on_a_full_disk


def rows(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def test_a_run_leaves_a_complete_workdir(tiny_config, tmp_path, capsys):
    result = trainer.train(tiny_config, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "config.json",
        "labels.txt",
        "clips.json",
        "checkpoints",
        "tensorboard",
        "metrics.jsonl",
        "evaluation.json",
        "training_batch.png",
    }
    assert json.loads((tmp_path / "evaluation.json").read_text()) == result
    assert set(result) == {
        "task",
        "accuracy",
        "loss",
        "num_samples",
        "per_class",
        "confusion",
        "labels",
        "static_accuracy",
        "best_epoch",
        "seconds",
    }
    confusion = np.array(result["confusion"])
    assert confusion.sum() == result["num_samples"] > 0
    assert result["accuracy"] == pytest.approx(np.trace(confusion) / confusion.sum())
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2] and [
        row["step"] for row in rows(tmp_path)
    ] == [3, 6]
    assert set(rows(tmp_path)[0]) == {
        "epoch",
        "step",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "learning_rate",
        "input_wait",
        "seconds",
    }
    assert all(0 < row["input_wait"] < 1 for row in rows(tmp_path))
    # The best epoch is the first with the highest accuracy, and its weights are what
    # evaluation.json describes.
    accuracies = [row["validation_accuracy"] for row in rows(tmp_path)]
    assert result["best_epoch"] == 1 + int(np.argmax(accuracies)) and result["accuracy"] == max(
        accuracies
    )
    picture = imread(tmp_path / "training_batch.png")
    assert picture.ndim == 3 and picture.std() > 0.05
    tags = {
        value.tag
        for path in (tmp_path / "tensorboard" / "train").iterdir()
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    }
    assert {
        "loss",
        "accuracy",
        "learning_rate",
        "gradient_norm",
        "input_wait",
        "training_batch",
    } <= tags
    _, config, labels = load_trained_model(tmp_path)
    assert config.task == "action" and labels == result["labels"]

    capsys.readouterr()
    assert trainer.train(tiny_config, tmp_path) == result
    assert "already done" in capsys.readouterr().out
    tiny_config.optimizer.learning_rate = 0.5
    with pytest.raises(InputError, match="optimizer.learning_rate was 0.01, is now 0.5"):
        trainer.train(tiny_config, tmp_path)


def test_nan_stops_the_run_and_stays_out_of_the_checkpoint(
    eagerly, tiny_config, tmp_path, monkeypatch
):
    tiny_config.train.log_every_steps = 100
    tiny_config.train.checkpoint_every_steps = 4
    tiny_config.train.steps_per_epoch = 20
    real = Learner.step

    def poisoned(self, batches):
        # As a division by zero in the 6th step would: the step's loss and every weight turn NaN.
        if int(self.progress.step) == 5:
            self.model.fc.bias.assign(np.full(3, np.nan, np.float32))
        return real(self, batches)

    monkeypatch.setattr(Learner, "step", poisoned)
    with pytest.raises(TrainingDivergedError, match="step 6.*last/step-4"):
        trainer.train(tiny_config, tmp_path)
    latest = tf.train.latest_checkpoint(str(tmp_path / "checkpoints" / "last"))
    assert latest.endswith("step-4")
    reader = tf.train.load_checkpoint(latest)
    for name in reader.get_variable_to_shape_map():
        if name.startswith("model/"):
            assert np.isfinite(reader.get_tensor(name)).all(), name


def test_an_overflow_in_validation_ends_the_run(eagerly, tiny_config, tmp_path, monkeypatch):
    real = Evaluator.__call__

    def overflown(self, batches, static=False):
        return real(self, batches, static) | {"loss": math.inf}

    monkeypatch.setattr(Evaluator, "__call__", overflown)
    with pytest.raises(TrainingDivergedError):
        trainer.train(tiny_config, tmp_path)
    assert not (tmp_path / "evaluation.json").exists()


def test_records_that_have_changed_are_refused(tiny_config, make_records, tmp_path):
    """Steps and epochs are made of the number of clips."""
    tiny_config.data.train_dir = str(make_records(tmp_path / "records", 8))
    plan = plan_run(tiny_config)
    claim_workdir(tmp_path / "w", tiny_config, plan.labels, plan.actions, plan.num_clips)
    shutil.rmtree(tmp_path / "records")
    make_records(tmp_path / "records", 6)
    with pytest.raises(InputError, match=r"clips.json.*24.*18"):
        trainer.train(tiny_config, tmp_path / "w")


@pytest.mark.thorough
def test_best_accuracy_survives_a_restart(tiny_config, tmp_path, monkeypatch):
    scores = iter([0.5, 0.25, 0.5, 0.5, 0.3])
    tiny_config.train.epochs = 3

    class Stopped(Exception):
        pass

    def evaluate(self, dataset, static=False):
        return {
            "accuracy": next(scores),
            "loss": 1.0,
            "num_samples": 9,
            "confusion": np.eye(3, dtype=np.int64),
        }

    def save_and_stop(self, step):
        real_save(self, step)
        if step == 7:
            raise Stopped

    real_save = trainer.Trainer._save
    tiny_config.train.checkpoint_every_steps = 1
    monkeypatch.setattr(Learner, "step", count_only)
    monkeypatch.setattr(trainer.Evaluator, "__call__", evaluate)
    monkeypatch.setattr(trainer.Trainer, "_save", save_and_stop)
    with pytest.raises(Stopped):
        trainer.train(tiny_config, tmp_path)
    monkeypatch.setattr(trainer.Trainer, "_save", real_save)
    # 0.5 again in the third epoch is no better than the first, which the new process knows from
    # metrics.jsonl.
    assert trainer.train(tiny_config, tmp_path)["best_epoch"] == 1
    assert [row["validation_accuracy"] for row in rows(tmp_path)] == [0.5, 0.25, 0.5]
    assert tf.train.latest_checkpoint(str(tmp_path / "checkpoints" / "best")).endswith("epoch-1")


def count_only(self, batches):
    """A training step that trains nothing."""
    self.progress.step.assign_add(1)
    return tf.zeros([]), tf.zeros([]), tf.zeros([])


class StopAtLook(StopRequest):
    """Asked to stop from the n-th look on."""

    def __init__(self, look):
        self.looks = itertools.count(1)
        self.look = look

    @property
    def is_set(self):
        return next(self.looks) >= self.look


@pytest.mark.thorough
def test_a_full_disk_is_named_and_the_run_goes_on_from_there(eagerly, tiny_config, tmp_path):
    with refused_on_a_full_disk(tmp_path / "run", most_bytes=20_000):
        trainer.train(tiny_config, tmp_path / "run")
    assert trainer.train(tiny_config, tmp_path / "run")["best_epoch"] >= 1
    assert rows(tmp_path / "run")[-1]["epoch"] == tiny_config.train.epochs


def test_asked_to_stop_it_saves_at_once_and_goes_on_as_if_not(eagerly, tiny_config, tmp_path):
    tiny_config.train.steps_per_epoch, tiny_config.train.epochs = 3, 1
    # Looks: after step 1; after step 2 and when it is saved; after step 3, when it is saved and
    # before a batch of the evaluation.
    for step, look in ((1, 1), (2, 2), (3, 3)):
        with pytest.raises(PreemptedError, match=f"step {step}"):
            trainer.train(tiny_config, tmp_path, stop=StopAtLook(look))
        assert (tmp_path / "checkpoints" / "last" / f"step-{step}.index").exists()
        assert not (tmp_path / "metrics.jsonl").exists()
    result = trainer.train(tiny_config, tmp_path)
    assert [row["step"] for row in rows(tmp_path)] == [3] and result["best_epoch"] == 1


@pytest.mark.thorough
def test_averaged_weights_are_evaluated_and_kept(eagerly, tiny_config, tmp_path):
    tiny_config.train.ema_decay, tiny_config.train.epochs = 0.9, 1
    trainer.train(tiny_config, tmp_path)
    last, best = (
        tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path / "checkpoints" / name)))
        for name in ("last", "best")
    )
    names = [
        name.partition("/")[2]
        for name in last.get_variable_to_shape_map()
        if name.startswith("average/")
    ]
    assert len(names) > 50
    for name in names:
        np.testing.assert_array_equal(
            best.get_tensor(f"model/{name}"), last.get_tensor(f"average/{name}")
        )
    name = "fc.Skernel/.ATTRIBUTES/VARIABLE_VALUE"
    assert not np.array_equal(last.get_tensor(f"model/{name}"), last.get_tensor(f"average/{name}"))


def assert_same_after_a_stop(config, tmp_path, head):
    """Trains in one go and with a stop; returns the result, the same of both."""
    with pytest.raises(PreemptedError):
        trainer.train(config, tmp_path / "stopped", stop=StopAtLook(1))
    results = [trainer.train(config, tmp_path / name) for name in ("stopped", "whole")]
    assert results[0] | {"seconds": 0} == results[1] | {"seconds": 0}
    stopped, whole = (
        tf.train.load_checkpoint(
            tf.train.latest_checkpoint(str(tmp_path / name / "checkpoints" / "last"))
        )
        for name in ("stopped", "whole")
    )
    names = [n for n in whole.get_variable_to_shape_map() if n.startswith(("model/", "momentum/"))]
    assert any(f"{head}.Skernel" in name for name in names)
    for name in names:
        np.testing.assert_array_equal(
            stopped.get_tensor(name), whole.get_tensor(name), err_msg=name
        )
    return results[0]


@pytest.mark.thorough
def test_a_run_that_names_actions_goes_on_as_if_not_stopped(eagerly, tiny_config, tmp_path, capsys):
    tiny_config.task, tiny_config.train.accumulate_steps = "boundary", 2
    tiny_config.boundary.class_weight = 1.0
    result = assert_same_after_a_stop(tiny_config, tmp_path, "action")
    actions, rows_ = result["actions"], rows(tmp_path / "whole")
    # A diff-class sample shows two.
    assert actions["num_samples"] == result["num_samples"] * 3 // 4
    best = rows_[result["best_epoch"] - 1]
    assert best["validation_action_accuracy"] == actions["accuracy"]
    sums = [row["validation_accuracy"] + row["validation_action_accuracy"] for row in rows_]
    assert result["best_epoch"] == 1 + int(np.argmax(sums))
    assert f"of the actions {actions['accuracy']:.3f}" in capsys.readouterr().out
    labels = (tmp_path / "whole" / "action_labels.txt").read_text()
    assert labels == "walk left\nwalk right\nblink\n"


@pytest.mark.thorough
def test_a_run_that_places_boundaries_goes_on_as_if_not_stopped(
    eagerly, tiny_config, tmp_path, capsys
):
    tiny_config.task, tiny_config.train.accumulate_steps = "boundary", 2
    tiny_config.boundary.update({"place": "heatmap", "type_weight": 0.0})
    result = assert_same_after_a_stop(tiny_config, tmp_path, "place")
    placing = result["placing"]
    assert placing["num_boundaries"] == result["num_samples"] * 3 // 4
    assert 0 <= placing["median_error"] <= 3.5 and 0 <= placing["auc"] <= 1
    rows_ = rows(tmp_path / "whole")
    best = rows_[result["best_epoch"] - 1]
    assert best["validation_place_auc"] == placing["auc"]
    assert best["validation_loss"] == min(row["validation_loss"] for row in rows_)
    assert f"AUC {placing['auc']:.3f}" in capsys.readouterr().out


class KillAtLook(StopRequest):
    """Never asked to stop; kills a process at the n-th look."""

    def __init__(self, process, look):
        self.process, self.look, self.looks = process, look, 0

    @property
    def is_set(self):
        self.looks += 1
        if self.looks == self.look:
            self.process.kill()
        return False


@pytest.mark.thorough
def test_batches_of_a_service_train_the_same_weights_though_a_worker_is_killed(
    tiny_config, tmp_path
):
    trainer.train(tiny_config, tmp_path / "here")
    processes = [start_service("--role=dispatcher", "--port=0")]
    try:
        port = processes[0].first_line().split()[-1]
        processes += [
            start_service("--role=worker", f"--dispatcher=localhost:{port}") for _ in range(2)
        ]
        assert all("ready" in process.first_line() for process in processes[1:])
        tiny_config.data.service = f"grpc://localhost:{port}"
        trainer.train(tiny_config, tmp_path / "service", stop=KillAtLook(processes[1], 2))
    finally:
        for process in processes:
            process.kill()
            process.wait()
    here, service = (
        tf.train.load_checkpoint(
            tf.train.latest_checkpoint(str(tmp_path / name / "checkpoints" / "last"))
        )
        for name in ("here", "service")
    )
    for name in here.get_variable_to_shape_map():
        if name.startswith(("model/", "momentum/")):
            np.testing.assert_array_equal(
                service.get_tensor(name), here.get_tensor(name), err_msg=name
            )


def start_service(*arguments):
    return warm_python.Process("-m", "bsp_tf.data_service", *arguments)


@pytest.mark.parametrize("field", ["train_dir", "validation_dir"])
def test_a_record_damaged_in_the_middle_is_named(
    tiny_config, make_records, tmp_path, monkeypatch, field
):
    folder = make_records(tmp_path / "records", 8)
    shard = folder / "clips-00001-of-00002"
    content = bytearray(shard.read_bytes())
    content[-200:-100] = bytes(100)
    shard.write_bytes(content)
    tiny_config.data[field] = str(folder)
    monkeypatch.setattr(Learner, "step", count_only)
    with pytest.raises(InputError, match="damaged record .* in .*records") as error:
        trainer.train(tiny_config, tmp_path / "run")
    assert "\n" not in str(error.value) and str(shard) in str(error.value)


def test_a_refused_config_leaves_no_workdir(tiny_config, tmp_path):
    for field, value in (
        ("model.depth", 20),
        ("optimizer.schedule", "linear"),
        ("data.sampling", "every"),
    ):
        config = tiny_config.copy_and_resolve_references()
        config.update_from_flattened_dict({field: value})
        with pytest.raises(InputError, match=str(value)):
            trainer.train(config, tmp_path / "run")
        assert not (tmp_path / "run" / "config.json").exists()


def test_the_same_seed_starts_with_the_same_weights(tiny_config):
    def weights(seed):
        tiny_config.seed = seed
        learner = Learner(tiny_config, 3, 3, 6, strategy_for("one_device"))
        return [weight.numpy() for weight in learner.weights.values()]

    first, again, other = weights(0), weights(0), weights(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_a_folder_that_another_run_writes_is_refused(tiny_config, tmp_path):
    with lock_folder(tmp_path / "out"):
        with pytest.raises(InputError, match=f"process {os.getpid()}.*{tmp_path / 'out'}"):
            trainer.train(tiny_config, tmp_path / "out")
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
