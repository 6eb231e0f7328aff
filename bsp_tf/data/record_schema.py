"""The record format: one trimmed clip is one tf.train.SequenceExample.

The keys are those which DMVR, Scenic and the TensorFlow Model Garden (MoViNet) read, so that their readers
accept our shards and ours accepts theirs. Three context keys of our own are added: the frame rate, the height
and the width. No other module knows the proto.

| place        | key                    | type    | meaning                                            |
|--------------|------------------------|---------|----------------------------------------------------|
| context      | `clip/label/index`     | int64   | position in `labels.txt`; -1 for an unlabelled clip |
| context      | `clip/label/text`      | bytes   | class name in UTF-8; empty for an unlabelled clip  |
| context      | `clip/start/timestamp` | int64   | start of the clip in its video, microseconds       |
| context      | `clip/end/timestamp`   | int64   | end of the clip in its video, microseconds         |
| context      | `video/filename`       | bytes   | name of the source video in UTF-8                  |
| context      | `image/frame_rate`     | float   | stored frames a second                             |
| context      | `image/height`         | int64   | height of a stored frame, pixels                   |
| context      | `image/width`          | int64   | width of a stored frame, pixels                    |
| feature list | `image/encoded`        | bytes   | one JPEG a frame, in the order of time             |
"""

import dataclasses

import tensorflow as tf

from bsp_tf.base.errors import InputError

IMAGE_ENCODED = "image/encoded"
LABEL_INDEX = "clip/label/index"
LABEL_TEXT = "clip/label/text"
START_TIMESTAMP = "clip/start/timestamp"
END_TIMESTAMP = "clip/end/timestamp"
FILENAME = "video/filename"
FRAME_RATE = "image/frame_rate"
HEIGHT = "image/height"
WIDTH = "image/width"

UNLABELLED = -1
MICROSECONDS = 1_000_000

LABELS_FILE = "labels.txt"
MANIFEST_FILE = "manifest.json"


@dataclasses.dataclass
class Clip:
    """One trimmed clip of one class.

    Attributes:
        frames: JPEG bytes, one a frame, in the order of time; at least one.
        label_index: position of the class in `labels.txt`, or -1 for an unlabelled clip.
        label_text: class name, or "" for an unlabelled clip.
        start_seconds: start of the clip in its source video, seconds.
        end_seconds: end of the clip in its source video, seconds.
        filename: name of the source video.
        fps: stored frames a second.
        height: height of a stored frame, pixels.
        width: width of a stored frame, pixels.
    """

    frames: list[bytes]
    label_index: int
    label_text: str
    start_seconds: float
    end_seconds: float
    filename: str
    fps: float
    height: int
    width: int


def shard_name(index: int, num_shards: int) -> str:
    """Returns the file name of shard `index` (0-based) of `num_shards`: `clips-00002-of-00008`."""
    return f"clips-{index:05d}-of-{num_shards:05d}"


def encode_clip(clip: Clip) -> bytes:
    """Returns the serialized SequenceExample of a clip.

    Equal clips give equal bytes (the map entries of the proto are written in a fixed order).

    Raises:
        InputError: the clip holds no frame.
    """
    if not clip.frames:
        raise InputError(f"clip of {clip.filename}: it holds no frame; leave it out of the records")
    example = tf.train.SequenceExample()
    context = example.context.feature
    context[LABEL_INDEX].int64_list.value.append(clip.label_index)
    context[LABEL_TEXT].bytes_list.value.append(clip.label_text.encode("utf-8"))
    context[START_TIMESTAMP].int64_list.value.append(round(clip.start_seconds * MICROSECONDS))
    context[END_TIMESTAMP].int64_list.value.append(round(clip.end_seconds * MICROSECONDS))
    context[FILENAME].bytes_list.value.append(clip.filename.encode("utf-8", "surrogateescape"))
    context[FRAME_RATE].float_list.value.append(clip.fps)
    context[HEIGHT].int64_list.value.append(clip.height)
    context[WIDTH].int64_list.value.append(clip.width)
    frames = example.feature_lists.feature_list[IMAGE_ENCODED].feature
    for frame in clip.frames:
        frames.add().bytes_list.value.append(frame)
    return example.SerializeToString(deterministic=True)


def parse_clip(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """Parses one serialized SequenceExample; a pure TensorFlow function, usable in `Dataset.map`.

    Records of other writers may lack any context key: the label is then -1 and "", times, frame rate and size 0.

    Args:
        serialized: string []; one record of a shard.
    Returns:
        A dict of
            frames: string [num_frames], JPEG bytes.
            label: int64 [], class index or -1.
            label_text: string [].
            start_seconds, end_seconds: float64 [], seconds in the source video.
            filename: string [].
            fps: float32 [], stored frames a second.
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
