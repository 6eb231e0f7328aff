"""Runs whose workdir is in a bucket: what stands there after kills, and what is refused."""

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath, cache_folder
from bsp_tf.pretraining import trainer
from bsp_tf.runs.preemption import PreemptedError
from tests.fixtures import warm_python
from tests.fixtures.last_checkpoint import last_values
from tests.fixtures.stop_at_step import StopAtStep

fsspec = pytest.importorskip("fsspec", reason="NOT TESTED: fsspec is not installed")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def fetched(address: str, place: Path) -> Path:
    """What a reader sees now, after a check that its lists name only checkpoints that are whole."""
    shutil.rmtree(place, ignore_errors=True)
    path = UrlPath(address)
    for name in path.facts_below():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes((path / name).read_bytes())
    for which in ("last", "best"):
        found = tf.train.get_checkpoint_state(str(place / "checkpoints" / which))
        for prefix in found.all_model_checkpoint_paths if found else ():
            reader = tf.train.load_checkpoint(prefix)
            for name in reader.get_variable_to_shape_map():
                reader.get_tensor(name)
    return place


def rows(workdir: Path) -> list[dict]:
    path = workdir / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    timed = ("seconds", "input_wait")
    return [{k: v for k, v in json.loads(line).items() if k not in timed} for line in lines]


def assert_same_run(workdir: Path, other: Path) -> None:
    for which in ("last", "best"):
        names = [
            os.path.basename(tf.train.latest_checkpoint(str(place / "checkpoints" / which)))
            for place in (workdir, other)
        ]
        assert names[0] == names[1]
    values, expected = last_values(workdir), last_values(other)
    assert values.keys() == expected.keys() and len(values) > 50
    for name, value in expected.items():
        np.testing.assert_array_equal(values[name], value, err_msg=name)
    assert rows(workdir) == rows(other) and rows(other)


def test_a_run_stopped_and_taken_up_elsewhere_is_found_finished(
    eagerly, tiny_config, tmp_path, monkeypatch, capsys
):
    address = f"memory://{tmp_path.name}/run"
    with pytest.raises(PreemptedError, match=f"saved in {address}"):
        trainer.train(tiny_config, address, stop=StopAtStep(3))
    seen = fetched(address, tmp_path / "seen")
    assert tf.train.latest_checkpoint(str(seen / "checkpoints/last")).endswith("step-3")
    assert not (seen / "evaluation.json").exists()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    result = trainer.train(tiny_config, address)
    seen = fetched(address, tmp_path / "seen")
    assert json.loads((seen / "evaluation.json").read_text()) == result
    lasts = {path.name for path in (seen / "checkpoints/last").iterdir()}
    assert {name for name in lasts if name.endswith(".index")} == {"step-4.index", "step-6.index"}
    assert {"labels.txt", "training_batch.png", "tensorboard"} <= set(os.listdir(seen))
    trainer.train(tiny_config, tmp_path / "local")
    assert_same_run(seen, tmp_path / "local")

    monkeypatch.setattr(trainer, "Trainer", None)
    local = cache_folder(UrlPath(address), "runs") / "0" / "content" / "run"
    kept = {path: path.stat().st_ino for path in local.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert trainer.train(tiny_config, address) == result
    assert f"already done: {address}/evaluation.json" in capsys.readouterr().out
    # What was sent from here is not fetched again.
    assert kept == {path: path.stat().st_ino for path in local.rglob("*") if path.is_file()}
    tiny_config.optimizer.learning_rate = 0.5
    with pytest.raises(InputError, match=f"^{address} was made.*learning_rate") as caught:
        trainer.train(tiny_config, address)
    assert "cache" not in str(caught.value) and "elsewhere" not in str(caught.value)


def test_the_bucket_wins(eagerly, tiny_config, tmp_path):
    address = f"memory://{tmp_path.name}/run"
    with pytest.raises(PreemptedError):
        trainer.train(tiny_config, address, stop=StopAtStep(0))
    local = cache_folder(UrlPath(address), "runs") / "0" / "content" / "run"
    (local / "labels.txt").write_text("other\n")
    (local / "metrics.jsonl").write_text('{"step": 1}\n')
    with pytest.raises(PreemptedError):
        trainer.train(tiny_config, address, stop=StopAtStep(0))
    assert (local / "labels.txt").read_text() == (
        UrlPath(address) / "labels.txt"
    ).read_bytes().decode()
    assert not (local / "metrics.jsonl").exists()


def test_a_server_that_refuses_amid_a_run(eagerly, tiny_config, tmp_path, monkeypatch):
    address = f"memory://{tmp_path.name}/run"
    put = type(UrlPath(address).files).put_file

    def refuse(self, file, place, **options):
        if "step-4" in place:
            raise PermissionError("Access Denied")
        put(self, file, place, **options)

    monkeypatch.setattr(type(UrlPath(address).files), "put_file", refuse)
    with pytest.raises(InputError, match=f"{address}/.*step-4.*Access Denied") as caught:
        trainer.train(tiny_config, address)
    local = cache_folder(UrlPath(address), "runs") / "0" / "content" / "run"
    assert str(local) in str(caught.value) and "\n" not in str(caught.value)
    assert (local / "checkpoints/last/step-4.index").exists()
    seen = fetched(address, tmp_path / "seen")
    assert tf.train.latest_checkpoint(str(seen / "checkpoints/last")).endswith("step-3")
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://host/run?signature=5ec3e7", "--workdir=https://host/run.*takes no files"),
        ("s3://no-such-bucket/run", "--workdir=s3://no-such-bucket/run: .*no such bucket"),
        ("s3://key:5ec3e7@bucket/run", "password"),
    ],
)
def test_addresses_that_take_no_run(tiny_config, tmp_path, upload, monkeypatch, address, words):
    monkeypatch.setattr(trainer, "Trainer", None)
    with pytest.raises(InputError, match=words) as caught:
        trainer.train(tiny_config, address)
    assert "5ec3e7" not in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_no_credentials_are_told_before_any_training(tiny_config, upload, monkeypatch, tmp_path):
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(trainer, "Trainer", None)
    with pytest.raises(InputError, match="s3://bucket/run.*Set AWS_ACCESS_KEY_ID"):
        trainer.train(tiny_config, "s3://bucket/run")
    S3FileSystem.clear_instance_cache()


def killed_and_resumed(arguments, address, tmp_path, kills):
    """The command, killed at random moments, each time with nothing in the cache."""
    chance = random.Random(0)
    for number in range(kills + 1):
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / f"cache{number}")}
        process = warm_python.Process("-m", *arguments, f"--workdir={address}", env=environment)
        if number == kills:
            assert process.wait() == 0, process.errors
            return process
        path = UrlPath(f"{address}/checkpoints/last")
        before = path.facts_below()
        process.wait_until(lambda path=path, before=before: path.facts_below() != before)
        time.sleep(chance.uniform(0, 0.5))
        process.kill()
        assert process.wait() == -signal.SIGKILL
        fetched(address, tmp_path / "seen")
    return None


@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.thorough)])
def test_a_run_killed_and_taken_up_by_other_machines_is_a_local_one(
    upload, tiny_config_file, tmp_path, kills
):
    arguments = [
        "bsp_tf.pretrain",
        f"--config={tiny_config_file}",
        "--config.train.steps_per_epoch=9",
        "--config.train.epochs=4",
    ]
    local = warm_python.Process("-m", *arguments, f"--workdir={tmp_path / 'local'}")
    address = f"s3://bucket/{tmp_path.name}/run"
    process = killed_and_resumed(arguments, address, tmp_path, kills)
    assert f"continuing from {address}/checkpoints/last/step-" in process.output
    assert f"workdir: {address}" in process.output and f"cache{kills}" not in process.output
    assert local.wait() == 0, local.errors
    assert_same_run(fetched(address, tmp_path / "seen"), tmp_path / "local")


def test_sigterm_leaves_the_newest_checkpoint_in_the_bucket(upload, tiny_config_file, tmp_path):
    address = f"s3://bucket/{tmp_path.name}/stopped"
    process = warm_python.Process(
        "-m",
        "bsp_tf.pretrain",
        f"--config={tiny_config_file}",
        f"--workdir={address}",
        "--config.train.steps_per_epoch=100000",
        "--config.train.checkpoint_every_steps=100000",
    )
    local = tmp_path / "cache/bsp_tf/runs"
    process.wait_until(lambda: list(local.rglob("training_batch.png")))
    process.terminate()
    assert process.wait() == 75, process.errors
    assert f"saved in {address}." in process.errors
    seen = fetched(address, tmp_path / "seen")
    step = tf.train.latest_checkpoint(str(seen / "checkpoints/last")).rpartition("-")[2]
    assert f"stopped on request at step {step}," in process.errors
