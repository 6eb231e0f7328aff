"""Which record is damaged: the question after TensorFlow has met one and does not say in which file.

A flipped bit breaks the checksum of a TFRecord; a record that was written wrong may hold no SequenceExample, or frames
that are no JPEG. The search reads the folder from its beginning and stops at the first fault.
"""

import os
import re
from pathlib import Path

import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.data.record_folder import SHARD_PATTERN
from bsp_tf.data.record_parser import parse_clip


def damage_error(folder: str | os.PathLike, error: tf.errors.OpError) -> InputError:
    """The one line for `error`, which TensorFlow raised while it read `folder`: the damaged shard and the remedy."""
    shards = sorted(Path(folder).glob(SHARD_PATTERN))
    # Checksums are quickly read, and most damage shows there; frames are decoded only if all of them agree.
    found = next(filter(None, (_first_fault(shard, decode) for decode in (False, True) for shard in shards)), None)
    if found is None:
        return InputError(f"cannot read the records in {folder}: {_reason(error)}. Convert that folder anew.")
    shard, number, reason = found
    return InputError(f"damaged record {number} in {shard}: {reason}. Delete that file and run the same convert "
                      "command again (it writes what is missing), then this command again.")


def _first_fault(shard: Path, decode: bool) -> tuple[Path, int, str] | None:
    number = 0
    try:
        for record in tf.data.TFRecordDataset(str(shard)):
            frames = parse_clip(record)["frames"]
            if decode:
                for frame in frames:
                    tf.io.decode_jpeg(frame, channels=3)
            number += 1
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        return shard, number, _reason(error)
    return None


def _reason(error: tf.errors.OpError) -> str:
    """TensorFlow's message without the names of its graph nodes and of Python's exceptions."""
    line = error.message.strip().splitlines()[0]
    return re.sub(r"\{\{[^}]*\}\} ?| ?\[Op:.*|^ValueError: ", "", line).strip(" .")
