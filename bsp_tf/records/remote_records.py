"""The records of a TFRecord file that TensorFlow's operations do not reach, one after the other."""

import struct
from collections.abc import Iterator

import google_crc32c
import tensorflow as tf

from bsp_tf.base.errors import cannot_read
from bsp_tf.base.remote_path import UrlPath

LENGTH_BYTES = 8
CHECKSUM_BYTES = 4


def masked_checksum(data: bytes) -> int:
    """The CRC32C of the TFRecord format: turned by 15 bits, plus a constant."""
    checksum = google_crc32c.value(data)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read_records(path: UrlPath) -> Iterator[bytes]:
    """Reads a file from its beginning to its end.

    Raises:
        InputError: the server fails.
        tf.errors.DataLossError: a checksum is wrong, or the file ends inside a record.
    """
    with path.open() as file:

        def checked(size: int) -> bytes:
            with cannot_read(str(path)):
                found = file.read(size + CHECKSUM_BYTES)
            data, checksum = found[:size], found[size:]
            if not found or checksum != struct.pack("<I", masked_checksum(data)):
                raise tf.errors.DataLossError(None, None, f"corrupted record in {path}")
            return data

        end, place = path.stat().st_size, 0
        while place < end:
            (size,) = struct.unpack("<Q", checked(LENGTH_BYTES))
            # A length that is wrong and has the right checksum is no chance.
            yield checked(size)
            place += LENGTH_BYTES + size + 2 * CHECKSUM_BYTES
