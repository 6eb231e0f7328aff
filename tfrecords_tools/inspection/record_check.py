"""Every record of a shard read: what it holds, and what is wrong with it.

A fault is named with shard, offset and key, so that one knows which clip to look at. No TensorFlow
here.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.message import DecodeError

from bsp_tf.records import schema
from bsp_tf.records.schema import SequenceExample
from tfrecords_tools.inspection.record_faults import jpeg_fault, schema_faults
from tfrecords_tools.inspection.record_fields import (
    frames_of,
    integer,
    number,
    parse_beginning,
    record_key,
    text,
)
from tfrecords_tools.inspection.record_reader import RawRecord, read_record_at, read_records


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
            known = record_key(parse_beginning(record.data))
            key = known or (
                f"unknown (after {previous})" if previous else "unknown (the first record)"
            )
            faults.append(Fault(name, record.offset, key, example))
        else:
            known = key = record_key(example)
            reasons = schema_faults(example, labels)
            if not reasons:
                clips.append(_describe(name, record, key, example))
                frames = frames_of(example)
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
    return frames_of(SequenceExample.FromString(read_record_at(path, offset)))


def _parse(record: RawRecord) -> SequenceExample | str:
    """The record parsed, or what is wrong with it."""
    if record.fault:
        return record.fault
    try:
        return SequenceExample.FromString(record.data)
    except DecodeError:
        return "the record is not a SequenceExample"


def _describe(shard: str, record: RawRecord, key: str, example: SequenceExample) -> StoredClip:
    num_frames = len(example.feature_lists.feature_list[schema.IMAGE_ENCODED].feature)
    fps = number(example, schema.FRAME_RATE)
    return StoredClip(
        shard,
        record.offset,
        key,
        integer(example, schema.LABEL_INDEX),
        text(example, schema.LABEL_TEXT),
        num_frames,
        num_frames / fps,
        fps,
        integer(example, schema.HEIGHT),
        integer(example, schema.WIDTH),
        len(record.data),
    )
