"""Batches over tf.data service: real dispatcher and worker processes, one of them killed; order, content, resuming."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.data import pipelines
from bsp_tf.data.input_service import ServiceBatches

PROJECT = Path(__file__).resolve().parents[3]


def start(*arguments):
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen([sys.executable, "-m", "bsp_tf.data_service", *arguments], cwd=PROJECT, text=True,
                               env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return process


def assert_same(batch, expected):
    tf.nest.map_structure(np.testing.assert_array_equal, batch, expected)


@pytest.fixture(scope="module")
def service():
    """A dispatcher and two workers, each a process; yields (address, workers)."""
    dispatcher = start("--role=dispatcher", "--port=0")
    processes = [dispatcher]
    try:
        port = dispatcher.stdout.readline().split()[-1]
        workers = [start("--role=worker", f"--dispatcher=localhost:{port}") for _ in range(2)]
        processes += workers
        assert all("ready" in worker.stdout.readline() for worker in workers)
        yield f"grpc://localhost:{port}", workers
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_the_stream_is_the_local_one_though_a_worker_is_killed_and_resumes(service, make_config, tmp_path, capsys):
    address, workers = service
    config = make_config("boundary")
    expected = list(pipelines.dataset_for(config, "train", 8, 3).take(24).as_numpy_iterator())
    remote = make_config("boundary", **{"data.service": address})
    batches = iter(pipelines.dataset_for(remote, "train", 8, 3))
    for number, batch in enumerate(expected[:20]):
        assert_same(next(batches), batch)
        if number == 6:
            workers[0].kill()
        if number == 11:
            saved = tf.train.Checkpoint(iterator=batches).write(str(tmp_path / "state"))
    assert capsys.readouterr().err.count("is made here") == batches.num_lost

    resumed = iter(pipelines.dataset_for(remote, "train", 8, 3))
    tf.train.Checkpoint(iterator=resumed).read(saved).assert_consumed()
    for batch in expected[12:14]:
        assert_same(next(resumed), batch)
    later = iter(pipelines.dataset_for(remote, "train", 16, 3, first_batch=5, shard_index=1, num_shards=2))
    local = pipelines.dataset_for(config, "train", 16, 3, first_batch=5, shard_index=1, num_shards=2)
    assert_same(next(later), next(local.as_numpy_iterator()))


def test_the_validation_split_is_read_here(make_config):
    config = make_config("action", **{"data.service": "grpc://nowhere:1"})
    assert isinstance(pipelines.dataset_for(config, "validation", 4, 0), tf.data.Dataset)


@pytest.mark.parametrize("address", ["localhost:5050", "grpc://localhost", "http://localhost:1"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(InputError, match="data.service"):
        ServiceBatches(address, 0, None)
