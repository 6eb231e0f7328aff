"""Two logical CPU devices under MirroredStrategy against one device, in a process of its own; BatchNorm over both and
per device; who the workers are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.training.cluster import Cluster
from bsp_tf.training.strategy import check_batch_size, cluster_resolver, split_batch, strategy_for

PROJECT = Path(__file__).resolve().parents[3]

# Logical devices must be made before TensorFlow starts. BatchNorm takes the statistics of the global batch, so the
# replicas may hold different clips; dropout is off because each replica draws its own mask.
SCRIPT = """
import json, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import numpy as np
from configs.base import get_config
from bsp_tf.training.strategy import split_batch, strategy_for
from bsp_tf.training.trainer import train
config = get_config()
config.update_from_flattened_dict(json.loads(sys.argv[1]))
config.model.dropout = 0.0
strategy = strategy_for("mirrored")
assert strategy.num_replicas_in_sync == 2
shares = split_batch({"label": tf.range(4)}, strategy, 2)["label"]
assert [x.numpy().tolist() for x in shares.values] == [[0, 1], [2, 3]]
from bsp_tf.models.resnet import BatchNorm
inputs = np.random.default_rng(0).normal([[0.0], [9.0]], [[1.0], [4.0]], (2, 50)).reshape(100, 1, 1, 1)
for synchronised, groups in ((True, [inputs]), (False, np.split(inputs, 2))):
    with strategy.scope():
        layer = BatchNorm(synchronised)
        layer.build((None, 1, 1, 1))
    share = split_batch({"x": tf.constant(inputs, tf.float32)}, strategy, 2)["x"]
    outputs = tf.function(lambda x: strategy.run(lambda x: layer(x, training=True), args=(x,)))(share)
    expected = np.concatenate([(group - group.mean()) / np.sqrt(group.var() + 1e-5) for group in groups])
    np.testing.assert_allclose(np.concatenate(strategy.experimental_local_results(outputs)), expected, atol=1e-4)
    unbiased = lambda x: x.var(ddof=1)
    for running, start, statistic in ((layer.moving_mean, 0, np.mean), (layer.moving_variance, 1, unbiased)):
        copies = [copy.numpy().item() for copy in strategy.experimental_local_results(running.value)]
        mean = np.mean([statistic(group) for group in groups])
        np.testing.assert_allclose(copies, 0.9 * start + 0.1 * mean, rtol=1e-4)
train(config, sys.argv[2] + "/two", strategy)
train(config, sys.argv[2] + "/one", strategy_for("one_device"))
"""


def test_two_replicas_equal_one_device(tiny_config, tmp_path):
    fields = {**tiny_config, "optimizer": {**tiny_config.optimizer, "weight_decay": 0.01, "clip_norm": 1.0}}
    fields = {f"{group}.{name}": value for group in ("data", "model", "optimizer", "train", "boundary")
              for name, value in dict(fields[group]).items()}
    process = subprocess.run([sys.executable, "-c", SCRIPT, json.dumps(fields), str(tmp_path)], cwd=PROJECT,
                             capture_output=True, text=True, timeout=200)
    assert process.returncode == 0, process.stderr
    one, two = (tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path / name / "checkpoints" / "last")))
                for name in ("one", "two"))
    names = [name for name in one.get_variable_to_shape_map() if name.startswith(("model/", "momentum/"))]
    assert len(names) > 90
    for name in names:
        np.testing.assert_allclose(two.get_tensor(name), one.get_tensor(name), rtol=1e-5, atol=1e-5, err_msg=name)
    rows = [[json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
            for name in ("one", "two")]
    for first, second in zip(*rows, strict=True):
        assert second["train_loss"] == pytest.approx(first["train_loss"], abs=1e-5)
        assert second["validation_loss"] == pytest.approx(first["validation_loss"], abs=1e-5)
        assert second["train_accuracy"] == first["train_accuracy"]


def test_batch_must_split(tiny_config):
    class Three:
        num_replicas_in_sync = 3
    tiny_config.train.batch_size = 12
    check_batch_size(tiny_config, Three())
    tiny_config.train.jit = True
    with pytest.raises(InputError, match="train.jit needs one replica, here are 3"):
        check_batch_size(tiny_config, Three())
    tiny_config.train.batch_size = 16
    with pytest.raises(InputError, match="train.batch_size=16 cannot be split over 3 replicas: use a multiple of 3"):
        check_batch_size(tiny_config, Three())
    tiny_config.train.accumulate_steps = 4
    with pytest.raises(InputError, match="over 3 replicas in 4 micro-batches: use a multiple of 12"):
        check_batch_size(tiny_config, Three())
    with pytest.raises(InputError, match="unknown strategy 'tpu'"):
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
    for name, value in {"PROCID": "2", "NTASKS": "3", "STEP_NUM_TASKS": "3", "STEP_TASKS_PER_NODE": "2,1",
                        "STEP_NODELIST": "node[7-8]", "JOB_ID": "41003"}.items():
        environment(f"SLURM_{name}", value)
    resolver = cluster_resolver()
    assert resolver.cluster_spec().as_dict() == {"worker": ["node7:13003", "node7:13004", "node8:13003"]}
    assert (resolver.task_type, resolver.task_id) == ("worker", 2)


@pytest.mark.parametrize(("value", "message"), [
    ("{", "TF_CONFIG cannot be understood"), ("{}", "TF_CONFIG needs"),
    ('{"cluster": {"worker": ["a:1"]}}', "TF_CONFIG needs"), ('{"cluster": []}', "TF_CONFIG")])
def test_an_unusable_tf_config(environment, value, message):
    environment("TF_CONFIG", value)
    with pytest.raises(InputError, match=message):
        cluster_resolver()


def test_no_word_of_other_workers(environment):
    with pytest.raises(InputError, match="neither TF_CONFIG nor Slurm"):
        strategy_for("multi_worker")
