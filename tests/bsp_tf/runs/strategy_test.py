"""Two logical CPU devices against one, in a process of its own; who the workers are."""

import json
import os
import socket
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.runs.cluster import Cluster
from bsp_tf.runs.strategy import check_batch_size, cluster_resolver, split_batch, strategy_for
from tests.fixtures import warm_python
from tests.fixtures.last_checkpoint import last_values

# Logical devices must be made before TensorFlow starts. BatchNorm takes the statistics of the
# global batch, so the replicas may hold different clips; dropout is off because each replica draws
# its own mask.
SCRIPT = """
import json, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import numpy as np
from configs.base import get_config
from bsp_tf.runs.strategy import split_batch, strategy_for
from bsp_tf.pretraining.trainer import train
strategy = strategy_for("mirrored")
assert strategy.num_replicas_in_sync == 2
shares = split_batch({"label": tf.range(4)}, strategy, 2)["label"]
assert [x.numpy().tolist() for x in shares.values] == [[0, 1], [2, 3]]
from bsp_tf.base.stack import named_variables
from bsp_tf.models.backbones.layers import BatchNorm
inputs = np.random.default_rng(0).normal([[0.0], [9.0]], [[1.0], [4.0]], (2, 50))
inputs = inputs.reshape(100, 1, 1, 1)
for synchronised, groups in ((True, [inputs]), (False, np.split(inputs, 2))):
    with strategy.scope():
        layer = BatchNorm(synchronised)
        layer.build((None, 1, 1, 1))
    share = split_batch({"x": tf.constant(inputs, tf.float32)}, strategy, 2)["x"]
    normalised = tf.function(lambda x: strategy.run(lambda x: layer(x, training=True), args=(x,)))
    outputs = np.concatenate(strategy.experimental_local_results(normalised(share)))
    expected = [(group - group.mean()) / np.sqrt(group.var() + 1e-5) for group in groups]
    np.testing.assert_allclose(outputs, np.concatenate(expected), atol=1e-4)
    unbiased = lambda x: x.var(ddof=1)
    found = named_variables(layer)
    statistics = (found["moving_mean"], 0, np.mean), (found["moving_variance"], 1, unbiased)
    for value, start, statistic in statistics:
        results = strategy.experimental_local_results(value)
        copies = [copy.numpy().item() for copy in results]
        mean = np.mean([statistic(group) for group in groups])
        np.testing.assert_allclose(copies, 0.9 * start + 0.1 * mean, rtol=1e-4)
for name, fields in json.loads(sys.argv[1]).items():
    config = get_config()
    config.update_from_flattened_dict(fields)
    two = name.endswith("two")
    # For few steps the graph takes longer to make than they last; the replicas must have theirs.
    tf.config.run_functions_eagerly(not two)
    train(config, f"{sys.argv[2]}/{name}", strategy if two else strategy_for("one_device"))
"""


@pytest.fixture(scope="module")
def runs(tiny_fields, tmp_path_factory):
    """Folder of the runs "plain", "parts", "half" on "one" device and "two"; "full" is float32."""
    folder = tmp_path_factory.mktemp("runs")
    plain = tiny_fields | {
        "model.dropout": 0.0,
        "optimizer.weight_decay": 0.01,
        "optimizer.clip_norm": 1.0,
    }
    parts = plain | {"model.sync_batch_norm": False}
    half = plain | {
        "task": "boundary",
        "boundary.class_weight": 1.0,
        "train.accumulate_steps": 2,
        "train.batch_size": 16,
        "train.epochs": 1,
        "train.precision": "float16",
    }
    fields = {
        "plain_one": plain,
        "plain_two": plain,
        "half_two": half,
        "full_one": half | {"train.precision": "float32"},
        "parts_two": parts,
        # A device's part is a micro-batch of one device, where it comes to the statistics of
        # BatchNorm.
        "parts_one": parts | {"train.accumulate_steps": 2},
    }
    process = warm_python.run("-c", SCRIPT, json.dumps(fields), folder)
    assert process.returncode == 0, process.stderr
    return folder


def rows(workdir: Path) -> list[dict]:
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["plain", "parts"])
def test_two_replicas_equal_one_device(runs, name):
    one, two = (last_values(runs / f"{name}_{part}") for part in ("one", "two"))
    assert len(one) > 90
    for variable, value in one.items():
        # Moving statistics are averaged over devices, but those of micro-batches follow each other.
        if name == "plain" or "moving" not in variable:
            np.testing.assert_allclose(two[variable], value, rtol=1e-5, atol=1e-5, err_msg=variable)
    for first, second in zip(rows(runs / f"{name}_one"), rows(runs / f"{name}_two"), strict=True):
        assert second["train_loss"] == pytest.approx(first["train_loss"], abs=1e-5)
        assert second["train_accuracy"] == first["train_accuracy"]
        if name == "plain":
            assert second["validation_loss"] == pytest.approx(first["validation_loss"], abs=1e-5)


@pytest.mark.thorough
def test_two_replicas_in_float16_with_micro_batches_and_the_boundary_task(runs):
    """float16 moves the gradients of an untrained network by some 5%, more or less with
    the CPU's kernels; a forgotten micro-batch or replica would be an error of about 50% in each.
    """
    full, half = (last_values(runs / name) for name in ("full_one", "half_two"))
    errors = [
        np.linalg.norm(half[variable] - value) / np.linalg.norm(value)
        for variable, value in full.items()
        if variable.startswith("momentum/")
    ]
    assert len(errors) > 30
    assert np.median(errors) < 0.2 and max(errors) < 0.4
    (first,), (second,) = (rows(runs / name) for name in ("full_one", "half_two"))
    assert second["train_loss"] == pytest.approx(first["train_loss"], abs=1e-2)


def test_batch_must_split(tiny_config):
    class Three:
        num_replicas_in_sync = 3

    tiny_config.train.batch_size = 12
    check_batch_size(tiny_config, Three())
    tiny_config.train.jit = True
    with pytest.raises(InputError, match="train.jit.*3"):
        check_batch_size(tiny_config, Three())
    tiny_config.train.batch_size = 16
    with pytest.raises(InputError, match="train.batch_size=16.*3 replicas.*3"):
        check_batch_size(tiny_config, Three())
    tiny_config.train.accumulate_steps = 4
    with pytest.raises(InputError, match="train.batch_size.*12"):
        check_batch_size(tiny_config, Three())
    with pytest.raises(InputError, match="'tpu'"):
        strategy_for("tpu")


def test_one_device_gets_the_batch_as_it_is():
    batch = {"label": tf.range(5)}
    assert split_batch(batch, strategy_for("one_device"), 1) is batch


def test_one_process_is_a_cluster_of_one():
    cluster = Cluster(strategy_for("one_device"))
    assert (cluster.size, cluster.index, cluster.replicas_here, cluster.is_chief) == (1, 0, 1, True)
    assert cluster.gather(7) == [7] and cluster.any(True) and not cluster.any(False)


@pytest.fixture
def environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SLURM") or name == "TF_CONFIG"]:
        monkeypatch.delenv(name)
    return monkeypatch.setenv


def test_workers_of_slurm(environment):
    for name, value in {
        "PROCID": "2",
        "NTASKS": "3",
        "STEP_NUM_TASKS": "3",
        "STEP_TASKS_PER_NODE": "2,1",
        "STEP_NODELIST": "node[7-8]",
        "JOB_ID": "41003",
    }.items():
        environment(f"SLURM_{name}", value)
    resolver = cluster_resolver()
    assert resolver.cluster_spec().as_dict() == {
        "worker": ["node7:13003", "node7:13004", "node8:13003"]
    }
    assert (resolver.task_type, resolver.task_id) == ("worker", 2)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "TF_CONFIG cannot be understood"),
        ("{}", "TF_CONFIG needs"),
        ('{"cluster": {"worker": ["a:1"]}}', "TF_CONFIG needs"),
        ('{"cluster": []}', "TF_CONFIG"),
    ],
)
def test_an_unusable_tf_config(environment, value, message):
    environment("TF_CONFIG", value)
    with pytest.raises(InputError, match=message):
        cluster_resolver()


def test_no_word_of_other_workers(environment):
    with pytest.raises(InputError, match="TF_CONFIG"):
        strategy_for("multi_worker")


def test_the_port_of_another_process(tiny_config_file, tmp_path):
    with socket.create_server(("", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        workers = {"worker": [address, "127.0.0.1:1"]}
        task = {"cluster": workers, "task": {"type": "worker", "index": 0}}
        done = warm_python.run(
            "-m",
            "bsp_tf.pretrain",
            f"--config={tiny_config_file}",
            f"--workdir={tmp_path / 'run'}",
            "--strategy=multi_worker",
            env={**os.environ, "TF_CONFIG": json.dumps(task)},
        )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ") and address in done.stderr
