"""Converts a folder of video clips into TFRecord shards that DMVR, Scenic and the TF Model Garden read.

    python -m tfrecords_tools.convert --input=clips/train --output=records/train --workers=2 --num_shards=8

Input is a folder per class (`clips/train/<class>/*.mp4`), a folder of videos without labels, or a file that names
clips in the folder --videos: a Kinetics CSV, a CSV with the columns video_path[,start,end][,label], a list of lines
`path label`, or ActivityNet annotations. Which of them is told by its first line (see clip_sources.py):

    python -m tfrecords_tools.convert --input=kinetics-400_val.csv --videos=kinetics/val --output=records/val \
        --short_side=256 --jpeg_quality=95 --labels=records/train/labels.txt

Output: `clips-00000-of-00008` ..., `labels.txt` (one class a line; the line number, from 0, is the class index),
`manifest.json` (flags, versions, counts, sizes) and `failures.csv` (path, reason). Same inputs, flags and library
versions give the same bytes, whatever the number of workers. A killed run continues when it is started again. Exit
status: 0 all converted; 3 done, but some clips failed or were missing, see failures.csv; 2 bad input.
"""

import dataclasses
import fcntl
import hashlib
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from absl import flags
from tqdm import tqdm

from bsp_tf.base.atomic_file import atomic_write, make_folder, read_json_object, write_json
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.finished_output import refuse_output_inside
from bsp_tf.data.record_schema import LABELS_FILE, MANIFEST_FILE, shard_name
from tfrecords_tools.clip_encoder import EncodingOptions
from tfrecords_tools.clip_index import ClipIndex
from tfrecords_tools.clip_sources import InputSource, define_input_flags, index_clips, source_from_flags
from tfrecords_tools.shard_writer import (
    FAILURES_FILE,
    STATUS_FOLDER,
    ShardStatus,
    ShardTask,
    finished_shards,
    plan_shards,
    remove_leftovers,
    write_failures,
    write_shards,
)

FLAGS = flags.FLAGS

SOME_FAILED_STATUS = 3
SETTINGS_FILE = "settings.json"
VERSIONS_OF = ("tensorflow", "av", "pillow", "numpy")


def convert(source: InputSource | str | os.PathLike, output: str | os.PathLike, *,
            options: EncodingOptions | None = None, num_shards: int = 8, shuffle_seed: int = 0,
            workers: int = 1) -> dict:
    """Converts clips to shards; continues what an earlier call began.

    Args:
        source: what to convert; a path stands for InputSource(path).
        output: folder of the shards.
        options: how frames are stored; None: the defaults.
        num_shards: number of shards wanted; never more than clips.
        shuffle_seed: seed of the order of the clips.
        workers: number of processes; it changes nothing in the output.
    Returns:
        The manifest as written to manifest.json.
    Raises:
        InputError: bad input, an output folder with records of other input or flags, or one in use by another run.
    """
    options = options or EncodingOptions()
    source = source if isinstance(source, InputSource) else InputSource(os.fspath(source))
    if os.path.isdir(source.input):
        refuse_output_inside(output, source.input)
    index = index_clips(source)
    for warning in index.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    settings = {**dataclasses.asdict(options), "num_shards": num_shards, "shuffle_seed": shuffle_seed,
                "label_map_sha256": _sha256("\n".join(index.labels)), "clips_sha256": _digest(index)}
    output = Path(output)
    make_folder(output / STATUS_FOLDER)
    with open(output / STATUS_FOLDER / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"another conversion is writing to {output}; wait for it or choose another --output."
                             ) from error
        _refuse_other_settings(output, settings)
        manifest = _finished_manifest(output)
        if manifest is not None:
            print(f"already done: {manifest['num_clips']} clips in {manifest['num_shards']} shards in {output}")
            return manifest
        remove_leftovers(output)
        write_json(output / STATUS_FOLDER / SETTINGS_FILE, settings)
        with atomic_write(output / LABELS_FILE, "w") as file:
            file.writelines(f"{label}\n" for label in index.labels)
        shards = _write_all(index, output, options, num_shards, shuffle_seed, workers)
        flag_values = {**dataclasses.asdict(source), **dataclasses.asdict(options), "num_shards": num_shards,
                       "shuffle_seed": shuffle_seed}
        return _write_manifest(output, index, shards, settings, flag_values)


def _write_all(index: ClipIndex, output: Path, options: EncodingOptions, num_shards: int,
               seed: int, workers: int) -> list[ShardStatus]:
    class_index = {label: position for position, label in enumerate(index.labels)}
    plan = plan_shards(len(index.clips), num_shards, seed)
    tasks = [ShardTask(index.root, os.fspath(output), shard_name(shard, len(plan)),
                       tuple((index.clips[i], class_index.get(index.clips[i].label)) for i in clips), options)
             for shard, clips in enumerate(plan)]
    shards = finished_shards(output, [task.name for task in tasks])
    waiting = [task for task in tasks if task.name not in shards]
    num_done = sum(len(task.clips) for task in tasks if task.name in shards)
    if shards:
        print(f"continuing: {len(shards)} of {len(tasks)} shards were finished before")
    with tqdm(total=len(index.clips), initial=num_done, desc="convert", unit="clip") as bar:
        for status in write_shards(waiting, workers, bar.update):
            shards[status.name] = status
    return [shards[task.name] for task in tasks]


def _write_manifest(output: Path, index: ClipIndex, shards: list[ShardStatus], settings: dict,
                    flag_values: dict) -> dict:
    failures = [*index.missing, *(failure for shard in shards for failure in shard.failures)]
    write_failures(output, failures)
    manifest = {
        "num_clips": sum(shard.num_clips for shard in shards),
        "num_frames": sum(shard.num_frames for shard in shards),
        "num_failures": len(failures),
        "num_missing": len(index.missing),
        "num_labels": len(index.labels),
        "num_shards": len(shards),
        "shards": [{"name": shard.name, "num_clips": shard.num_clips, "num_frames": shard.num_frames,
                    "num_bytes": shard.num_bytes, "num_failures": len(shard.failures)} for shard in shards],
        "flags": flag_values,
        "label_map_sha256": settings["label_map_sha256"],
        "clips_sha256": settings["clips_sha256"],
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in VERSIONS_OF}},
        "warnings": index.warnings,
    }
    write_json(output / MANIFEST_FILE, manifest)
    return manifest


def _finished_manifest(output: Path) -> dict | None:
    """The manifest if the run had ended and every file of it is still there in full."""
    if not (output / MANIFEST_FILE).is_file():
        return None
    manifest = read_json_object(output / MANIFEST_FILE, "shards", "num_clips", "num_shards", "num_failures")
    files = [(output / shard["name"], shard["num_bytes"]) for shard in manifest["shards"]]
    whole = all(path.is_file() and path.stat().st_size == num_bytes for path, num_bytes in files)
    return manifest if whole and (output / LABELS_FILE).is_file() and (output / FAILURES_FILE).is_file() else None


def _refuse_other_settings(output: Path, settings: dict) -> None:
    path = output / STATUS_FOLDER / SETTINGS_FILE
    if not path.is_file():
        if any(output.glob("clips-*")) or (output / MANIFEST_FILE).exists():
            raise InputError(f"{output} holds records of unknown origin; choose another --output or empty it.")
        return
    before = read_json_object(path)
    named = {"clips_sha256": "the clips of the input", "label_map_sha256": "the label map"}
    differing = [named.get(name, f"--{name} (now {settings.get(name)}, before {before.get(name)})")
                 for name in sorted({*before, *settings}) if before.get(name) != settings.get(name)]
    if differing:
        raise InputError(f"{output} holds a conversion with other settings: {', '.join(differing)} differ. Choose "
                         "another --output, or empty that folder to convert anew.")


def _digest(index: ClipIndex) -> str:
    """Fingerprint of names, sizes, labels and spans of the clips, so that other input is not taken for the same."""
    lines = []
    for clip in index.clips:
        path = Path(index.root, clip.path)
        size = path.stat().st_size if path.exists() else None
        lines.append(repr((clip.key, size, clip.label, clip.span_seconds)))
    return _sha256("\n".join(lines))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    define_input_flags()
    flags.DEFINE_string("output", None, "Folder for the shards.", required=True)
    flags.DEFINE_integer("workers", os.cpu_count() or 1, "Processes.", lower_bound=1)
    flags.DEFINE_integer("num_shards", 8, "Number of shards; never more than clips.", lower_bound=1)
    flags.DEFINE_integer("shuffle_seed", 0, "Seed of the order of the clips.", lower_bound=0)
    flags.DEFINE_integer("short_side", 256, "Shorter side of stored frames in pixels; smaller ones are not "
                         "enlarged; 0 keeps every size.", lower_bound=0)
    flags.DEFINE_integer("jpeg_quality", 95, "1 to 100.", lower_bound=1, upper_bound=100)
    flags.DEFINE_float("fps", 0.0, "Frames a second to store; 0 keeps every frame.", lower_bound=0.0)
    flags.DEFINE_integer("min_frames", 2, "Clips with fewer frames are failures.", lower_bound=1)


def main(argv: Sequence[str]) -> int:
    """Reads the flags, converts, says what was done; see the module's docstring for the exit status."""
    del argv
    options = EncodingOptions(short_side=FLAGS.short_side, fps=FLAGS.fps, jpeg_quality=FLAGS.jpeg_quality,
                              min_frames=FLAGS.min_frames)
    manifest = convert(source_from_flags(), FLAGS.output, options=options, num_shards=FLAGS.num_shards,
                       shuffle_seed=FLAGS.shuffle_seed, workers=FLAGS.workers)
    num_bytes = sum(shard["num_bytes"] for shard in manifest["shards"])
    print(f"{manifest['num_clips']} clips ({manifest['num_frames']} frames) of {manifest['num_labels']} classes in "
          f"{manifest['num_shards']} shards, {num_bytes / 1e6:.1f} MB")
    if manifest["num_failures"]:
        print(f"{manifest['num_failures']} clips could not be converted: see {Path(FLAGS.output, FAILURES_FILE)}",
              file=sys.stderr)
        return SOME_FAILED_STATUS
    return 0


if __name__ == "__main__":
    run_command(main, define_flags)
