"""A full disk while TensorFlow writes: one line, and nothing half-written."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from bsp_tf.base.atomic_file import cannot_write

_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def full_disk_named(output: str | os.PathLike) -> Iterator[None]:
    """Names a full disk as `atomic_file` does, and removes checkpoints that were not finished.

    TensorFlow passes the system's reason on as a part of its own message.

    Args:
        output: What is written inside the block.

    Raises:
        InputError: the disk was full.
    """
    try:
        yield
    except tf.errors.OpError as error:
        for number in _ERRORS:
            if os.strerror(number) in str(error):
                for unfinished in Path(output).glob("checkpoints/*/*_temp"):
                    shutil.rmtree(unfinished, ignore_errors=True)
                reason = OSError(number, os.strerror(number))
                raise cannot_write(Path(output), reason) from error
        raise
