"""manifest.json: what a finished conversion holds, how it was made, and whether it is whole."""

import hashlib
import platform
from collections.abc import Iterable, Sequence
from importlib import metadata
from typing import Any

import av

from bsp_tf.base.json_file import read_json_object, write_json
from bsp_tf.base.remote_path import UserPath
from bsp_tf.records.schema import LABELS_FILE, MANIFEST_FILE
from tfrecords_tools.conversion.failure_list import FAILURES_FILE
from tfrecords_tools.conversion.shard_writer import ShardSummary
from tfrecords_tools.inputs.clip_index import ClipIndex

VERSIONS_OF = ("av", "simplejpeg", "numpy", "protobuf")


def write_manifest(
    output: UserPath, index: ClipIndex, shards: Sequence[ShardSummary], flag_values: dict[str, Any]
) -> dict[str, Any]:
    """Writes the manifest, the last file of a conversion.

    Args:
        output: folder of the shards.
        index: all clips of the input.
        shards: what was written, in order.
        flag_values: name of a flag -> its value.
    Returns:
        What was written: counts, a row per shard, flags, checksums, versions, warnings.
    """
    rows = [shard.row for shard in shards]
    num_failed = sum(row["num_failures"] for row in rows)
    manifest = {
        "num_clips": sum(row["num_clips"] for row in rows),
        "num_frames": sum(row["num_frames"] for row in rows),
        "num_inputs": len(index.clips) + len(index.missing),
        "num_failures": num_failed + len(index.missing),
        "num_missing": len(index.missing),
        "num_labels": len(index.labels),
        "num_shards": len(shards),
        "shards": rows,
        "flags": flag_values,
        "label_map_sha256": _sha256(f"{label}\n" for label in index.labels),
        "clips_sha256": _sha256(
            repr((clip.key, clip.label, clip.span_seconds)) for clip in index.clips
        ),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in VERSIONS_OF},
            **{name: ".".join(map(str, version)) for name, version in av.library_versions.items()},
        },
        "warnings": index.warnings,
    }
    write_json(output / MANIFEST_FILE, manifest)
    return manifest


def finished_manifest(output: UserPath) -> dict[str, Any] | None:
    """The manifest if the run had ended and every file of it is still there in full.

    Raises:
        InputError: the manifest is damaged.
    """
    if not (output / MANIFEST_FILE).is_file():
        return None
    manifest = read_json_object(
        output / MANIFEST_FILE, "shards", "num_clips", "num_shards", "num_failures", "num_missing"
    )
    files = [(output / shard["name"], shard["num_bytes"]) for shard in manifest["shards"]]
    whole = all(path.is_file() and path.stat().st_size == num_bytes for path, num_bytes in files)
    return (
        manifest
        if whole and (output / LABELS_FILE).is_file() and (output / FAILURES_FILE).is_file()
        else None
    )


def _sha256(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
