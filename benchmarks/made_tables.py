"""What a large conversion leaves, without its pixels: a list, empty videos, states, an index.

The files have the names, sizes and contents that the programs would write; shards and the index of
frames are sparse files, so that ten million clips fit on any disk.
"""

import csv
import dataclasses
import itertools
import json
import os
from pathlib import Path

import numpy as np

from bsp_tf.base.atomic_file import make_folder
from bsp_tf.base.json_file import write_json
from bsp_tf.base.settings import fingerprint
from bsp_tf.records.schema import shard_name
from tfrecords_tools.conversion.clip_results import ClipResult
from tfrecords_tools.conversion.job import NUM_SHARDS_FILE, STATUS_FOLDER
from tfrecords_tools.conversion.plan import STATE_FOLDER
from tfrecords_tools.conversion.shard_writer import ShardStatus, shard_bounds

CLASSES, FILES_PER_FOLDER = 700, 1000
# Ten seconds, 720 lines, --fps=10: as in docs/scale.md.
CLIP_SECONDS, CLIP_FRAMES, CLIP_BYTES = 10, 100, 4_200_000
LIST, VIDEOS = "clips.csv", "videos"


def made_labels(num_clips: int) -> np.ndarray:
    """int32 [n]: classes of about equally many clips, in no order."""
    return np.random.default_rng(0).permutation(num_clips).astype(np.int32) % CLASSES


def make_list(folder: Path, num_clips: int, clips_per_file: int) -> None:
    """Writes a CSV of pieces of videos, and these videos, empty."""
    num_files = -(-num_clips // clips_per_file)
    paths = [f"part_{k // FILES_PER_FOLDER:05d}/video_{k:08d}.mp4" for k in range(num_files)]
    for parent in {os.path.dirname(path) for path in paths}:
        make_folder(folder / VIDEOS / parent)
    for path in paths:
        (folder / VIDEOS / path).touch()
        # All of one age: one fingerprint is that of each.
        os.utime(folder / VIDEOS / path, ns=(0, 0))
    labels = made_labels(num_clips).tolist()
    pieces = itertools.product(paths, range(clips_per_file))
    with open(folder / LIST, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["video_path", "start", "end", "label"])
        for label, (path, piece) in zip(labels, pieces, strict=False):
            start = CLIP_SECONDS * piece
            table.writerow([path, start, start + CLIP_SECONDS, f"class number {label:03d}"])


def make_state(folder: Path, output: Path, num_clips: int, num_shards: int) -> None:
    """Adds to a planned conversion the shards, sparse, and their status: all clips are done."""
    status_folder = output / STATE_FOLDER / STATUS_FOLDER
    make_folder(status_folder)
    write_json(output / STATE_FOLDER / NUM_SHARDS_FILE, num_shards)
    source = fingerprint(next((folder / VIDEOS).rglob("*.mp4")))
    clip = ClipResult(1, CLIP_FRAMES, CLIP_BYTES, crc32c=4_000_000_000, source=source)
    bounds, texts = shard_bounds(num_clips, num_shards), {}
    for shard, (begin, end) in enumerate(itertools.pairwise(bounds)):
        name, count = shard_name(shard, num_shards), end - begin
        if count not in texts:
            status = ShardStatus("NAME", count * CLIP_BYTES, "0" * 64, (clip,) * count)
            texts[count] = json.dumps(dataclasses.asdict(status), indent=1) + "\n"
        (status_folder / f"{name}.json").write_text(texts[count].replace("NAME", name))
        with open(output / name, "wb") as file:
            file.truncate(count * CLIP_BYTES)


def make_index(output: Path, num_clips: int, num_shards: int) -> None:
    """Adds the index of the records, as the first training would: frames are sparse, too."""
    bounds = np.array(shard_bounds(num_clips, num_shards))
    shard = np.repeat(np.arange(num_shards, dtype=np.int32), np.diff(bounds))
    num_frames = np.full(num_clips, CLIP_FRAMES, np.int32)
    np.lib.format.open_memmap(
        output / ".frame_index.npy", "w+", np.uint32, (num_clips * CLIP_FRAMES, 3)
    )
    stats = [os.stat(output / shard_name(k, num_shards)) for k in range(num_shards)]
    np.savez(
        output / ".clip_index.npz",
        files=np.array([(stat.st_size, stat.st_mtime_ns) for stat in stats], np.int64),
        shard=shard,
        offset=(np.arange(num_clips) - bounds[shard]) * CLIP_BYTES,
        label=made_labels(num_clips),
        num_frames=num_frames,
        size=np.full((num_clips, 2), (256, 456), np.int32),
        first_frame=np.arange(num_clips, dtype=np.int64) * CLIP_FRAMES,
    )
