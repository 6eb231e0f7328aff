"""Localization heads as SavedModels: loaded in a process without this package."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.export import export_head
from bsp_tf.localization.heads.head import find_head
from bsp_tf.localization.workdir import load_trained
from configs import sample_actionformer
from tests.fixtures.small_head import save_head

CONSUMER = """
import sys
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
inputs = dict(np.load("inputs.npz"))
outputs = model.signatures["serving_default"](**{k: tf.constant(v) for k, v in inputs.items()})
assert tf.io.read_file(model.labels.asset_path).numpy().decode().splitlines() == ["jump", "wave"]
assert not [name for name in sys.modules if name.split(".")[0] == "bsp_tf"], "bsp_tf was imported"
np.savez("outputs.npz", **{name: values.numpy() for name, values in outputs.items()})
"""


def _actionformer(workdir):
    """A small one of random weights."""
    keras.utils.set_random_seed(0)
    config = sample_actionformer.get_config()
    config.update({"num_segments": 32, "width": 16, "num_heads": 2, "embedding_convs": 1})
    config.update({"stem_blocks": 1, "attention_windows": (5, 0)})
    model = find_head("actionformer").build(config, 6, 2)
    folder = workdir / "checkpoints" / "best"
    folder.mkdir(parents=True)
    fields = config.to_dict() | {"feature_dim": 6, "streams": ["action"]}
    (workdir / "config.json").write_text(json.dumps(fields))
    (workdir / "labels.txt").write_text("jump\nwave\n")
    tf.train.CheckpointManager(tf.train.Checkpoint(model=model), str(folder), 1).save()
    return workdir


@pytest.mark.parametrize("head", ["gtad", "actionformer"])
def test_the_numbers_of_the_network_in_a_separate_process(tmp_path, head, capsys):
    if head == "gtad":
        workdir = save_head(tmp_path / "run", 6, labels=("jump", "wave"))
    else:
        workdir = _actionformer(tmp_path / "run")
    assert export_head(workdir, tmp_path / "model")
    trained = load_trained(workdir)
    features = np.random.default_rng(1).normal(size=(3, trained.config.num_segments, 6))
    inside = np.ones(features.shape[:2], np.float32)
    inside[0, -7:] = 0
    inputs = {"features": features.astype(np.float32), "inside": inside}
    np.savez(tmp_path / "inputs.npz", **inputs)
    subprocess.run([sys.executable, "-c", CONSUMER, "model"], check=True, cwd=tmp_path, timeout=600)
    outputs = np.load(tmp_path / "outputs.npz")
    expected = trained.outputs(**inputs)
    assert set(outputs) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, atol=1e-5 * max(np.abs(values).max(), 1))

    assert not export_head(workdir, tmp_path / "model")
    other = save_head(tmp_path / "other", 4)
    with pytest.raises(InputError, match="feature_dim"):
        export_head(other, tmp_path / "model")
