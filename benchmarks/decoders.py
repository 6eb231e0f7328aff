"""What each way of decoding a crop of a JPEG costs, and how far it is from decoding all."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.made_records import HEIGHT, WIDTH
from bsp_tf.frames import preprocessing
from bsp_tf.records import folder as record_folder
from bsp_tf.records import index as record_index
from bsp_tf.records.clip_reader import clip_reader


def measure_decoders(records: Path, num_frames: int, repeats: int) -> list[dict]:
    """Decodes random crops in every way and resizes them to 224.

    Returns:
        Rows of {"name", "milliseconds" (CPU time per frame, one thread, best of `repeats`),
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
    """Pixels uint8 [n, 224, 224, 3] and the CPU milliseconds per frame of decoding alone."""
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
