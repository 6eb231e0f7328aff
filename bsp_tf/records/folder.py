"""A folder of record shards: its files, classes and number of clips.

    clips-00000-of-00008 ...   TFRecord files of SequenceExamples (`schema.py`)
    labels.txt                 one class name per line; class 0 is the first line
    manifest.json              num_clips, and the clips and bytes of each shard

`manifest.json` may be missing (shards of another writer): clips are then counted by walking the
files. The folder may lie on a server (`storage.py`); a web server lists no files, so that the
manifest has to.
"""

import dataclasses
import fnmatch
import os
import struct
from collections.abc import Sequence

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.labels_file import read_label_file
from bsp_tf.base.output_lock import warn_of_writer
from bsp_tf.base.remote_path import RemotePath, UrlPath
from bsp_tf.records.storage import StoragePath, matching, storage_path

SHARD_PATTERN = "clips-?????-of-?????"
# TFRecord framing: uint64 length, uint32 its CRC, the data, uint32 CRC of the data (little endian).
HEADER_BYTES = 12
FOOTER_BYTES = 4


@dataclasses.dataclass(frozen=True)
class RecordFolder:
    """A checked folder of records.

    Attributes:
        path: the folder.
        shards: full names of the shard files, in order.
        labels: class names; the position is the class index.
        num_clips: clips in all shards together.
    """

    path: StoragePath
    shards: tuple[str, ...]
    labels: tuple[str, ...]
    num_clips: int


def open_folder(path: str | os.PathLike) -> RecordFolder:
    """Finds the shards and checks, without reading the clips, that none is missing or cut short.

    Args:
        path: folder written by `tfrecords_tools.convert`.
    Returns:
        RecordFolder with at least one clip.
    Raises:
        InputError: no such folder, no shards, a shard missing or truncated, no or bad labels.txt, a
            bad manifest.json, no clip.

    >>> from pathlib import Path
    >>> import tensorflow as tf
    >>> from bsp_tf.records.schema import Clip, encode_clip
    >>> clip = Clip([b"a JPEG"], 0, "jump", 0.0, 0.04, "a.mp4", 25.0, 256, 340)
    >>> with tf.io.TFRecordWriter("clips-00000-of-00001") as writer:
    ...     writer.write(encode_clip(clip))
    >>> _ = Path("labels.txt").write_text("jump\\n")
    >>> folder = open_folder(".")
    >>> folder.num_clips, folder.labels
    (1, ('jump',))
    """
    folder = storage_path(path)
    remedy = (
        "Write the records with `python -m tfrecords_tools.convert`, or correct the path in "
        "the config."
    )
    if not str(path) or not folder.is_dir():
        unseen = ", or the server does not answer" if isinstance(folder, RemotePath) else ""
        raise InputError(f"record folder {str(path)!r} does not exist{unseen}. {remedy}")
    if not isinstance(folder, RemotePath):
        warn_of_writer(folder)
    shards = find_shards(folder)
    if not shards:
        raise InputError(f"no shards ({SHARD_PATTERN}) in {folder}. {remedy}")
    expected = int(shards[0].name.rsplit("-", 1)[1])
    if len(shards) != expected:
        raise InputError(
            f"{folder}: {len(shards)} shards found, {shards[0].name} says {expected}. Run the same "
            "convert command again: it completes the folder."
        )
    if not (folder / "labels.txt").is_file():
        raise InputError(f"no labels.txt in {folder}. {remedy}")
    labels = tuple(read_label_file(folder / "labels.txt"))
    if not labels:
        raise InputError(f"{folder / 'labels.txt'} is empty: it needs one class per line. {remedy}")
    counts = _count_by_manifest(folder, shards)
    if counts is None:
        counts = [count_records(shard) for shard in shards]
    if sum(counts) == 0:
        raise InputError(f"the shards in {folder} hold no clip. {remedy}")
    return RecordFolder(folder, tuple(str(shard) for shard in shards), labels, sum(counts))


def find_shards(folder: StoragePath) -> list[StoragePath]:
    """The shards that are there, in order; those of the manifest on a web server."""
    if not isinstance(folder, UrlPath) or not folder.in_web:
        return matching(folder, SHARD_PATTERN)
    names = [row.get("name") for row in _manifest_rows(folder)]
    return [folder / name for name in sorted(fnmatch.filter(filter(None, names), SHARD_PATTERN))]


def record_offsets(path: str | os.PathLike | RemotePath) -> list[int]:
    """First byte of each record of one TFRecord file, found by stepping from header to header.

    Raises:
        InputError: the file ends inside a record; the message names the file.
    """
    size = storage_path(path).stat().st_size
    offsets, position = [], 0
    with storage_path(path).open("rb") as file:
        while position < size:
            file.seek(position)
            header = file.read(HEADER_BYTES)
            offsets.append(position)
            if len(header) == HEADER_BYTES:
                position += HEADER_BYTES + struct.unpack("<Q", header[:8])[0] + FOOTER_BYTES
            if len(header) < HEADER_BYTES or position > size:
                raise InputError(
                    f"{path} is cut short inside record {len(offsets) - 1} ({size} bytes). "
                    f"{_REWRITE}"
                )
    return offsets


def count_records(path: str | os.PathLike | RemotePath) -> int:
    """Number of records of one TFRecord file; InputError if it is cut short."""
    return len(record_offsets(path))


_REWRITE = "Delete the file and run the same convert command again: it writes what is missing."


def _count_by_manifest(folder: StoragePath, shards: Sequence[StoragePath]) -> list[int] | None:
    """Clips of each shard if the manifest lists every shard with its size, else None."""
    if not (folder / "manifest.json").is_file():
        return None
    listed = {row.get("name"): row for row in _manifest_rows(folder)}
    rows = [listed.get(shard.name, {}) for shard in shards]
    if not all("num_clips" in row and "num_bytes" in row for row in rows):
        return None
    for shard, row in zip(shards, rows, strict=True):
        size = shard.stat().st_size
        if size != row["num_bytes"]:
            raise InputError(
                f"{shard} has {size} bytes, {folder / 'manifest.json'} says {row['num_bytes']}: "
                f"it is truncated or of another run. {_REWRITE}"
            )
    return [row["num_clips"] for row in rows]


def _manifest_rows(folder: StoragePath) -> list[dict]:
    rows = read_json_object(folder / "manifest.json").get("shards", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            f"{folder / 'manifest.json'} lists no shards; delete it, the clips are then counted."
        )
    return rows
