"""TFRecord files read without TensorFlow: every record with its offset, every fault with its place.

TensorFlow's own reader stops at the first fault and names neither offset nor record. Framing of a
record, little endian (tensorflow/core/lib/io/record_writer.h): uint64 length, uint32 masked CRC-32C
of these 8 bytes, the data, uint32 masked CRC-32C of the data.
"""

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

import google_crc32c

HEADER_BYTES = 12
FOOTER_BYTES = 4
_CRC_MASK_DELTA = 0xA282EAD8
# Of a record that cannot be read to its end: enough to hold what stands before the frames.
_FRAGMENT_BYTES = 1 << 16


class RawRecord(NamedTuple):
    """One record of a file.

    Attributes:
        offset: position of its header in the file, bytes.
        data: its bytes, not parsed; if it is cut, those that are there (64 KiB at most).
        fault: what is wrong with it; None if its checksums agree.
    """

    offset: int
    data: bytes
    fault: str | None


def masked_crc(data: bytes) -> int:
    """The checksum that TFRecord stores: CRC-32C, rotated right by 15 bits, plus a constant."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _CRC_MASK_DELTA) & 0xFFFFFFFF


def read_records(path: str | os.PathLike) -> Iterator[RawRecord]:
    """Reads one TFRecord file from its beginning; one record is in memory at a time.

    After wrong data the next record follows; after a wrong length nothing more can be found in the
    file, so the record with that fault is the last one.

    Raises:
        OSError: the file cannot be opened or read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        offset = 0
        while offset < size:
            header = file.read(HEADER_BYTES)
            if len(header) < HEADER_BYTES:
                yield RawRecord(offset, b"", "the file ends inside a record's header")
                return
            length, length_crc = struct.unpack("<QI", header)
            if masked_crc(header[:8]) != length_crc:
                fault = "wrong checksum of the record's length; the rest of the shard is unreadable"
                yield RawRecord(offset, file.read(_FRAGMENT_BYTES), fault)
                return
            end = offset + HEADER_BYTES + length + FOOTER_BYTES
            if end > size:
                fault = f"the file ends inside the record, {end - size} bytes too early"
                yield RawRecord(offset, file.read(min(length, _FRAGMENT_BYTES)), fault)
                return
            data = file.read(length)
            data_crc = int.from_bytes(file.read(FOOTER_BYTES), "little")
            is_good = masked_crc(data) == data_crc
            yield RawRecord(offset, data, None if is_good else "wrong checksum of the data")
            offset = end


def read_record_at(path: str | os.PathLike, offset: int) -> bytes:
    """The data of the record whose header stands at `offset`, which `read_records` found sound."""
    with open(path, "rb") as file:
        file.seek(offset)
        length = struct.unpack("<QI", file.read(HEADER_BYTES))[0]
        return file.read(length)
