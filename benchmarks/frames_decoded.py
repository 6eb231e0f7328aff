"""How many JPEG frames a training batch of either task decodes.

The boundary task may decode 1.15 times as many as the action task.

    python -m benchmarks.frames_decoded --records=quickstart_output/records/train \\
        --action_config=configs/sample_action.py --boundary_config=configs/sample_boundary.py
        --output=frames.json

Counted at the decoder, in the real input pipelines: instead of decoding, a stand-in paints every
frame of a call with the number of JPEGs in the call, so each batch shows on its pixels what it
would have cost.
"""

import runpy
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from absl import flags
from ml_collections import ConfigDict

from bsp_tf.base.command_line import run_command
from bsp_tf.base.config_flag import check_config_flags
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.clips import pipelines
from bsp_tf.frames import decoding
from bsp_tf.synthesis.settings import Settings

FLAGS = flags.FLAGS

LIMIT = 1.15
TASKS = ("action", "boundary")
# Pixels are not looked at, only counted in.
SIZE = 8


def measure(
    records: str | Path, configs: dict[str, ConfigDict], num_batches: int, seed: int = 0
) -> dict:
    """Counts the frames that training batches decode.

    Args:
        records: record folder that both tasks read.
        configs: config of each task, by "action" and "boundary"; batch size, sampling and boundary
            settings count.
        num_batches: batches of each task to count.
        seed: of the streams.

    Returns:
        {"action", "boundary": {"batch_size", "frames_a_batch", "frames_a_sample"}, "ratio",
        "limit", "num_batches"}; the ratio is that of the frames a sample.

    Raises:
        InputError: bad records or config (see `pipelines.dataset_for`), or `num_batches` below 1.
    """
    if num_batches < 1:
        raise InputError(f"--batches={num_batches}: give at least 1.")
    result = {
        task: _count(records, task, config, num_batches, seed) for task, config in configs.items()
    }
    ratio = result["boundary"]["frames_a_sample"] / result["action"]["frames_a_sample"]
    return result | {"ratio": ratio, "limit": LIMIT, "num_batches": num_batches}


def _count(records: str | Path, task: str, config: ConfigDict, num_batches: int, seed: int) -> dict:
    config = config.copy_and_resolve_references()
    config.task, config.data.train_dir = task, str(records)
    config.data.short_side = config.data.crop_size = SIZE
    batch_size = config.train.batch_size
    with mock.patch.multiple(decoding, decode_crop_resize=_paint_count, decode_centre=_paint_count):
        batches = pipelines.dataset_for(config, "train", batch_size, seed)
    # Samples that share one call of the decoder.
    shared = len(Settings.from_config(config).types) if task == "boundary" else 1
    total = 0
    for batch in batches.take(num_batches).as_numpy_iterator():
        calls = batch["frames"].reshape(batch_size, -1, 3)
        if (calls != calls[:, :1]).any():
            raise RuntimeError("a frame came from another decoder than the two that are counted.")
        total += int((calls[:, 0].astype(np.int64) @ (1, 256, 65536)).sum()) // shared
    frames_per_batch = total / num_batches
    return {
        "batch_size": batch_size,
        "frames_a_batch": frames_per_batch,
        "frames_a_sample": frames_per_batch / batch_size,
    }


def _paint_count(strings: tf.Tensor, *arguments) -> tf.Tensor:
    """In place of a decoder: uint8 [n, SIZE, SIZE, 3], pixels: number of strings, base 256."""
    composition, count = arguments[-1], tf.size(strings)
    color = tf.cast(tf.stack([count % 256, count // 256 % 256, count // 65536]), tf.uint8)
    frames = count if composition is None else tf.size(composition.shown)
    return tf.tile(color[tf.newaxis, tf.newaxis, tf.newaxis], [frames, SIZE, SIZE, 1])


def format_counts(result: dict) -> str:
    """A table of both tasks, then the ratio."""
    lines = [f"{'task':<10}{'batch':>8}{'frames a batch':>16}{'frames a sample':>17}"]
    for task in TASKS:
        row = result[task]
        lines.append(
            f"{task:<10}{row['batch_size']:>8}{row['frames_a_batch']:>16.1f}{row['frames_a_sample']:>17.3f}"
        )
    verdict = "within" if result["ratio"] <= LIMIT else "ABOVE"
    lines.append(
        f"ratio {result['ratio']:.4f}, {verdict} the limit of {LIMIT} ({result['num_batches']} "
        "batches each)"
    )
    return "\n".join(lines)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string(
        "records", "quickstart_output/records/train", "Record folder that both tasks read."
    )
    flags.DEFINE_string("action_config", "configs/sample_action.py", "Config of the action task.")
    flags.DEFINE_string(
        "boundary_config", "configs/sample_boundary.py", "Config with the boundary settings."
    )
    flags.DEFINE_integer("batches", 100, "Batches of each task.")
    flags.DEFINE_integer("seed", 0, "Seed of the streams.")
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")


def load_config(path: str) -> ConfigDict:
    """The config of a file with get_config(); InputError if it cannot be loaded."""
    check_config_flags([f"--config={path}"])
    return runpy.run_path(path)["get_config"]()


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    configs = {
        "action": load_config(FLAGS.action_config),
        "boundary": load_config(FLAGS.boundary_config),
    }
    result = measure(FLAGS.records, configs, FLAGS.batches, FLAGS.seed)
    print(format_counts(result))
    if FLAGS.output:
        write_json(FLAGS.output, result)
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
