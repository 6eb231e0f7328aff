"""Where each clip of a record folder lies, its class and its length: so that any clip can be read on its own.

The first use of a folder reads it once from end to end (1.4 ms a clip of 2 MB on one core, or as fast as the disk) and
leaves `.clip_index.npz` beside the shards; later uses check only that the shards are the same files.
"""

import dataclasses
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.data.record_damage import damage_error
from bsp_tf.data.record_folder import RecordFolder, record_offsets
from bsp_tf.data.record_parser import parse_clip

INDEX_FILE = ".clip_index.npz"
QUIET_SECONDS = 3


@dataclasses.dataclass(frozen=True)
class RecordIndex:
    """One row a clip, in the order of the shards and of the records in them.

    Attributes:
        shard: int32 [n], position in `RecordFolder.shards`.
        offset: int64 [n], first byte of the record in its file.
        label: int32 [n], class index; -1 for an unlabelled clip.
        num_frames: int32 [n].
    """

    shard: np.ndarray
    offset: np.ndarray
    label: np.ndarray
    num_frames: np.ndarray


def load_index(folder: RecordFolder) -> RecordIndex:
    """Takes the index that lies in the folder, or reads the folder and leaves one there (if it can be written).

    Raises:
        InputError: a damaged record, or a class beyond labels.txt.
    """
    path, files = folder.path / INDEX_FILE, _files(folder)
    index = _read(path, files)
    if index is None:
        index = _scan(folder)
        try:
            with atomic_write(path) as file:
                np.savez(file, files=files, **dataclasses.asdict(index))
        except (InputError, OSError) as error:
            print(f"the index of {folder.path} is not kept, each run reads the folder again: {error}", file=sys.stderr)
    if len(index.label) and index.label.max() >= len(folder.labels):
        raise InputError(f"{folder.path}: a clip has class {index.label.max()}, labels.txt has {len(folder.labels)} "
                         "lines. The two belong to different runs: convert again.")
    return index


def _files(folder: RecordFolder) -> np.ndarray:
    """Size and time of change of each shard: what tells that an index is of these very files."""
    stats = [os.stat(shard) for shard in folder.shards]
    return np.array([(stat.st_size, stat.st_mtime_ns) for stat in stats], np.int64)


def _read(path: Path, files: np.ndarray) -> RecordIndex | None:
    try:
        with np.load(path) as content:
            if not np.array_equal(content["files"], files):
                return None
            return RecordIndex(**{field.name: content[field.name] for field in dataclasses.fields(RecordIndex)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _scan(folder: RecordFolder) -> RecordIndex:
    def facts(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        clip = parse_clip(record)
        return tf.cast(clip["label"], tf.int32), tf.size(clip["frames"])

    rows: dict[str, list[np.ndarray]] = {"shard": [], "offset": [], "label": [], "num_frames": []}
    try:
        for number, shard in enumerate(tqdm(folder.shards, desc=f"index {folder.path}", unit="shard",
                                            delay=QUIET_SECONDS)):
            offsets = np.array(record_offsets(shard), np.int64)
            records = tf.data.TFRecordDataset(shard).map(facts, num_parallel_calls=tf.data.AUTOTUNE)
            found = np.array(list(records.as_numpy_iterator()), np.int32).reshape(-1, 2)
            rows["shard"].append(np.full(len(offsets), number, np.int32))
            rows["offset"].append(offsets)
            rows["label"].append(found[:, 0])
            rows["num_frames"].append(found[:, 1])
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise damage_error(folder.path, error) from error
    return RecordIndex(**{name: np.concatenate(parts) for name, parts in rows.items()})
