"""Two real processes on loopback, one of them killed and started again, against one undisturbed process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.training.trainer import train

PROJECT = Path(__file__).resolve().parents[3]
FIELDS = {"model.dropout": 0.0, "train.epochs": 3, "train.ema_decay": 0.5, "optimizer.clip_norm": 1.0}


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start_two(config: Path, workdir: Path) -> list[subprocess.Popen]:
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    command = [sys.executable, "-m", "bsp_tf.pretrain", f"--config={config}", f"--workdir={workdir}",
               "--strategy=multi_worker", *(f"--config.{name}={value}" for name, value in FIELDS.items())]
    workers = []
    for index in range(2):
        place = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "TF_CONFIG": json.dumps(place)}
        workers.append(subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True))
    return workers


def last_values(workdir: Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(workdir / "checkpoints" / "last")))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
            if name.startswith(("model/", "momentum/", "average/"))}


def rows(workdir: Path) -> list[dict]:
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def assert_same_run(workdir: Path, other: Path) -> None:
    values, expected = last_values(workdir), last_values(other)
    assert values.keys() == expected.keys() and len(values) > 150
    for name, value in expected.items():
        np.testing.assert_allclose(values[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    for row, expected_row in zip(rows(workdir), rows(other), strict=True):
        for name in ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy"):
            assert row[name] == pytest.approx(expected_row[name], abs=1e-5), name


def test_two_workers_equal_one_process_although_one_is_killed(tiny_config, tiny_config_file, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    workers = start_two(tiny_config_file, two)
    while not (two / "checkpoints" / "last" / "step-4.index").exists():
        assert [worker.poll() for worker in workers] == [None, None], [w.communicate() for w in workers]
        time.sleep(0.005)
    workers[1].send_signal(signal.SIGKILL)
    tiny_config.update_from_flattened_dict(FIELDS)
    train(tiny_config, one)
    # The survivor notices by itself, and says what to do.
    _, errors = workers[0].communicate(timeout=100)
    assert workers[0].returncode == 75, errors
    assert "is gone" in errors and "Start the same command again" in errors and "Traceback" not in errors
    workers[1].communicate()
    assert not (two / "evaluation.json").exists()

    workers = start_two(tiny_config_file, two)
    outputs = [worker.communicate(timeout=200) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    assert "continuing from" in outputs[0][0] and outputs[1][0] == ""
    assert_same_run(two, one)
    results = [json.loads((workdir / "evaluation.json").read_text()) for workdir in (one, two)]
    # Nine clips in shares of four: the second worker has fewer, and no clip is counted twice.
    assert results[0]["num_samples"] == 9 and results[0]["confusion"] == results[1]["confusion"]
