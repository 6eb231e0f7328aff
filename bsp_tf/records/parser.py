"""Records read in TensorFlow: a serialized SequenceExample of `schema.py` to a dict of tensors."""

import tensorflow as tf

from bsp_tf.records.schema import (
    END_TIMESTAMP,
    FILENAME,
    FRAME_RATE,
    HEIGHT,
    IMAGE_ENCODED,
    LABEL_INDEX,
    LABEL_TEXT,
    MICROSECONDS,
    START_TIMESTAMP,
    UNLABELLED,
    WIDTH,
)


def parse_clip(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """Parses one serialized SequenceExample; a pure TensorFlow function, usable in `Dataset.map`.

    Records of other writers may lack any context key: the label is then -1 and "", times, frame
    rate and size 0.

    Args:
        serialized: string []; one record of a shard.
    Returns:
        A dict of
            frames: string [num_frames], JPEG bytes.
            label: int64 [], class index or -1.
            label_text: string [].
            start_seconds, end_seconds: float64 [], seconds in the source video.
            filename: string [].
            fps: float32 [], stored frames per second.
            height, width: int64 [], pixels.
    """
    context_spec = {
        LABEL_INDEX: tf.io.FixedLenFeature([], tf.int64, UNLABELLED),
        LABEL_TEXT: tf.io.FixedLenFeature([], tf.string, ""),
        START_TIMESTAMP: tf.io.FixedLenFeature([], tf.int64, 0),
        END_TIMESTAMP: tf.io.FixedLenFeature([], tf.int64, 0),
        FILENAME: tf.io.FixedLenFeature([], tf.string, ""),
        FRAME_RATE: tf.io.FixedLenFeature([], tf.float32, 0.0),
        HEIGHT: tf.io.FixedLenFeature([], tf.int64, 0),
        WIDTH: tf.io.FixedLenFeature([], tf.int64, 0),
    }
    frames_spec = {IMAGE_ENCODED: tf.io.FixedLenSequenceFeature([], tf.string)}
    context, lists = tf.io.parse_single_sequence_example(serialized, context_spec, frames_spec)
    return {
        "frames": lists[IMAGE_ENCODED],
        "label": context[LABEL_INDEX],
        "label_text": context[LABEL_TEXT],
        "start_seconds": tf.cast(context[START_TIMESTAMP], tf.float64) / MICROSECONDS,
        "end_seconds": tf.cast(context[END_TIMESTAMP], tf.float64) / MICROSECONDS,
        "filename": context[FILENAME],
        "fps": context[FRAME_RATE],
        "height": context[HEIGHT],
        "width": context[WIDTH],
    }
