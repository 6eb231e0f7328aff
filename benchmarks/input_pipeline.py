"""Clips per second of both input pipelines beside their limit, and ways to decode a frame.

    python -m benchmarks.input_pipeline --output=input_pipeline.json

The records are synthetic: textured 340x256 frames, JPEG quality 90, 80 frames per clip, as Kinetics
is stored. The limit only reads clips in the same order and decodes the frames that are used, full
size, in the same process with the same threads; no pixel leaves it. It is given twice: reading
records as TensorFlow reads them, whole, and reading the bytes of those frames alone, as both
pipelines do. All take turns, so that a change of the machine's load meets all, and a ratio is the
median of those of the turns, over several processes. The input must come out as batches of uint8; a
step loop that waits for nothing else takes them.
"""

import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import tensorflow as tf
from absl import flags
from ml_collections import ConfigDict

from benchmarks.decoders import measure_decoders
from benchmarks.made_records import make_records
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.clips import clip_order, pipelines
from bsp_tf.frames import decoding, sampling
from bsp_tf.records import folder as record_folder
from bsp_tf.records import frame_reader
from bsp_tf.records import index as record_index
from bsp_tf.records.clip_reader import clip_reader
from configs import base

FLAGS = flags.FLAGS

WARM_UP = 2


def bench_config(records: Path, task: str) -> ConfigDict:
    """The defaults of Kinetics training: 8 frames, multi-scale crop to 224, flip."""
    config = base.get_config()
    config.task, config.data.train_dir = task, str(records)
    return config


def limit_dataset(
    records: Path, num_frames: int, batch_size: int, whole_records: bool
) -> tf.data.Dataset:
    """Decodes `num_frames` of clips in random order, full size; gives sums of pixels, int32 [b]."""
    folder = record_folder.open_folder(records)
    index = record_index.load_index(folder)
    order = clip_order.ActionOrder(index, 0, shuffle=True)
    read_clip, read_bytes = (
        clip_reader(folder, index),
        frame_reader.read_bytes_of(folder, index),
    )

    def decode(number: tf.Tensor) -> tf.Tensor:
        row = order(number)[0]
        frames = sampling.uniform_eval(tf.gather(tf.constant(index.num_frames), row), num_frames)
        strings = (
            tf.gather(read_clip(row)["frames"], frames)
            if whole_records
            else read_bytes(tf.repeat(row, num_frames), frames)
        )
        # A pixel of each must be asked for, or TensorFlow reads the size from the header and
        # decodes nothing.
        return tf.reduce_sum(tf.cast(decoding.decode_jpegs(strings)[:, -1, -1, 0], tf.int32))

    return (
        clip_order.parallel_map(tf.data.Dataset.range(tf.int64.max), decode)
        .batch(batch_size)
        .prefetch(tf.data.AUTOTUNE)
    )


def rates_in_turns(
    streams: Mapping[str, tf.data.Dataset], batch_size: int, batches: int, repeats: int
) -> dict[str, list[float]]:
    """Clips per second of each of `repeats` turns, by the name of the stream."""
    rates: dict[str, list[float]] = {name: [] for name in streams}
    for _ in range(repeats):
        for name, dataset in streams.items():
            # A fresh iterator each time: one that waits would fill its buffers while the others are
            # timed.
            iterator = iter(dataset)
            for _ in range(WARM_UP):
                next(iterator)
            started = time.perf_counter()
            for _ in range(batches):
                next(iterator)
            rates[name].append(batches * batch_size / (time.perf_counter() - started))
            del iterator
    return rates


def measure_pipelines(
    records: Path, batch_size: int, threads: int, batches: int, repeats: int
) -> tuple[dict[str, list[float]], float]:
    """Runs each stream `repeats` times in turn.

    Returns:
        Clips per second of each turn by stream ("limit", "byte_limit", "action", "boundary"), and
        the peak memory of this process so far, GB.
    """
    # Intra-op threads of a kernel would come on top of the streams' own.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    streams = {
        "limit": limit_dataset(records, 8, batch_size, whole_records=True),
        "byte_limit": limit_dataset(records, 8, batch_size, whole_records=False),
    } | {
        task: pipelines.dataset_for(bench_config(records, task), "train", batch_size, 0)
        for task in ("action", "boundary")
    }
    streams = {name: dataset.with_options(options) for name, dataset in streams.items()}
    rates = rates_in_turns(streams, batch_size, batches, repeats)
    return rates, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure_in_processes(processes: int, *arguments) -> dict:
    """Runs `measure_pipelines(*arguments)` in several processes, one after the other.

    The ratios of single processes differ by more than the turns of one: 0.92 to 1.13 was seen for
    boundary / action.

    Returns:
        {"limit", "byte_limit", "action", "boundary": {"clips_a_second" (median), "all"},
        "action_of_limit", "action_of_byte_limit", "boundary_of_action" (medians over the turns),
        "peak_gigabytes"}.
    """
    with ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        measured = [pool.submit(measure_pipelines, *arguments).result() for _ in range(processes)]
    rates = {
        name: [rate for turns, _ in measured for rate in turns[name]] for name in measured[0][0]
    }

    def ratio(name: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(rates[name], rates[other], strict=True))

    return {
        name: {"clips_a_second": statistics.median(row), "all": row} for name, row in rates.items()
    } | {
        "action_of_limit": ratio("action", "limit"),
        "action_of_byte_limit": ratio("action", "byte_limit"),
        "boundary_of_action": ratio("boundary", "action"),
        "peak_gigabytes": max(peak for _, peak in measured),
    }


def format_result(result: dict) -> str:
    """The two tables."""
    lines = [f"{'stream':<28}{'clips/s':>10}{'least':>10}{'most':>10}"]
    for name, title in (
        ("limit", "limit, records read whole"),
        ("byte_limit", "limit, used frames' bytes"),
        ("action", "action"),
        ("boundary", "boundary"),
    ):
        row = result[name]
        lines.append(
            f"{title:<28}{row['clips_a_second']:>10.1f}{min(row['all']):>10.1f}{max(row['all']):>10.1f}"
        )
    lines += [
        f"action / limit {result['action_of_limit']:.3f} (aim 0.85), of the limit by bytes "
        f"{result['action_of_byte_limit']:.3f}; "
        f"boundary / action {result['boundary_of_action']:.3f} (aim 0.95)",
        f"peak memory {result['peak_gigabytes']:.2f} GB; "
        f"frames of {result['frame_bytes'] / 1000:.0f} kB",
        "",
        f"{'decoding of a crop':<30}{'ms a frame':>12}{'mean diff.':>12}{'max':>6}",
    ]
    for row in result["decoders"]:
        lines.append(
            f"{row['name']:<30}{row['milliseconds']:>12.3f}{row['mean_difference']:>12.3f}"
            f"{row['max_difference']:>6}"
        )
    return "\n".join(lines)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_integer("clips", 128, "Clips to make.")
    flags.DEFINE_integer("batch", 32, "Clips per batch.")
    flags.DEFINE_integer("threads", 2, "Threads of every stream.")
    flags.DEFINE_integer("batches", 16, "Batches timed at once.")
    flags.DEFINE_integer("repeats", 5, "Turns of a process.")
    flags.DEFINE_integer("processes", 5, "Processes, one after the other.")
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    for name in ("clips", "batch", "threads", "batches", "repeats", "processes"):
        if FLAGS[name].value < 1:
            raise InputError(f"--{name}={FLAGS[name].value}: give at least 1.")
    # For the decoders, which are timed in this process; each of the others sets its own.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        frame_bytes = make_records(Path(folder), FLAGS.clips)
        result = measure_in_processes(
            FLAGS.processes, Path(folder), FLAGS.batch, FLAGS.threads, FLAGS.batches, FLAGS.repeats
        )
        result |= {
            "frame_bytes": frame_bytes,
            "decoders": measure_decoders(Path(folder), 128, FLAGS.repeats),
        }
    print(format_result(result))
    if FLAGS.output:
        write_json(FLAGS.output, result)
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
