"""Batches over tf.data service: real processes that are killed; order, content, resuming.

On a loaded machine the service may be silent for as long as it likes, and one worker far behind the
other: no test counts on the service to be quick.
"""

import time

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.clips import input_service, pipelines
from bsp_tf.clips.input_service import ServiceBatches
from tests.fixtures import warm_python


def start(*arguments):
    return warm_python.Process("-m", "bsp_tf.data_service", *arguments)


def stop(processes):
    for process in processes:
        process.kill()
        process.wait()


def assert_same(batch, expected):
    tf.nest.map_structure(np.testing.assert_array_equal, batch, expected)


@pytest.fixture(scope="module")
def service():
    """A dispatcher and two workers, each a process; yields (address, workers)."""
    dispatcher = start("--role=dispatcher", "--port=0")
    processes = [dispatcher]
    try:
        port = dispatcher.first_line().split()[-1]
        workers = [start("--role=worker", f"--dispatcher=localhost:{port}") for _ in range(2)]
        processes += workers
        assert all("ready" in worker.first_line() for worker in workers)
        yield f"grpc://localhost:{port}", workers
    finally:
        stop(processes)


def test_the_stream_is_the_local_one_though_a_worker_is_killed_and_resumes(
    service, make_config, tmp_path, capsys
):
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
    # How many are lost is chance. Each is named, but for those of a time of silence.
    printed = capsys.readouterr().err
    named = printed.count("lost batch")
    assert named == batches.num_lost or (named < batches.num_lost and "until one comes" in printed)

    resumed = iter(pipelines.dataset_for(remote, "train", 8, 3))
    tf.train.Checkpoint(iterator=resumed).read(saved).assert_consumed()
    for batch in expected[12:14]:
        assert_same(next(resumed), batch)
    later = iter(
        pipelines.dataset_for(remote, "train", 16, 3, first_batch=5, shard_index=1, num_shards=2)
    )
    local = pipelines.dataset_for(
        config, "train", 16, 3, first_batch=5, shard_index=1, num_shards=2
    )
    assert_same(next(later), next(local.as_numpy_iterator()))


def test_a_batch_that_the_service_loses_is_made_here(service, monkeypatch, capsys):
    """The service's stream lacks number 3 and consists of pairs of exchanged neighbours."""
    monkeypatch.setattr(input_service, "PATIENCE_SECONDS", 120.0)

    def make_batches(first, end):
        if end is not None:
            return tf.data.Dataset.from_tensors(
                (tf.constant(first, tf.int64), {"here": tf.constant(True)})
            )
        numbers = tf.data.Dataset.range(first, 10_000).filter(lambda n: n != 3)
        return numbers.map(lambda n: (n ^ 1, {"here": tf.constant(False)}))

    batches = iter(ServiceBatches(service[0], 0, make_batches))
    made_here = [bool(next(batches)["here"]) for _ in range(12)]
    # Number 3 of that range is batch 2.
    assert made_here[2] and "lost batch 2" in capsys.readouterr().err
    # A worker far behind the other loses more.
    assert sum(made_here) == batches.num_lost < 12


@pytest.mark.thorough
def test_training_goes_on_without_a_dispatcher_and_with_it_again(make_config, monkeypatch, capsys):
    monkeypatch.setattr(input_service, "PATIENCE_SECONDS", 1.0)
    expected = pipelines.dataset_for(make_config("action"), "train", 4, 0).as_numpy_iterator()
    dispatcher = start("--role=dispatcher", "--port=0")
    port = dispatcher.first_line().split()[-1]
    dispatcher.kill()
    dispatcher.wait()
    batches = iter(
        pipelines.dataset_for(
            make_config("action", **{"data.service": f"grpc://localhost:{port}"}), "train", 4, 0
        )
    )
    processes = []
    try:
        for _ in range(3):
            assert_same(next(batches), next(expected))
        assert batches.num_lost == 3
        assert capsys.readouterr().err.count("sends nothing for 1 s") == 1
        # The second dispatcher does not know the run, and both end without a word.
        for turn in range(2):
            processes = [
                start("--role=dispatcher", f"--port={port}"),
                start("--role=worker", f"--dispatcher=localhost:{port}"),
            ]
            assert all("ready" in process.first_line() for process in processes)
            printed, deadline = "", time.monotonic() + 300
            while "answers again" not in printed and time.monotonic() < deadline:
                time.sleep(0.05)  # as long as a step
                assert_same(next(batches), next(expected))
                printed += capsys.readouterr().err
            assert "answers again" in printed, turn
            stop(processes)
    finally:
        stop(processes)


@pytest.mark.thorough
def test_sigterm_is_heard_while_the_service_is_silent(color_records, tmp_path):
    process = warm_python.Process(
        "-m",
        "bsp_tf.pretrain",
        "--config=configs/sample_action.py",
        f"--workdir={tmp_path}/r",
        f"--config.data.train_dir={color_records}",
        f"--config.data.validation_dir={color_records}",
        "--config.data.service=grpc://localhost:1",
        "--config.data.crop_size=32",
        "--config.data.short_side=32",
        "--config.train.batch_size=4",
    )
    process.wait_until(lambda: "sends nothing" in process.errors)
    process.terminate()
    assert process.wait() == 75


def test_the_validation_split_is_read_here(make_config):
    config = make_config("action", **{"data.service": "grpc://nowhere:1"})
    assert isinstance(pipelines.dataset_for(config, "validation", 4, 0), tf.data.Dataset)


@pytest.mark.parametrize("address", ["localhost:5050", "grpc://localhost", "http://localhost:1"])
def test_what_is_not_an_address_is_refused(address):
    with pytest.raises(InputError, match="data.service"):
        ServiceBatches(address, 0, None)
