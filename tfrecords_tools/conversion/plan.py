"""What a conversion is about to do, kept beside the shards, so that a killed one can go on.

A hidden folder holds the settings and the plan: all clips, as the first run found them.
"""

import dataclasses
import hashlib
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import IO, Any

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError, cannot_read, without_secrets
from bsp_tf.base.json_file import parse_json, read_json_object
from bsp_tf.base.labels_file import read_label_file
from bsp_tf.base.remote_path import UrlPath, UserPath, names_in
from bsp_tf.base.settings import claim, differences, refuse_other_settings
from bsp_tf.records.schema import LABELS_FILE, MANIFEST_FILE, MAX_SHARDS
from tfrecords_tools.conversion.failure_list import FAILURES_FILE
from tfrecords_tools.inputs.clip_columns import ClipColumns
from tfrecords_tools.inputs.clip_index import ClipIndex, ClipSpec

STATE_FOLDER = ".convert"
SETTINGS_FILE = "settings.json"
PLAN_FILE = "plan.json"
_PLAN_FIELDS = tuple(field.name for field in dataclasses.fields(ClipIndex) if field.name != "clips")
# What the line before the rows of the clips ends with.
_CLIPS = '"clips": ['
_CLIP_FIELDS = tuple(field.name for field in dataclasses.fields(ClipSpec))


@dataclasses.dataclass(frozen=True)
class ShardingOptions:
    """Which clips go together.

    Attributes:
        num_shards: number of shards, never more than clips; None: by size.
        shard_megabytes: wanted size (10^6 bytes); None: see `shard_writer.choose_num_shards`.
        shuffle_seed: seed of the order of the clips.
    Raises:
        InputError: both the number and the size are given, the number is above MAX_SHARDS, or the
            size is infinite.
    """

    num_shards: int | None = None
    shard_megabytes: float | None = None
    shuffle_seed: int = 0

    def __post_init__(self) -> None:
        if self.num_shards and self.shard_megabytes:
            raise InputError(
                "--num_shards and --shard_megabytes both fix the number of shards: give one."
            )
        if self.shard_megabytes == math.inf:
            raise InputError("--shard_megabytes=inf: one shard is --num_shards=1.")
        if self.num_shards and self.num_shards > MAX_SHARDS:
            raise InputError(
                f"--num_shards={self.num_shards} is more than the {MAX_SHARDS} that the names of "
                "shards can count: give fewer."
            )


def adopt_plan(output: UserPath, index: ClipIndex, settings: dict[str, Any]) -> ClipIndex:
    """Saves settings and clips, or takes those of the run that began here.

    Args:
        output: folder of the shards.
        index: the clips as they are found now.
        settings: name of a flag -> its value, for the flags that change the records.
    Returns:
        The clips as the first run found them: files that vanished since stay in the plan.
    Raises:
        InputError: the folder holds a conversion with other settings, labels or clips, or something
            unknown.
    """
    folder = output / STATE_FOLDER
    if not (folder / SETTINGS_FILE).is_file():
        _refuse_foreign_files(output, index.labels)
        _write_plan(folder / PLAN_FILE, index)
        # Last: it says that the plan is there.
        claim(folder / SETTINGS_FILE, settings)
        return index
    before = read_json_object(folder / SETTINGS_FILE)
    differing = differences(before, settings, absent_is_none=True)
    planned = _read_plan(folder / PLAN_FILE)
    same_clips = planned.clips == index.clips
    # Of a folder whose last clip vanished the class is gone too.
    if not same_clips and not _names(index.clips) <= _names(planned.clips):
        differing.append("the input lists other clips")
    elif not set(index.labels) <= set(planned.labels):
        differing.append("the label map is another one")
    refuse_other_settings(output, differing)
    clips = planned.clips if same_clips else _with_secrets(planned.clips, index.clips)
    return dataclasses.replace(planned, root=index.root, clips=clips)


def _refuse_foreign_files(output: UserPath, labels: Sequence[str]) -> None:
    """Refuses a folder with files that a conversion would replace and did not write."""
    names = set(names_in(output))
    if any(name.startswith("clips-") for name in names) or names & {MANIFEST_FILE, FAILURES_FILE}:
        raise InputError(
            f"{output} holds records of unknown origin, or a {FAILURES_FILE}; choose another "
            "--output or empty it."
        )
    if LABELS_FILE in names and read_label_file(output / LABELS_FILE) != list(labels):
        raise InputError(
            f"{output / LABELS_FILE} lists other classes than the input: give it as --labels, or "
            "choose another --output."
        )


def plan_digest(index: ClipIndex, settings: dict[str, Any]) -> str:
    """SHA-256 (hex) of what decides the results of clips and the order of them."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for clip in index.clips:
        digest.update(repr((clip.key, clip.label, clip.label_index)).encode())
    return digest.hexdigest()


def _write_plan(path: UserPath, index: ClipIndex) -> None:
    """Writes an object in JSON whose last entry are the clips, a row on each line."""
    about = {name: getattr(index, name) for name in _PLAN_FIELDS}
    with atomic_write(path, "w") as file:
        file.write(json.dumps(about)[:-1] + f", {_CLIPS}\n")
        for number, clip in enumerate(index.clips):
            file.write((",\n" if number else "") + json.dumps(_row_of_clip(clip)))
        file.write("\n]}\n")


def _read_plan(path: UserPath) -> ClipIndex:
    """Reads the rows one by one: all at once, ten million take gigabytes.

    Raises:
        InputError: it cannot be read, or is damaged.
    """
    with cannot_read(str(path)), _open(path) as file:
        start = file.readline()
        if start.endswith(f", {_CLIPS}\n".encode()):
            plan = parse_json(start + b"]}", str(path), file_names=True)
            lines = iter(file.readline, b"]}\n")
            rows = (parse_json(line.rstrip(b",\n"), str(path), file_names=True) for line in lines)
            plan["clips"] = ClipColumns(map(_clip_of_row, rows))
        else:
            # Older plans are all on one line.
            plan = read_json_object(path, "clips", *_PLAN_FIELDS)
            plan["clips"] = ClipColumns(map(_clip_of_row, plan["clips"]))
    plan["missing"] = [tuple(row) for row in plan["missing"]]
    return ClipIndex(**plan)


def _open(path: UserPath) -> IO[bytes]:
    return io.BytesIO(path.read_bytes()) if isinstance(path, UrlPath) else open(path, "rb")


def _names(clips: Iterable[ClipSpec]) -> set[bytes]:
    """16 bytes for each clip, of what tells it from any other: of texts there may be gigabytes."""
    return {
        hashlib.blake2b(
            repr((clip.key, clip.label, clip.span_seconds)).encode("utf-8", "surrogateescape"),
            digest_size=16,
        ).digest()
        for clip in clips
    }


def _with_secrets(planned: Sequence[ClipSpec], now: Iterable[ClipSpec]) -> Sequence[ClipSpec]:
    """The planned clips with the signed addresses of now: the plan holds no signature."""
    paths = {clip.key: clip.path for clip in now if clip.path != without_secrets(clip.path)}
    if not paths:
        return planned
    return ClipColumns(
        dataclasses.replace(clip, path=paths.get(clip.key, clip.path)) for clip in planned
    )


def _row_of_clip(clip: ClipSpec) -> list[Any]:
    row = [getattr(clip, name) for name in _CLIP_FIELDS]
    return [without_secrets(value) if isinstance(value, str) else value for value in row]


def _clip_of_row(row: list[Any]) -> ClipSpec:
    fields = dict(zip(_CLIP_FIELDS, row, strict=True))
    if fields["span_seconds"] is not None:
        fields["span_seconds"] = tuple(fields["span_seconds"])
    return ClipSpec(**fields)
