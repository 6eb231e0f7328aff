"""Where each clip of a record folder lies, and each frame in it, to read any of them on its own.

The first use of a folder reads it once from end to end and leaves `.clip_index.npz` and
`.frame_index.npy` (12 bytes per frame) beside the shards; later uses check only that the shards are
the same files. The index of a folder that fsspec reads is kept in a local cache, and taken from
the folder if there is one there that was made for shards of the same sizes.
"""

import dataclasses
import io
import mmap
import os
import sys
import tempfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import google_crc32c
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError, cannot_read
from bsp_tf.base.remote_path import RemotePath, UrlPath, cache_folder
from bsp_tf.frames.decoding import jpeg_size
from bsp_tf.records.damage import damage_error
from bsp_tf.records.folder import FOOTER_BYTES, HEADER_BYTES, RecordFolder
from bsp_tf.records.parser import parse_clip
from bsp_tf.records.remote_records import read_records
from bsp_tf.records.storage import StoragePath, TensorFlowPath, storage_path

INDEX_FILE = ".clip_index.npz"
FRAMES_FILE = ".frame_index.npy"
# Columns of RecordIndex.frames.
FRAME_OFFSET, FRAME_LENGTH, FRAME_CHECKSUM = range(3)
QUIET_SECONDS = 3
_CLIP_FIELDS = ("shard", "offset", "label", "num_frames", "size", "first_frame")


@dataclasses.dataclass(frozen=True)
class RecordIndex:
    """One row per clip, in the order of the shards and of the records in them.

    Attributes:
        shard: int32 [n], position in `RecordFolder.shards`.
        offset: int64 [n], first byte of the record in its file.
        label: int32 [n], class index; -1 for an unlabelled clip.
        num_frames: int32 [n].
        size: int32 [n, 2], height and width of the clip's first frame, pixels; 0 for a clip without
            frames.
        first_frame: int64 [n], row of `frames` with the clip's first frame; the others follow.
        frames: uint32 [sum of num_frames, 3]: first byte of the JPEG, counted from the record's,
            its length in bytes, its CRC32C. Memory-mapped from the folder's file if there is one:
            0.9 GB for Kinetics-400.
    """

    shard: np.ndarray
    offset: np.ndarray
    label: np.ndarray
    num_frames: np.ndarray
    size: np.ndarray
    first_frame: np.ndarray
    frames: np.ndarray


def load_index(folder: RecordFolder) -> RecordIndex:
    """Takes the index that lies in the folder, or makes it and leaves it there if possible.

    Raises:
        InputError: a damaged record, or a class beyond labels.txt.
    """
    files, place = _files(folder), folder.path
    if isinstance(folder.path, UrlPath):
        place = cache_folder(folder.path, "records")
    index = _read(place, files)
    if index is None:
        # Sizes alone vouch for an index that came with the shards: each copy has other times. A
        # frame that is not where it says differs from its checksum.
        beside = _read(folder.path, files, sizes_only=True) if place != folder.path else None
        index = beside or _scan(folder)
        _keep(place, files, index)
        index = _read(place, files) or index
    if len(index.label) and index.label.max() >= len(folder.labels):
        raise InputError(
            f"{folder.path}: a clip has class {index.label.max()}, labels.txt has "
            f"{len(folder.labels)} lines. The two belong to different runs: convert again."
        )
    return index


def _files(folder: RecordFolder) -> np.ndarray:
    """Size and time of change of each shard, which show whether an index is of these files."""
    stats = [storage_path(shard).stat() for shard in folder.shards]
    return np.array([(stat.st_size, stat.st_mtime_ns) for stat in stats], np.int64)


def _read(path: StoragePath, files: np.ndarray, sizes_only: bool = False) -> RecordIndex | None:
    compared = 1 if sizes_only else 2
    try:
        with cannot_read(str(path)), _load(path / INDEX_FILE) as content:
            if not np.array_equal(content["files"][:, :compared], files[:, :compared]):
                return None
            clips = {name: content[name] for name in _CLIP_FIELDS}
            frames = _load(path / FRAMES_FILE, mmap_mode="r")
    except InputError:
        return None
    return RecordIndex(**clips, frames=frames) if len(frames) == clips["num_frames"].sum() else None


def _load(path: StoragePath, mmap_mode: Literal["r"] | None = None) -> Any:
    if isinstance(path, RemotePath):
        return np.load(io.BytesIO(path.read_bytes()))
    content = np.load(path, mmap_mode)
    if isinstance(content, np.memmap) and isinstance(content.base, mmap.mmap):
        # Clips are asked for in no order: what stands beside their rows is not worth the memory.
        content.base.madvise(mmap.MADV_RANDOM)
    return content


def _keep(path: StoragePath, files: np.ndarray, index: RecordIndex) -> None:
    try:
        if isinstance(path, Path):
            path.mkdir(parents=True, exist_ok=True)
        # The clips last: what names the files vouches for both.
        _write(path / FRAMES_FILE, lambda file: np.save(file, index.frames))
        clips = {name: getattr(index, name) for name in _CLIP_FIELDS}
        _write(path / INDEX_FILE, lambda file: np.savez(file, files=files, **clips))
    except (InputError, OSError) as error:
        print(
            f"the index of {path} is not kept, each run reads the folder again: {error}",
            file=sys.stderr,
        )


def _write(path: StoragePath, save: Callable[[IO], None]) -> None:
    if isinstance(path, TensorFlowPath):
        save(content := io.BytesIO())
        path.write_bytes(content.getvalue())
    elif isinstance(path, Path):
        with atomic_write(path) as file:
            save(file)


def _scan(folder: RecordFolder) -> RecordIndex:
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    @tf.autograph.experimental.do_not_convert
    def facts(record: tf.Tensor) -> tuple[tf.Tensor, ...]:
        clip = parse_clip(record)
        frames = clip["frames"]
        size = tf.cond(
            tf.size(frames) > 0, lambda: jpeg_size(frames[0]), lambda: tf.constant([0, 0])
        )
        return tf.cast(clip["label"], tf.int32), size, record, frames

    clips = {
        name: array("q" if name == "offset" else "i")
        for name in ("shard", "offset", "label", "num_frames", "size")
    }
    frames = _scratch_file(folder.path)
    try:
        for number, shard in enumerate(
            tqdm(folder.shards, desc=f"index {folder.path}", unit="shard", delay=QUIET_SECONDS)
        ):
            offset = 0
            for label, size, record, pictures in _map_records(shard, facts):
                for name, value in (
                    ("shard", number),
                    ("offset", offset),
                    ("label", label),
                    ("num_frames", len(pictures)),
                    ("size", size),
                ):
                    clips[name].extend(np.ravel(value).tolist())
                frames.write(_find_frames(record, pictures).tobytes())
                offset += HEADER_BYTES + len(record) + FOOTER_BYTES
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise damage_error(folder.path, error) from error
    except OSError as error:
        raise InputError(
            f"cannot index {folder.path}: {error.strerror}. Free space there, or set TMPDIR to "
            "another folder."
        ) from error
    num_frames = np.array(clips["num_frames"], np.int32)
    return RecordIndex(
        np.array(clips["shard"], np.int32),
        np.array(clips["offset"], np.int64),
        np.array(clips["label"], np.int32),
        num_frames,
        np.array(clips["size"], np.int32).reshape(-1, 2),
        np.cumsum(num_frames, dtype=np.int64) - num_frames,
        _map_rows(frames),
    )


def _scratch_file(folder: StoragePath) -> IO[bytes]:
    """A file without a name, which ends with its last user: frames may take gigabytes."""
    if isinstance(folder, Path) and os.access(folder, os.W_OK):
        return tempfile.TemporaryFile(dir=folder)
    return tempfile.TemporaryFile()


def _map_rows(file: IO[bytes]) -> np.ndarray:
    """The rows of RecordIndex.frames that a file holds; the file is closed."""
    with file:
        file.flush()
        if not file.tell():
            return np.zeros((0, 3), np.uint32)
        return np.memmap(file, np.uint32, "r").reshape(-1, 3)


def _map_records(shard: str, function: Callable) -> Iterator[tuple[Any, ...]]:
    """What a graph function makes of each record of a shard, as NumPy values."""
    path = storage_path(shard)
    if isinstance(path, UrlPath):
        for record in read_records(path):
            yield tuple(value.numpy() for value in function(record))
    else:
        records = tf.data.TFRecordDataset(shard).map(function, num_parallel_calls=tf.data.AUTOTUNE)
        yield from records.as_numpy_iterator()


def _find_frames(record: bytes, pictures: Sequence[bytes]) -> np.ndarray:
    """Rows of RecordIndex.frames: the JPEGs lie in the record in order, with bytes between."""
    rows = np.empty((len(pictures), 3), np.uint32)
    position = 0
    for row, picture in zip(rows, pictures, strict=True):
        position = record.index(picture, position)
        row[:] = HEADER_BYTES + position, len(picture), google_crc32c.value(picture)
        position += len(picture)
    return rows
