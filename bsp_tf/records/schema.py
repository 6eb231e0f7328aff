"""The record format: one trimmed clip is one tf.train.SequenceExample.

The keys are those which DMVR, Scenic and the TensorFlow Model Garden (MoViNet) read, so that their
readers accept our shards and ours accepts theirs. Three context keys of our own are added: the
frame rate, the height and the width. `parser.py` reads records in TensorFlow. TensorFlow is not
needed here: programs that only write or check records start in a fraction of a second and stay
small.

| place        | key                    | type  | meaning                                      |
|--------------|------------------------|-------|----------------------------------------------|
| context      | `clip/label/index`     | int64 | line in `labels.txt`, from 0; -1: unlabelled |
| context      | `clip/label/text`      | bytes | class name in UTF-8; empty: unlabelled       |
| context      | `clip/start/timestamp` | int64 | start of the clip in its video, microseconds |
| context      | `clip/end/timestamp`   | int64 | end of the clip in its video, microseconds   |
| context      | `video/filename`       | bytes | name of the source video in UTF-8            |
| context      | `image/frame_rate`     | float | stored frames per second                     |
| context      | `image/height`         | int64 | height of a stored frame, pixels             |
| context      | `image/width`          | int64 | width of a stored frame, pixels              |
| feature list | `image/encoded`        | bytes | one JPEG per frame, in the order of time     |
"""

import dataclasses
from collections.abc import Sequence

from bsp_tf.base.errors import InputError
from bsp_tf.records.sequence_example import SequenceExample

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
# The names of shards count with five digits.
MAX_SHARDS = 99_999


@dataclasses.dataclass
class Clip:
    """One trimmed clip of one class.

    Attributes:
        frames: JPEG bytes, one per frame, in the order of time; at least one.
        label_index: position of the class in `labels.txt`, or -1 for an unlabelled clip.
        label_text: class name, or "" for an unlabelled clip.
        start_seconds: start of the clip in its source video, seconds.
        end_seconds: end of the clip in its source video, seconds.
        filename: name of the source video.
        fps: stored frames per second.
        height: height of a stored frame, pixels.
        width: width of a stored frame, pixels.
    """

    frames: Sequence[bytes]
    label_index: int
    label_text: str
    start_seconds: float
    end_seconds: float
    filename: str
    fps: float
    height: int
    width: int


def shard_name(index: int, num_shards: int) -> str:
    """The file name of a shard; readers find no more than MAX_SHARDS.

    >>> shard_name(2, 8)
    'clips-00002-of-00008'
    """
    return f"clips-{index:05d}-of-{num_shards:05d}"


def encode_clip(clip: Clip) -> bytes:
    """Serializes a clip as a SequenceExample.

    Equal clips give equal bytes (the map entries of the proto are written in a fixed order). Beside
    the frames and the result nothing of their size is in memory.

    Args:
        clip: the clip; its frames are stored as they are.
    Returns:
        One record of a TFRecord file.
    Raises:
        InputError: the clip holds no frame.

    >>> frames = [b"first JPEG", b"second JPEG"]
    >>> record = encode_clip(Clip(frames, 0, "jump", 0.0, 0.08, "a.mp4", 25.0, 256, 340))
    >>> example = SequenceExample.FromString(record)
    >>> example.context.feature["clip/label/text"].bytes_list.value[0]
    b'jump'
    >>> len(example.feature_lists.feature_list["image/encoded"].feature)
    2
    """
    if not clip.frames:
        raise InputError(
            f"clip of {clip.filename}: it holds no frame; leave it out of the records."
        )
    example = SequenceExample()
    context = example.context.feature
    context[LABEL_INDEX].int64_list.value.append(clip.label_index)
    context[LABEL_TEXT].bytes_list.value.append(clip.label_text.encode("utf-8"))
    context[START_TIMESTAMP].int64_list.value.append(round(clip.start_seconds * MICROSECONDS))
    context[END_TIMESTAMP].int64_list.value.append(round(clip.end_seconds * MICROSECONDS))
    context[FILENAME].bytes_list.value.append(clip.filename.encode("utf-8", "surrogateescape"))
    context[FRAME_RATE].float_list.value.append(clip.fps)
    context[HEIGHT].int64_list.value.append(clip.height)
    context[WIDTH].int64_list.value.append(clip.width)
    return b"".join([example.SerializeToString(deterministic=True), *_frame_pieces(clip.frames)])


def _frame_pieces(frames: Sequence[bytes]) -> list[bytes]:
    """The field `feature_lists` of the SequenceExample, serialized, in pieces.

    The frames themselves are among the pieces: the protobuf library would copy them three times. In
    protobuf's wire format (protobuf.dev/programming-guides/encoding) a message, a string and a
    map's entry are all a tag, a length and the content:

        feature_lists 2 { feature_list 1 { key 1, value 2 { feature 1 { bytes_list 1 { value 1 }}}}}
    """
    pieces: list[bytes] = []
    length = 0
    for frame in frames:
        head = _head(1, len(frame))
        for _ in ("bytes_list", "feature"):
            head = _head(1, len(head) + len(frame)) + head
        pieces += head, frame
        length += len(head) + len(frame)
    key = IMAGE_ENCODED.encode()
    head = _head(1, len(key)) + key + _head(2, length)
    head = _head(1, len(head) + length) + head
    return [_head(2, len(head) + length), head, *pieces]


def _head(number: int, length: int) -> bytes:
    """Tag of a field with a length (wire type 2), then the length as a varint."""
    head = bytearray([number << 3 | 2])
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head)
