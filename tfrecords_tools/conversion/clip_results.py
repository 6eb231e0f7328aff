"""The result of one clip, in a file of its own until its shard is written.

It is either records or the reason of a failure. A result file holds the records as they will stand
in the shard, framed as TFRecord, then a JSON line with the rest, then the length of that line. It
appears whole or not at all, so a killed run goes on with the clip after the last one.
"""

import dataclasses
import json
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import google_crc32c

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import parse_json
from bsp_tf.base.remote_path import UrlPath, given_path
from bsp_tf.base.servers.ranges import read_ranges
from bsp_tf.video.stream import VideoError
from tfrecords_tools.conversion.clip_encoder import Record
from tfrecords_tools.inspection.record_reader import masked_crc

_FOOTER = struct.Struct("<I4s")
_MAGIC = b"clip"
COPY_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class ClipResult:
    """Result of a clip.

    Attributes:
        num_records: records; more than one for a long clip, 0 for a failure.
        num_frames: frames in them.
        num_bytes: bytes of the records with their framing.
        crc32c: of these bytes.
        key: `ClipSpec.key`, for the list of failures; "" unless it failed.
        reason: why it could not be converted; "" if it was.
        seconds: time spent on it, if it failed.
        source: `settings.fingerprint` of its file; None for a failure, and in results of before.
    """

    num_records: int = 0
    num_frames: int = 0
    num_bytes: int = 0
    crc32c: int = 0
    key: str = ""
    reason: str = ""
    seconds: float = 0.0
    source: Mapping[str, Any] | None = None


def failure(key: str, reason: str, seconds: float) -> ClipResult:
    """The result of a clip that could not be converted; its key need not be UTF-8."""
    return ClipResult(
        key=key.encode("utf-8", "backslashreplace").decode(),
        reason=reason,
        seconds=round(seconds, 3),
    )


def framed(data: bytes) -> Iterator[bytes]:
    """The pieces of one record of a TFRecord file (see `record_reader`)."""
    length = struct.pack("<Q", len(data))
    yield length + struct.pack("<I", masked_crc(length))
    yield data
    yield struct.pack("<I", masked_crc(data))


def write_result(
    path: str | os.PathLike,
    records: Iterable[Record],
    failed: Callable[[VideoError], ClipResult],
    source: Mapping[str, Any] | None = None,
) -> ClipResult:
    """Writes the records as they come; if they end in a VideoError, its failure instead.

    Args:
        path: the result file.
        records: of one clip, in the order of time.
        failed: result for the error that `records` raised.
        source: see ClipResult.
    Raises:
        InputError: the file cannot be written (disk full).
    """
    with atomic_write(path) as file:
        crc, num_records, num_frames = 0, 0, 0
        records = iter(records)
        while True:
            # Only what reading raises is a failure of the clip; what writing raises ends the run.
            try:
                record = next(records, None)
            except VideoError as error:
                result = failed(error)
                file.seek(0)
                file.truncate()
                break
            if record is None:
                result = ClipResult(num_records, num_frames, file.tell(), crc, source=source)
                break
            for piece in framed(record.data):
                file.write(piece)
                crc = google_crc32c.extend(crc, piece)
            num_records += 1
            num_frames += record.num_frames
            # The next one is made while this name would still hold it.
            del record, piece
        _write_footer(file, result)
    return result


def copy_result(path: str | os.PathLike, result: ClipResult, payload: Iterable[bytes]) -> None:
    """Writes a result file whose records are there already, framed."""
    with atomic_write(path) as file:
        for piece in payload:
            file.write(piece)
        _write_footer(file, result)


def read_result(path: str | os.PathLike) -> ClipResult | None:
    """The result without its records; None if the file is not whole: the machine stopped."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < _FOOTER.size:
            return None
        file.seek(size - _FOOTER.size)
        length, magic = _FOOTER.unpack(file.read(_FOOTER.size))
        if magic != _MAGIC or length > size - _FOOTER.size:
            return None
        file.seek(size - _FOOTER.size - length)
        try:
            result = ClipResult(**parse_json(file.read(length), str(path)))
        except (InputError, TypeError):
            return None
    return result if result.num_bytes == size - _FOOTER.size - length else None


def read_payload(path: str | os.PathLike, num_bytes: int, offset: int = 0) -> Iterator[bytes]:
    """`num_bytes` bytes of a file, in pieces."""
    where = given_path(path)
    if isinstance(where, UrlPath):
        for start in range(offset, offset + num_bytes, COPY_BYTES):
            end = min(start + COPY_BYTES, offset + num_bytes)
            yield bytes(read_ranges([where], [start], [end])[0])
        return
    with open(where, "rb") as file:
        file.seek(offset)
        while num_bytes > 0:
            piece = file.read(min(num_bytes, COPY_BYTES))
            if not piece:
                return
            num_bytes -= len(piece)
            yield piece


def result_path(folder: str | os.PathLike, rank: int) -> Path:
    """File of the result of the clip that is converted as number `rank`."""
    return Path(folder, f"{rank:09d}")


def _write_footer(file: IO[bytes], result: ClipResult) -> None:
    line = json.dumps(dataclasses.asdict(result)).encode()
    file.write(line + _FOOTER.pack(len(line), _MAGIC))
