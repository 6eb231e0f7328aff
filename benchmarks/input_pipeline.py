"""Clips a second of both input pipelines beside their limit, and what each way of decoding a frame
costs and changes.

    python -m benchmarks.input_pipeline --output=input_pipeline.json

The records are synthetic: textured 340x256 frames, JPEG quality 90, 80 frames a clip, as Kinetics
is stored. The limit only reads clips in the same order and decodes the frames that are used, full
size, in the same process with the same threads; no pixel leaves it. It is given twice: reading
records as TensorFlow reads them, whole, and reading the bytes of those frames alone, as both
pipelines do. All take turns, so that a change of the machine's load meets all, and a ratio is the
median of those of the turns, over several processes. The input must come out as batches of uint8; a
step loop that waits for nothing else takes them.
"""

import io
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import flags
from ml_collections import ConfigDict
from PIL import Image

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.clips import clip_order, pipelines
from bsp_tf.frames import decoding, preprocessing, sampling
from bsp_tf.records import folder as record_folder
from bsp_tf.records import frame_reader, schema
from bsp_tf.records import index as record_index
from bsp_tf.records.clip_reader import clip_reader
from configs import base

FLAGS = flags.FLAGS

HEIGHT, WIDTH, QUALITY, CLIP_FRAMES = 256, 340, 90, 80
CLASSES = 8
FPS = 25.0
# Share of the contrast at each size of texture, pixels, and noise of a camera's sensor, grey
# levels.
TEXTURE = ((32, 0.45), (8, 0.35), (3, 0.12))
NOISE = 3.0


def make_records(
    folder: Path, num_clips: int, num_frames: int = CLIP_FRAMES, seed: int = 0
) -> float:
    """Writes a record folder of moving textures; returns the mean size of a frame, bytes."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    num_bytes = 0
    with tf.io.TFRecordWriter(str(folder / schema.shard_name(0, 1))) as writer:
        for number in range(num_clips):
            picture = _texture(rng, HEIGHT + num_frames, WIDTH + num_frames)
            down, right = rng.integers(0, 2, 2)
            frames = []
            for t in range(num_frames):
                view = picture[down * t : down * t + HEIGHT, right * t : right * t + WIDTH]
                buffer = io.BytesIO()
                Image.fromarray(view).save(buffer, "JPEG", quality=QUALITY)
                frames.append(buffer.getvalue())
            num_bytes += sum(map(len, frames))
            label = number % CLASSES
            writer.write(
                schema.encode_clip(
                    schema.Clip(
                        frames,
                        label,
                        str(label),
                        0.0,
                        num_frames / FPS,
                        f"{number}.mp4",
                        FPS,
                        HEIGHT,
                        WIDTH,
                    )
                )
            )
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in range(CLASSES)))
    return num_bytes / (num_clips * num_frames)


def _texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    total = NOISE * rng.standard_normal((height, width, 1))
    for size, share in TEXTURE:
        coarse = rng.integers(0, 256, (height // size + 2, width // size + 2, 3), np.uint8)
        total = total + share * np.asarray(
            Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        )
    return np.clip(total, 0, 255).astype(np.uint8)


def bench_config(records: Path, task: str) -> ConfigDict:
    """The defaults of Kinetics training: 8 frames, multi-scale crop to 224, flip."""
    config = base.get_config()
    config.task, config.data.train_dir = task, str(records)
    return config


def limit_dataset(
    records: Path, num_frames: int, batch_size: int, whole_records: bool
) -> tf.data.Dataset:
    """Decodes `num_frames` of clips in random order, full size; an element a batch, int32 [b] (sums
    of pixels).
    """
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


def measure_pipelines(
    records: Path, batch_size: int, threads: int, batches: int, repeats: int
) -> tuple[dict[str, list[float]], float]:
    """Runs each stream `repeats` times in turn.

    Returns:
        Clips a second of each turn by stream ("limit", "byte_limit", "action", "boundary"), and the
        peak memory of this process so far, GB.
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
    rates: dict[str, list[float]] = {name: [] for name in streams}
    for _ in range(repeats):
        for name, dataset in streams.items():
            # A fresh iterator each time: one that waits would fill its buffers while the others are
            # timed.
            iterator = iter(dataset.with_options(options))
            for _ in range(WARM_UP):
                next(iterator)
            started = time.perf_counter()
            for _ in range(batches):
                next(iterator)
            rates[name].append(batches * batch_size / (time.perf_counter() - started))
            del iterator
    return rates, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure_in_processes(processes: int, *arguments) -> dict:
    """`measure_pipelines(*arguments)` in several processes, one after the other, and what all turns
    say together.

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


WARM_UP = 2


def measure_decoders(records: Path, num_frames: int, repeats: int) -> list[dict]:
    """What each way of decoding a random crop and resizing it to 224 costs, and how far it is from
    decoding all.

    Returns:
        Rows of {"name", "milliseconds" (CPU time a frame, one thread, best of `repeats`),
        "mean_difference", "max_difference" (grey levels, after resizing)}; the first row is the
        reference: full decoding, then cropping.
    """
    folder = record_folder.open_folder(records)
    index = record_index.load_index(folder)
    read = clip_reader(folder, index)
    rows = np.resize(np.arange(len(index.label)), num_frames)
    strings = tf.stack([read(tf.constant(row))["frames"][i % 8] for i, row in enumerate(rows)])
    boxes = preprocessing.multi_scale_crop_boxes(
        tf.tile([[[HEIGHT, WIDTH]]], [num_frames, 1, 1]), 224, (0, 0)
    )[:, 0]

    def full(string: tf.Tensor, box: tf.Tensor, **options) -> tf.Tensor:
        image = tf.io.decode_jpeg(string, channels=3, **options)
        box = box // options.get("ratio", 1)
        return image[box[0] : box[0] + box[2], box[1] : box[1] + box[3]]

    def window(string: tf.Tensor, box: tf.Tensor, **options) -> tf.Tensor:
        return tf.io.decode_and_crop_jpeg(string, box, channels=3, **options)

    ways: dict[str, Callable] = {
        "full size, then crop": full,
        "crop window": window,
        "window, no fancy upscaling": lambda s, b: window(s, b, fancy_upscaling=False),
        "window, fast DCT": lambda s, b: window(s, b, dct_method="INTEGER_FAST"),
        "full, DCT at half size": lambda s, b: full(s, b, ratio=2),
    }
    result, reference = [], None
    for name, way in ways.items():
        pixels, milliseconds = _time_decoder(way, strings, boxes, repeats)
        reference = pixels if reference is None else reference
        difference = np.abs(pixels.astype(np.int16) - reference)
        result.append(
            {
                "name": name,
                "milliseconds": milliseconds,
                "mean_difference": float(difference.mean()),
                "max_difference": int(difference.max()),
            }
        )
    return result


def _time_decoder(
    way: Callable, strings: tf.Tensor, boxes: tf.Tensor, repeats: int
) -> tuple[np.ndarray, float]:
    """Pixels uint8 [n, 224, 224, 3] and the CPU milliseconds a frame of decoding alone."""
    spec = tf.TensorSpec([224, 224, 3], tf.uint8)

    def resized() -> tf.Tensor:
        def one(item):
            return preprocessing.to_uint8(tf.image.resize(way(*item), [224, 224]))

        return tf.map_fn(one, (strings, boxes), fn_output_signature=spec)

    def decoded() -> tf.Tensor:
        return tf.map_fn(
            lambda item: tf.cast(way(*item)[-1, -1, -1], tf.int32),
            (strings, boxes),
            fn_output_signature=tf.int32,
        )

    resized, decoded = (tf.function(graph).get_concrete_function() for graph in (resized, decoded))
    decoded()
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        decoded().numpy()
        seconds.append(time.process_time() - started)
    return resized().numpy(), 1000 * min(seconds) / len(strings)


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
        f"{result['action_of_byte_limit']:.3f}; boundary / action "
        f"{result['boundary_of_action']:.3f} (aim 0.95)",
        f"peak memory {result['peak_gigabytes']:.2f} GB; frames of "
        f"{result['frame_bytes'] / 1000:.0f} kB",
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
    flags.DEFINE_integer("batch", 32, "Clips a batch.")
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
