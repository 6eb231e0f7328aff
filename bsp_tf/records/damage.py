"""Which record is damaged: TensorFlow, when it meets one, does not say in which file.

A flipped bit breaks the checksum of a TFRecord; a record that was written wrong may not hold a
SequenceExample, or its frames may not be JPEGs, or too large to be decoded. The search reads the
folder from its beginning and stops at the first fault; if the message names a shard, it looks at
that one only.
"""

import os
import re
from collections.abc import Iterable

import tensorflow as tf
from tqdm import tqdm

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import RemotePath, UrlPath
from bsp_tf.records.folder import find_shards
from bsp_tf.records.parser import parse_clip
from bsp_tf.records.remote_records import read_records
from bsp_tf.records.storage import StoragePath, storage_path
from bsp_tf.video.limits import size_fault

QUIET_SECONDS = 3


def damage_error(folder: str | os.PathLike | RemotePath, error: tf.errors.OpError) -> InputError:
    """The error for the user: the damaged shard and the remedy.

    Args:
        folder: record folder.
        error: what TensorFlow raised while it read the folder.
    """
    reason = _reason(error)
    if reason.startswith("cannot read "):
        return InputError(
            f"{reason}. Nothing is damaged as far as is known: make that file readable, then run "
            "this command again."
        )
    shards = find_shards(storage_path(folder))
    shards = [shard for shard in shards if str(shard) in reason] or shards
    # Checksums are quickly read, and most damage shows there; frames are decoded only if all of
    # them agree.
    searches = [(shard, decode) for decode in (False, True) for shard in shards]
    for shard, decode in tqdm(
        searches, desc="search the damage", unit="shard", delay=QUIET_SECONDS
    ):
        if found := _first_fault(shard, decode):
            number, fault = found
            return InputError(
                f"damaged record {number} in {shard}: {fault}. Delete that file and run the same "
                "convert command again (it writes what is missing), then this command again."
            )
    return InputError(
        f"cannot read the records in {folder}: {reason}. Run this command again; if it says the "
        "same, convert that folder anew."
    )


def _first_fault(shard: StoragePath, decode: bool) -> tuple[int, str] | None:
    """Number of the first record that cannot be read, or decoded, and why; None if all can."""
    number = 0
    try:
        records: Iterable[bytes | tf.Tensor] = (
            read_records(shard)
            if isinstance(shard, UrlPath)
            else tf.data.TFRecordDataset(str(shard))
        )
        for record in records:
            frames = parse_clip(record)["frames"]
            if decode:
                for frame in frames:
                    height, width, _ = tf.io.extract_jpeg_shape(frame).numpy().tolist()
                    if fault := size_fault(height, width):
                        return number, fault
                    tf.io.decode_jpeg(frame, channels=3)
            number += 1
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        return number, _reason(error)
    return None


def _reason(error: tf.errors.OpError) -> str:
    """TensorFlow's message without the names of its graph nodes and of Python's exceptions."""
    line = error.message.strip().splitlines()[0]
    return re.sub(r"\{\{[^}]*\}\} ?| ?\[Op:.*|^ValueError: ", "", line).strip(" .")
