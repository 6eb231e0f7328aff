"""Record folders whose pictures say which frame of which clip they are.

A frame is one flat colour: red = 24 * class, green = 24 * clip (within its class), blue = 4 * frame index. JPEG
keeps flat colours within a grey level or two, so a synthesized batch can be read back, frame by frame.
"""

import collections
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.atomic_file import write_json
from bsp_tf.data import record_schema

Place = collections.namedtuple("Place", "label clip frame")


def picture(label: int, clip: int, frame: int, height: int, width: int) -> bytes:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:] = (24 * label, 24 * clip, 4 * frame)
    return tf.io.encode_jpeg(pixels, quality=100, chroma_downsampling=False).numpy()


def read_place(color: np.ndarray) -> Place:
    """Which frame a flat colour (float [3]) is; the frame index may be fractional in a blend."""
    return Place(round(color[0] / 24), round(color[1] / 24), color[2] / 4)


def write_records(folder: Path, clips: list[list[int]], num_shards: int = 2, size=(12, 16), unlabelled: int = 0,
                  manifest: bool = True, size_of=None) -> Path:
    """Writes a record folder; clips[c] lists the lengths (frames) of the clips of class c."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(label, clip, length) for label, lengths in enumerate(clips) for clip, length in enumerate(lengths)]
    rows += [(-1, clip, 40) for clip in range(unlabelled)]
    order = np.random.default_rng(0).permutation(len(rows))
    shards = [[] for _ in range(num_shards)]
    for place, row in enumerate(order):
        shards[place % num_shards].append(rows[row])
    listed = []
    for index, content in enumerate(shards):
        name = record_schema.shard_name(index, num_shards)
        with tf.io.TFRecordWriter(str(folder / name)) as writer:
            for label, clip, length in content:
                height, width = size_of(label, clip) if size_of else size
                frames = [picture(max(label, 0), clip, frame, height, width) for frame in range(length)]
                text = f"class {label}" if label >= 0 else ""
                writer.write(record_schema.encode_clip(record_schema.Clip(
                    frames, label, text, 0.0, length / 25, f"{label}_{clip}.mp4", 25.0, height, width)))
        listed.append({"name": name, "num_clips": len(content), "num_bytes": (folder / name).stat().st_size})
    (folder / "labels.txt").write_text("".join(f"class {label}\n" for label in range(len(clips))))
    if manifest:
        write_json(folder / "manifest.json", {"num_clips": len(rows), "num_shards": num_shards, "shards": listed})
    return folder


@pytest.fixture(scope="session")
def make_records() -> Callable[..., Path]:
    return write_records


@pytest.fixture(scope="session")
def place_of() -> Callable[[np.ndarray], Place]:
    return read_place


@pytest.fixture(scope="session")
def color_records(tmp_path_factory) -> Path:
    """Four classes of four clips of 40 frames (the blue channel holds indices up to 63)."""
    return write_records(tmp_path_factory.mktemp("records") / "train", [[40] * 4] * 4)


@pytest.fixture(scope="session")
def both_ways() -> Callable[..., np.ndarray]:
    """`both_ways(function, *tensors)`: the result of an op, checked to be the same eagerly and inside Dataset.map."""
    def run(function, *arguments):
        eager = function(*arguments)
        mapped = next(iter(tf.data.Dataset.from_tensors(arguments).map(function, num_parallel_calls=2)))
        np.testing.assert_array_equal(eager, mapped)
        return eager.numpy()
    return run


@pytest.fixture
def make_config(color_records) -> Callable[..., ConfigDict]:
    """`make_config(task, **{"data.flip": False})`: a small config over the colour records."""
    def make(task: str, **changes) -> ConfigDict:
        config = ConfigDict({
            "task": task,
            "data": {"train_dir": str(color_records), "validation_dir": str(color_records), "num_frames": 8,
                     "sampling": "uniform", "frame_step": 1, "short_side": 8, "crop_size": 8, "flip": True,
                     "multi_scale": True, "validation_passes": 1, "service": ""},
            "boundary": {"position_min": 3, "position_max": 5, "transition": "diff_class", "transition_min": 2,
                         "transition_max": 4, "curve": "linear", "strides": (1, 4)},
        })
        config.update_from_flattened_dict(changes)
        return config
    return make
