"""The command in a process of its own."""

import json
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures import warm_python


def start(*arguments) -> warm_python.Process:
    return warm_python.Process("-m", "bsp_tf.pretrain", *arguments)


def run(*arguments, **places) -> subprocess.CompletedProcess:
    return warm_python.run("-m", "bsp_tf.pretrain", *arguments, **places)


def last_values(workdir: Path) -> dict[str, np.ndarray]:
    """All numbers of the last checkpoint but times: weights, statistics, momentum, dropout state,
    progress.
    """
    reader = tf.train.load_checkpoint(
        tf.train.latest_checkpoint(str(workdir / "checkpoints" / "last"))
    )
    names = [name for name in reader.get_variable_to_shape_map() if name.endswith("VARIABLE_VALUE")]
    return {
        name: reader.get_tensor(name)
        for name in names
        if "save_counter" not in name and "seconds" not in name
    }


def rows_without_time(workdir: Path) -> list[dict]:
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [
        {name: value for name, value in row.items() if name not in ("seconds", "input_wait")}
        for row in rows
    ]


def test_killed_and_resumed_run_equals_uninterrupted_one_bit_for_bit(tiny_config_file, tmp_path):
    arguments = [
        f"--config={tiny_config_file}",
        "--config.task=boundary",
        "--config.boundary.class_weight=1",
        "--config.train.steps_per_epoch=9",
        "--config.train.epochs=5",
        "--config.train.checkpoint_every_steps=4",
    ]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    uninterrupted = start(*arguments, f"--workdir={whole}")
    process = start(*arguments, f"--workdir={killed}")
    # In the middle of the second epoch, a step or more after a checkpoint.
    process.wait_until((killed / "checkpoints" / "last" / "step-12.index").exists)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "evaluation.json").exists()

    resumed = run(*arguments, f"--workdir={killed}")
    assert resumed.returncode == 0, resumed.stderr
    assert "continuing from" in resumed.stdout
    assert uninterrupted.wait() == 0, uninterrupted.errors
    expected, actual = last_values(whole), last_values(killed)
    assert expected.keys() == actual.keys() and len(expected) > 100
    for name, value in expected.items():
        np.testing.assert_array_equal(actual[name], value, err_msg=name)
    assert rows_without_time(killed) == rows_without_time(whole)
    assert [row["epoch"] for row in rows_without_time(killed)] == [1, 2, 3, 4, 5]


def one_error_line(process: subprocess.CompletedProcess) -> str:
    """The error, after checking that it is one line without a traceback."""
    assert "Traceback" not in process.stderr, process.stderr
    lines = [line for line in process.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, process.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config.modle.depth=18"], "no field 'modle.depth': did you mean --config.model.depth?"),
        (["--config.foo=1"], "no field 'foo'"),
        (["--noconfig.data.flipp"], "did you mean --config.data.flip?"),
        (["--workdir="], "--workdir is empty"),
    ],
)
def test_mistyped_flags_end_with_one_line(tiny_config_file, tmp_path, arguments, message):
    process = run(f"--config={tiny_config_file}", f"--workdir={tmp_path / 'w'}", *arguments)
    assert process.returncode == 2
    assert message in one_error_line(process)
    assert not (tmp_path / "w").exists()


def test_missing_or_broken_config_file(tmp_path):
    missing = run("--config=nowhere/none.py", f"--workdir={tmp_path / 'w'}", "--config.seed=1")
    assert missing.returncode == 2 and "nowhere/none.py" in one_error_line(missing)
    none = run(f"--workdir={tmp_path / 'w'}")
    assert none.returncode == 2 and "--config is not set" in one_error_line(none)
    (tmp_path / "broken.py").write_text("def get_config(:\n")
    broken = run(f"--config={tmp_path / 'broken.py'}", f"--workdir={tmp_path / 'w'}")
    assert broken.returncode == 2 and "SyntaxError" in one_error_line(broken)


def test_diverging_loss_ends_with_status_3(tiny_config_file, tmp_path):
    process = run(
        f"--config={tiny_config_file}",
        f"--workdir={tmp_path / 'w'}",
        "--config.optimizer.clip_norm=0",
        "--config.optimizer.learning_rate=1e30",
        "--config.train.checkpoint_every_steps=1",
        "--config.train.log_every_steps=1",
    )
    assert process.returncode == 3, process.stderr
    assert "no longer finite at step" in one_error_line(process)
    assert not (tmp_path / "w" / "evaluation.json").exists()


def test_sigterm_saves_and_ends_with_a_status_of_its_own(tiny_config_file, tmp_path):
    # Without the signal nothing would be saved for a long time.
    process = start(
        f"--config={tiny_config_file}",
        f"--workdir={tmp_path / 'w'}",
        "--config.train.steps_per_epoch=100000",
        "--config.train.checkpoint_every_steps=100000",
    )
    process.wait_until((tmp_path / "w" / "training_batch.png").exists)
    process.terminate()
    _, errors = process.communicate()
    assert process.returncode == 75, errors
    step = re.search(
        r"stopped on request at step (\d+), saved in .*Start the same command again", errors
    )[1]
    assert (tmp_path / "w" / "checkpoints" / "last" / f"step-{step}.index").exists()
    assert "Traceback" not in errors


def test_dry_run_needs_no_data_and_leaves_nothing(tiny_config_file, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    process = run(
        f"--config={tiny_config_file}",
        "--dry_run",
        "--config.data.train_dir=",
        "--config.task=boundary",
        cwd=here,
    )
    assert process.returncode == 0, process.stderr
    for part in (
        "parameters",
        "GFLOP a clip",
        "3 an epoch x 2 epochs = 6",
        "activations",
        "step 3:",
        "peak memory",
    ):
        assert part in process.stdout, part
    assert not list(here.iterdir())
