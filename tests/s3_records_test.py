"""Records on an S3 server give the batches and the training run of those in a local folder."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.clips.pipelines import dataset_for
from bsp_tf.clips.source import open_source
from bsp_tf.records.index import INDEX_FILE
from bsp_tf.records.storage import TensorFlowPath
from configs.base import get_config
from tests.bsp_tf.conftest import TINY, write_records

PROJECT = Path(__file__).resolve().parents[1]
PARTS = ("train", "validation")


@pytest.fixture(scope="module")
def folders(upload, tmp_path_factory) -> dict[str, dict[str, str]]:
    """ "local" and "s3" -> config fields of the same records."""
    made = tmp_path_factory.mktemp("records")
    fields = {"local": {}, "s3": {}}
    for part, clips in zip(PARTS, (8, 3), strict=True):
        folder = write_records(made / part, clips, seed=clips)
        fields["s3"][f"data.{part}_dir"] = upload(folder, part)
        fields["local"][f"data.{part}_dir"] = str(folder)
    return fields


def first_batches(fields: dict[str, str], task: str, split: str) -> list[dict]:
    config = get_config()
    config.update_from_flattened_dict(TINY | fields | {"task": task})
    batches = dataset_for(config, split, batch_size=8, seed=1)
    return [{name: value.numpy() for name, value in batch.items()} for batch in batches.take(3)]


@pytest.mark.parametrize(("task", "split"), [("boundary", "train"), ("action", "validation")])
def test_the_same_batches(folders, task, split):
    local, s3 = (first_batches(folders[place], task, split) for place in ("local", "s3"))
    assert len(local) == len(s3) > 0
    for expected, found in zip(local, s3, strict=True):
        assert expected.keys() == found.keys()
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_the_index_is_kept(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = open_source(folders["s3"]["data.train_dir"])
    assert len(source.index.label) == 24
    if isinstance(source.path, TensorFlowPath):
        assert tf.io.gfile.exists(f"{source.path}/{INDEX_FILE}")
    else:
        assert list(tmp_path.rglob(INDEX_FILE))


def test_what_is_wrong_with_a_bucket_is_one_line(folders):
    with pytest.raises(InputError, match="s3://no-such-bucket/records"):
        open_source("s3://no-such-bucket/records")
    name = f"{folders['s3']['data.train_dir']}/absent"
    with pytest.raises(InputError, match=name):
        open_source(name)


@pytest.mark.thorough
def test_pretrain_ends_with_the_same_weights(folders, tmp_path):
    """The command in a process of its own, whose exit status tells also that it ended well."""
    rows, weights = {}, {}
    for place, fields in folders.items():
        workdir = tmp_path / place
        config = tmp_path / f"{place}.py"
        config.write_text(
            "from configs import base\n\n\ndef get_config():\n    config = base.get_config()\n"
            f"    config.update_from_flattened_dict({TINY | fields!r})\n    return config\n"
        )
        arguments = f"--config={config}", "--config.train.epochs=1", f"--workdir={workdir}"
        run = subprocess.run(
            [sys.executable, "-m", "bsp_tf.pretrain", *arguments],
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr[-3000:]
        lines = (workdir / "metrics.jsonl").read_text().splitlines()
        rows[place] = [json.loads(line) for line in lines]
        for row in rows[place]:
            for time in ("seconds", "input_wait"):
                row.pop(time, None)
        newest = tf.train.latest_checkpoint(str(workdir / "checkpoints" / "last"))
        reader = tf.train.load_checkpoint(newest)
        weights[place] = {
            name: reader.get_tensor(name)
            for name in reader.get_variable_to_shape_map()
            if name.endswith("VARIABLE_VALUE") and "seconds" not in name
        }
    assert rows["local"] == rows["s3"]
    assert weights["local"].keys() == weights["s3"].keys() and len(weights["s3"]) > 10
    for name, value in weights["local"].items():
        np.testing.assert_array_equal(weights["s3"][name], value, err_msg=name)
