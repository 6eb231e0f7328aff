"""The preview picture: whole files, every boundary position, clear errors."""

import shutil

import matplotlib.image
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf import preview
from bsp_tf.base.errors import InputError
from bsp_tf.records import schema
from configs import base


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    rng = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(folder / schema.shard_name(0, 1))) as writer:
        for clip in range(8):
            frames = [
                tf.io.encode_jpeg(rng.integers(0, 255, (20, 28, 3), np.uint8)).numpy()
                for _ in range(29)
            ]
            writer.write(
                schema.encode_clip(
                    schema.Clip(
                        frames, clip % 2, f"class_{clip % 2}", 0.0, 1.0, f"{clip}.mp4", 25.0, 20, 28
                    )
                )
            )
    (folder / "labels.txt").write_text("class_0\nclass_1\n")
    return folder


@pytest.fixture
def config(records):
    config = base.get_config()
    config.data.train_dir = config.data.validation_dir = str(records)
    config.data.short_side = config.data.crop_size = 16
    return config


@pytest.mark.parametrize("split,examples", [("train", 2), ("validation", 50)])
def test_writes_a_picture(config, tmp_path, split, examples):
    path = preview.preview(config, tmp_path / "new" / "p.png", split, examples, seed=3)
    pixels = matplotlib.image.imread(path)
    assert pixels.shape[0] > pixels.shape[1] / 3 and pixels.std() > 0.1
    assert [file.name for file in path.parent.iterdir()] == ["p.png"]


def test_other_types_make_another_picture(config, tmp_path):
    config.boundary.types = ("diff_motion", "same_speed")
    config.boundary.strides = (-1, 0)
    few = matplotlib.image.imread(preview.preview(config, tmp_path / "few.png"))
    config.boundary.types = ("diff_motion", "same_speed", "same_class", "diff_class")
    all_four = matplotlib.image.imread(preview.preview(config, tmp_path / "all.png"))
    assert few.shape[1] == all_four.shape[1] and few.shape[0] < 0.6 * all_four.shape[0]


def test_bad_input(config, tmp_path):
    with pytest.raises(InputError, match="--examples=0"):
        preview.preview(config, tmp_path / "p.png", examples=0)
    config.data.train_dir = str(tmp_path / "nowhere")
    with pytest.raises(InputError, match=str(tmp_path / "nowhere")):
        preview.preview(config, tmp_path / "p.png")


def test_a_damaged_picture_names_the_shard(config, records, tmp_path):
    folder = shutil.copytree(records, tmp_path / "records")
    for shard in folder.glob("clips-*"):
        rows = [record.numpy() for record in tf.data.TFRecordDataset(str(shard))]
        with tf.io.TFRecordWriter(str(shard)) as writer:
            for row in rows:
                # Only the size is read before the batch is made, and it stands behind these bytes.
                writer.write(row.replace(b"\xff\xda", b"\xff\x00"))
    config.data.train_dir = str(folder)
    with pytest.raises(InputError, match="record 0 in .*clips-"):
        preview.preview(config, tmp_path / "p.png")
    assert not (tmp_path / "p.png").exists()
