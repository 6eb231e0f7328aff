"""What a record, and a shard of records, holds and what is wrong with it: checksums, schema, JPEGs.

A fault is named with shard, offset and key, so that one knows which clip to look at. The key of a
record is the path of its source file and, as one file may give several clips, the times between
which it lies there: `a.mp4#t=12.5,22`. No TensorFlow here.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import simplejpeg
from google.protobuf.message import DecodeError

from bsp_tf.records import schema
from bsp_tf.records.schema import SequenceExample
from tfrecords_tools.inputs.clip_index import format_seconds
from tfrecords_tools.inspection.record_reader import RawRecord, read_record_at, read_records

KINDS = {
    schema.LABEL_INDEX: "int64_list",
    schema.LABEL_TEXT: "bytes_list",
    schema.START_TIMESTAMP: "int64_list",
    schema.END_TIMESTAMP: "int64_list",
    schema.FILENAME: "bytes_list",
    schema.FRAME_RATE: "float_list",
    schema.HEIGHT: "int64_list",
    schema.WIDTH: "int64_list",
}
# Field 1 of a SequenceExample, length-delimited.
_CONTEXT_TAG = 0x0A


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something wrong in a folder of records.

    Attributes:
        shard: name of the file.
        offset: where the record begins in it, bytes; None if the fault is one of the whole file.
        key: `record_key` of the record; "" if the fault is one of the whole file.
        reason: what is wrong.
    """

    shard: str
    offset: int | None
    key: str
    reason: str

    def __str__(self) -> str:
        place = [self.shard]
        if self.offset is not None:
            place += [f"offset {self.offset}", f"key {self.key}"]
        return f"{', '.join(place)}: {self.reason}"


@dataclasses.dataclass(frozen=True, slots=True)
class StoredClip:
    """What statistics and contact sheet need to know of a record.

    Attributes:
        shard: name of its file.
        offset: where it begins there, bytes.
        key: `record_key`.
        label_index: class index, or -1.
        label: class name, or "".
        num_frames: stored frames.
        seconds: num_frames / fps.
        fps: stored frames per second.
        height: pixels.
        width: pixels.
        num_bytes: size of the record without its framing.
    """

    shard: str
    offset: int
    key: str
    label_index: int
    label: str
    num_frames: int
    seconds: float
    fps: float
    height: int
    width: int
    num_bytes: int


@dataclasses.dataclass(frozen=True)
class ShardReport:
    """Result of `check_shard`.

    Attributes:
        name: of the shard's file.
        num_records: all its records, sound or not.
        num_jpegs: frames that were decoded.
        clips: the sound records.
        faults: of all records.
    """

    name: str
    num_records: int
    num_jpegs: int
    clips: list[StoredClip]
    faults: list[Fault]


def check_shard(
    path: str | os.PathLike, labels: Sequence[str] | None, jpeg_stride: int
) -> ShardReport:
    """Reads every record of a shard.

    Args:
        path: TFRecord file.
        labels: label map; None: labels are not compared with it.
        jpeg_stride: every n-th JPEG of a clip is decoded, the first one always; 0: none.
    Raises:
        OSError: the file cannot be read.
    """
    name = Path(path).name
    clips: list[StoredClip] = []
    faults: list[Fault] = []
    previous = ""
    num_records = num_jpegs = 0
    for record in read_records(path):
        num_records += 1
        example = _parse(record)
        if isinstance(example, str):
            known = record_key(_parse_beginning(record.data))
            key = known or (
                f"unknown (after {previous})" if previous else "unknown (the first record)"
            )
            faults.append(Fault(name, record.offset, key, example))
        else:
            known = key = record_key(example)
            reasons = schema_faults(example, labels)
            if not reasons:
                clips.append(_describe(name, record, key, example))
                frames = _frames(example)
                checked = range(0, len(frames), jpeg_stride) if jpeg_stride else ()
                found = (
                    (i, jpeg_fault(frames[i], clips[-1].height, clips[-1].width)) for i in checked
                )
                reasons = [f"frame {i}: {reason}" for i, reason in found if reason]
                num_jpegs += len(checked)
            faults += (Fault(name, record.offset, key, reason) for reason in reasons)
        previous = known or previous
    return ShardReport(name, num_records, num_jpegs, clips, faults)


def read_frames_of(path: str | os.PathLike, offset: int) -> list[bytes]:
    """The JPEGs of the sound record at `offset` of a shard."""
    return _frames(SequenceExample.FromString(read_record_at(path, offset)))


def record_key(example: SequenceExample | None) -> str:
    """`<path>#t=<start>,<end>` of a record, as far as it says; "" if it names no file."""
    if example is None:
        return ""
    context = example.context.feature
    if schema.FILENAME not in context or not context[schema.FILENAME].bytes_list.value:
        return ""
    name = context[schema.FILENAME].bytes_list.value[0].decode("utf-8", "backslashreplace")
    times = [
        context[key].int64_list.value[0]
        for key in (schema.START_TIMESTAMP, schema.END_TIMESTAMP)
        if key in context and context[key].int64_list.value
    ]
    if len(times) < 2:
        return name
    return "{}#t={},{}".format(
        name, *(format_seconds(time / schema.MICROSECONDS) for time in times)
    )


def schema_faults(example: SequenceExample, labels: Sequence[str] | None = None) -> list[str]:
    """What differs from `bsp_tf.records.schema`; keys that it does not know are allowed."""
    context = example.context.feature
    faults = []
    for key, kind in KINDS.items():
        if key not in context:
            faults.append(f"key {key!r} is missing")
        elif context[key].WhichOneof("kind") != kind:
            faults.append(f"key {key!r} holds {context[key].WhichOneof('kind')}, not {kind}")
        elif len(getattr(context[key], kind).value) != 1:
            faults.append(
                f"key {key!r} holds {len(getattr(context[key], kind).value)} values, not one"
            )
    if schema.IMAGE_ENCODED not in example.feature_lists.feature_list:
        faults.append(f"feature list {schema.IMAGE_ENCODED!r} is missing")
    else:
        features = example.feature_lists.feature_list[schema.IMAGE_ENCODED].feature
        unfit = next(
            (i for i, feature in enumerate(features) if len(feature.bytes_list.value) != 1), None
        )
        if not features or unfit is not None:
            fault = (
                "holds no frame" if unfit is None else f"does not hold one JPEG at frame {unfit}"
            )
            faults.append(f"feature list {schema.IMAGE_ENCODED!r} {fault}")
    return faults or _value_faults(example, labels)


def _value_faults(example: SequenceExample, labels: Sequence[str] | None) -> list[str]:
    faults = []
    index, text = _integer(example, schema.LABEL_INDEX), _text(example, schema.LABEL_TEXT)
    if labels is not None and index != schema.UNLABELLED:
        if not 0 <= index < len(labels):
            faults.append(
                f"label index {index} is not in labels.txt, which has {len(labels)} lines"
            )
        elif labels[index] != text:
            faults.append(
                f"label {text!r} has index {index}, which labels.txt gives to {labels[index]!r}"
            )
    if _integer(example, schema.END_TIMESTAMP) <= _integer(example, schema.START_TIMESTAMP):
        faults.append("the clip ends before it starts")
    positive = {
        schema.FRAME_RATE: _number(example, schema.FRAME_RATE),
        schema.HEIGHT: _integer(example, schema.HEIGHT),
        schema.WIDTH: _integer(example, schema.WIDTH),
    }
    faults += (
        f"key {key!r} is {value:g}, not positive"
        for key, value in positive.items()
        if not value > 0
    )
    return faults


def jpeg_fault(data: bytes, height: int, width: int) -> str | None:
    """What is wrong with a JPEG that should be of this size in pixels; None if nothing is.

    libjpeg decodes much that is damaged and only warns; here a warning is a fault.
    """
    try:
        stored_height, stored_width = simplejpeg.decode_jpeg_header(data)[:2]
        if (stored_height, stored_width) != (height, width):
            return f"the JPEG is {stored_width}x{stored_height}, the record says {width}x{height}"
        # Grey spares the colours' conversion; all bytes are read in any case.
        simplejpeg.decode_jpeg(data, "GRAY", strict=True)
    except ValueError as error:
        return f"no whole JPEG ({error})"
    return None


def _parse(record: RawRecord) -> SequenceExample | str:
    """The record parsed, or what is wrong with it."""
    if record.fault:
        return record.fault
    try:
        return SequenceExample.FromString(record.data)
    except DecodeError:
        return "the record is not a SequenceExample"


def _parse_beginning(data: bytes) -> SequenceExample | None:
    """The context of a damaged record, if it can be read: writers put it before the frames."""
    # A field of a proto: tag, length as a varint (7 bits a byte, lowest first), bytes.
    if len(data) < 2 or data[0] != _CONTEXT_TAG:
        return None
    length = 0
    for position, byte in enumerate(data[1:10]):
        length |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            break
    try:
        return SequenceExample.FromString(data[: position + 2 + length])
    except DecodeError:
        return None


def _integer(example: SequenceExample, key: str) -> int:
    return example.context.feature[key].int64_list.value[0]


def _number(example: SequenceExample, key: str) -> float:
    return example.context.feature[key].float_list.value[0]


def _text(example: SequenceExample, key: str) -> str:
    return example.context.feature[key].bytes_list.value[0].decode("utf-8", "backslashreplace")


def _frames(example: SequenceExample) -> list[bytes]:
    features = example.feature_lists.feature_list[schema.IMAGE_ENCODED].feature
    return [feature.bytes_list.value[0] for feature in features]


def _describe(shard: str, record: RawRecord, key: str, example: SequenceExample) -> StoredClip:
    num_frames = len(example.feature_lists.feature_list[schema.IMAGE_ENCODED].feature)
    fps = _number(example, schema.FRAME_RATE)
    return StoredClip(
        shard,
        record.offset,
        key,
        _integer(example, schema.LABEL_INDEX),
        _text(example, schema.LABEL_TEXT),
        num_frames,
        num_frames / fps,
        fps,
        _integer(example, schema.HEIGHT),
        _integer(example, schema.WIDTH),
        len(record.data),
    )
