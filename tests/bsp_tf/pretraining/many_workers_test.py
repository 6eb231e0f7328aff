"""Two real processes on loopback, one of them killed and started again, against one undisturbed
process.
"""

import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bsp_tf.base.remote_path import UrlPath
from bsp_tf.base.servers.mirror import mirror
from bsp_tf.pretraining.trainer import train
from tests.fixtures import warm_python
from tests.fixtures.last_checkpoint import last_values

FIELDS = {
    "model.dropout": 0.0,
    "train.epochs": 3,
    "train.ema_decay": 0.5,
    "optimizer.clip_norm": 1.0,
}


def free_ports() -> int:
    """The first of two free ports beside each other, among those that Slurm's workers take."""
    for port in range(12000 + os.getpid() % 10000, 32000, 2):
        with contextlib.suppress(OSError):
            for each in (port, port + 1):
                socket.create_server(("127.0.0.1", each)).close()
            return port
    raise RuntimeError("no free port")


def tf_config(index: int, port: int) -> dict[str, str]:
    addresses = [f"127.0.0.1:{port}", f"127.0.0.1:{port + 1}"]
    return {
        "TF_CONFIG": json.dumps(
            {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        )
    }


def slurm(index: int, port: int) -> dict[str, str]:
    """What srun sets for two tasks on one node."""
    return {
        "SLURM_PROCID": str(index),
        "SLURM_NTASKS": "2",
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURM_JOB_ID": str(port - 12000),
        "SLURM_STEP_TASKS_PER_NODE": "2",
        "SLURM_STEP_NODELIST": "127.0.0.1",
    }


def start_two(
    config: Path,
    workdir: Path | str,
    place: Callable[[int, int], dict[str, str]],
    *flags: str,
) -> list[warm_python.Process]:
    port = free_ports()
    command = [
        "-m",
        "bsp_tf.pretrain",
        f"--config={config}",
        f"--workdir={workdir}",
        "--strategy=multi_worker",
        *flags,
        *(f"--config.{name}={value}" for name, value in FIELDS.items()),
    ]
    return [
        warm_python.Process(*command, env={**os.environ, **place(index, port)})
        for index in range(2)
    ]


def rows(workdir: Path) -> list[dict]:
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def assert_same_run(workdir: Path, other: Path) -> None:
    values, expected = last_values(workdir, "average"), last_values(other, "average")
    assert values.keys() == expected.keys() and len(values) > 150
    for name, value in expected.items():
        np.testing.assert_allclose(values[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    for row, expected_row in zip(rows(workdir), rows(other), strict=True):
        for name in ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy"):
            assert row[name] == pytest.approx(expected_row[name], abs=1e-5), name


@pytest.mark.thorough
def test_two_workers_equal_one_process_although_one_is_killed(
    tiny_config, tiny_config_file, tmp_path
):
    one, two = tmp_path / "one", tmp_path / "two"
    workers = start_two(tiny_config_file, two, tf_config)
    workers[0].wait_until((two / "checkpoints" / "last" / "step-4.index").exists)
    workers[1].kill()
    tiny_config.update_from_flattened_dict(FIELDS)
    train(tiny_config, one)
    # The survivor notices by itself, and says what to do.
    _, errors = workers[0].communicate()
    assert workers[0].returncode == 75, errors
    assert (
        "is gone" in errors
        and "Start the same command again" in errors
        and "Traceback" not in errors
    )
    assert workers[1].wait() == -signal.SIGKILL
    assert not (two / "evaluation.json").exists()

    # Another is asked to stop: both save and leave.
    workers = start_two(tiny_config_file, two, tf_config)
    workers[0].wait_until(lambda: "train action" in workers[0].errors)
    workers[1].terminate()
    errors = [worker.communicate()[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [75, 75], errors
    assert all("stopped on request at step" in error for error in errors)
    assert not (two / "evaluation.json").exists()

    workers = start_two(tiny_config_file, two, slurm)
    outputs = [worker.communicate() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    assert "continuing from" in outputs[0][0] and outputs[1][0] == ""
    assert_same_run(two, one)
    results = [json.loads((workdir / "evaluation.json").read_text()) for workdir in (one, two)]
    # Nine clips in shares of four: the second worker has fewer, and no clip is counted twice.
    assert results[0]["num_samples"] == 9 and results[0]["confusion"] == results[1]["confusion"]


@pytest.mark.thorough
def test_two_workers_with_one_workdir_in_a_bucket(upload, tiny_config, tiny_config_file, tmp_path):
    """Each with a cache of its own, as on two machines; taken up by two others."""
    address = f"s3://bucket/{tmp_path.name}/two"

    def start(machines: str) -> list[warm_python.Process]:
        def place(index: int, port: int) -> dict[str, str]:
            cache = str(tmp_path / f"{machines}{index}")
            return tf_config(index, port) | {"XDG_CACHE_HOME": cache}

        return start_two(tiny_config_file, address, place)

    workers = start("first")
    workers[0].wait_until((UrlPath(address) / "checkpoints/last/step-4.index").is_file)
    workers[1].kill()
    _, errors = workers[0].communicate()
    assert workers[0].returncode == 75 and "is gone" in errors, errors
    assert not (UrlPath(address) / "evaluation.json").is_file()

    workers = start("second")
    outputs = [worker.communicate() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    assert f"continuing from {address}/checkpoints/last/step-" in outputs[0][0]
    tiny_config.update_from_flattened_dict(FIELDS)
    train(tiny_config, tmp_path / "one")
    mirror(UrlPath(address), tmp_path / "seen", tmp_path / "partial")
    assert_same_run(tmp_path / "seen", tmp_path / "one")


@pytest.mark.thorough
def test_a_dry_run_names_the_worker_that_is_gone(tiny_config_file, tmp_path):
    workers = start_two(tiny_config_file, tmp_path / "none", tf_config, "--dry_run")
    workers[0].wait_until(lambda: "2 replica(s)" in workers[0].output)
    workers[1].kill()
    _, errors = workers[0].communicate()
    assert workers[0].returncode == 75 and "Traceback" not in errors, errors
    assert "is gone" in errors and "this dry run" in errors
    assert not (tmp_path / "none").exists()
