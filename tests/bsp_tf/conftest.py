"""Tiny record folders and a config small enough to train in seconds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures import grey_levels

CLASSES = ("walk left", "walk right", "blink")


def write_records(
    folder: Path,
    clips_a_class: int,
    num_frames: int = 20,
    size: int = 36,
    seed: int = 0,
    classes: tuple[str, ...] = CLASSES,
) -> Path:
    """Two shards of clips whose square moves by class, with labels.txt and manifest.json."""
    from bsp_tf.base.json_file import write_json
    from bsp_tf.records.schema import Clip, encode_clip, shard_name

    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    rows, shards = [], [[], []]
    for number in range(clips_a_class):
        for label, name in enumerate(classes):
            images = np.broadcast_to(
                rng.integers(0, 120, (1, size, size, 3)), (num_frames, size, size, 3)
            ).copy()
            for t in range(num_frames):
                left = {0: 2 * t, 1: -2 * t}.get(label, 0) % (size - 8)
                images[t, 10:20, left : left + 8] = 255 if label < 2 or t % 2 else 0
            frames = [tf.io.encode_jpeg(image.astype(np.uint8)).numpy() for image in images]
            shards[number % 2].append(
                encode_clip(
                    Clip(
                        frames,
                        label,
                        name,
                        0.0,
                        num_frames / 25,
                        f"{name}_{number}.mp4",
                        25.0,
                        size,
                        size,
                    )
                )
            )
    for index, shard in enumerate(shards):
        path = folder / shard_name(index, len(shards))
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in shard:
                writer.write(record)
        rows.append({"name": path.name, "num_clips": len(shard), "num_bytes": path.stat().st_size})
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in classes))
    write_json(
        folder / "manifest.json",
        {"num_clips": sum(map(len, shards)), "num_shards": 2, "shards": rows},
    )
    return folder


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Op by op: the graphs of a run of a few steps take four times as long to make as to do."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def make_records() -> Callable[..., Path]:
    """`make_records(folder, clips_a_class, num_frames=20, size=36, seed=0, classes=...)` writes a
    record folder.
    """
    return write_records


@pytest.fixture(scope="session")
def records(tmp_path_factory) -> tuple[Path, Path]:
    """A training folder of 24 clips and a validation folder of 9, three classes."""
    folder = tmp_path_factory.mktemp("records")
    return write_records(folder / "train", 8), write_records(folder / "validation", 3, seed=1)


# What makes a run tiny; also written as a config file by the tests that start the command.
TINY = {
    "data.num_frames": 4,
    "data.short_side": 32,
    "data.crop_size": 32,
    "boundary.position_min": 2,
    "boundary.position_max": 2,
    "boundary.transition_min": 1,
    "boundary.transition_max": 1,
    "boundary.strides": (1, 4),
    "model.depth": 10,
    "model.width": 0.125,
    "optimizer.learning_rate": 0.01,
    "optimizer.boundaries": (2,),
    "train.batch_size": 8,
    "train.epochs": 2,
    "train.steps_per_epoch": 3,
    "train.checkpoint_every_steps": 2,
    "train.log_every_steps": 2,
}


@pytest.fixture(scope="session")
def tiny_fields(records) -> dict:
    """The fields of a tiny run, by dotted name."""
    return TINY | {"data.train_dir": str(records[0]), "data.validation_dir": str(records[1])}


@pytest.fixture
def tiny_config(tiny_fields):
    """A ConfigDict for a run of 6 steps on `records`."""
    from configs.base import get_config

    config = get_config()
    config.update_from_flattened_dict(tiny_fields)
    return config


@pytest.fixture
def tiny_config_file(tiny_fields, tmp_path) -> Path:
    """A config file with the fields of `tiny_config`."""
    path = tmp_path / "tiny.py"
    path.write_text(
        "from configs import base\n\n\ndef get_config():\n    config = base.get_config()\n"
        f"    config.update_from_flattened_dict({tiny_fields!r})\n    return config\n"
    )
    return path


@pytest.fixture
def write_grey_levels() -> Callable[..., Path]:
    """`write_grey_levels(path, levels, codec=, pix_fmt=, size=, times=, fps=)` -> path."""
    return grey_levels.write_grey_levels
