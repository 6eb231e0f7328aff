"""The count of decoded frames: exact where it is known, and the command on real configs."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from benchmarks.frames_decoded import format_counts, load_config, measure
from bsp_tf.base.errors import InputError
from bsp_tf.records import schema
from configs import base, sample_action
from tests.fixtures import warm_python


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> Path:
    """Three classes of three clips of 40 frames."""
    folder = tmp_path_factory.mktemp("records")
    picture = io.BytesIO()
    Image.fromarray(np.zeros((12, 16, 3), np.uint8)).save(picture, "JPEG")
    with tf.io.TFRecordWriter(str(folder / schema.shard_name(0, 1))) as writer:
        for i in range(9):
            clip = schema.Clip(
                [picture.getvalue()] * 40, i % 3, "abc"[i % 3], 0, 1.6, f"{i}.mp4", 25.0, 12, 16
            )
            writer.write(schema.encode_clip(clip))
    (folder / "labels.txt").write_text("a\nb\nc\n")
    return folder


def configs(batch_size=8, **boundary):
    made = {"action": sample_action.get_config(), "boundary": base.get_config()}
    made["action"].train.batch_size, made["boundary"].train.batch_size = 8, batch_size
    made["boundary"].boundary.update(boundary)
    return made


@pytest.mark.parametrize(
    "transition, frames, multi_scale",
    [("none", 28, False), ("diff_class", 32, True), ("both", 34, True)],
)
def test_counts_what_is_known_beforehand(records, transition, frames, multi_scale):
    """Four samples of eight frames, four more for each blended type, less what the twins share."""
    made = configs(
        transition=transition,
        transition_min=4,
        transition_max=4,
        position_min=4,
        position_max=4,
        batch_size=16,
    )
    made["boundary"].data.multi_scale = multi_scale
    result = measure(records, made, num_batches=3)
    assert result["action"] == {"batch_size": 8, "frames_a_batch": 64, "frames_a_sample": 8}
    assert result["boundary"] == {
        "batch_size": 16,
        "frames_a_batch": 4 * frames,
        "frames_a_sample": frames / 4,
    }
    assert result["ratio"] == frames / 32
    assert "within the limit" in format_counts(result)
    assert "ABOVE the limit" in format_counts(result | {"ratio": 1.16})


def test_the_default_boundary_settings_stay_within_the_limit(records):
    result = measure(records, configs(), num_batches=30)
    assert result["ratio"] <= result["limit"] == 1.15
    assert result["ratio"] == pytest.approx(1, abs=0.03)


def test_command(records, tmp_path):
    output = tmp_path / "frames.json"
    arguments = f"--records={records}", "--batches=1", f"--output={output}"
    done = warm_python.run("-m", "benchmarks.frames_decoded", *arguments)
    assert done.returncode == 0, done.stderr
    assert "within the limit of 1.15" in done.stdout
    assert json.loads(output.read_text())["action"]["frames_a_batch"] == 32 * 8


def test_bad_input(records):
    with pytest.raises(InputError, match="--batches=0"):
        measure(records, configs(), num_batches=0)
    with pytest.raises(InputError, match="no_such_config.py"):
        load_config("configs/no_such_config.py")
