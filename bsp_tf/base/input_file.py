"""The bytes of a file that a user gave, unpacked if it is gzipped."""

import gzip
import os
import zlib
from pathlib import Path

from bsp_tf.base.errors import InputError

_GZIP_MAGIC = b"\x1f\x8b"


def read_input(path: str | os.PathLike) -> bytes:
    """Reads a whole file; whether it is gzipped is seen in its first bytes, not in its name.

    Raises:
        InputError: unreadable, or broken gzip.
    """
    try:
        data = Path(path).read_bytes()
        return gzip.decompress(data) if data.startswith(_GZIP_MAGIC) else data
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}. Check the path, or "
            "make the file anew if it is cut off."
        ) from error
