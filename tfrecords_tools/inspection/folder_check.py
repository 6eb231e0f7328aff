"""A folder of shards against its manifest and label map: is all there, as it should be, once?"""

import dataclasses
import hashlib
import multiprocessing
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from bsp_tf.base.errors import InputError
from bsp_tf.base.interrupt import starting_processes
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.labels_file import read_label_file
from bsp_tf.base.output_lock import warn_of_writer
from bsp_tf.records.schema import LABELS_FILE, MANIFEST_FILE
from tfrecords_tools.inspection.record_check import Fault, ShardReport, StoredClip, check_shard

_SHARD_NAME = re.compile(r".+-\d{5}-of-\d{5}")


@dataclasses.dataclass(frozen=True)
class FolderReport:
    """Result of `check_folder`.

    Attributes:
        shards: one report per shard that is there, by name.
        labels: the label map; None if there is none.
        faults: of all shards, their records and the folder; in the order of the shards.
    """

    shards: list[ShardReport]
    labels: list[str] | None
    faults: list[Fault]

    @property
    def clips(self) -> list[StoredClip]:
        """The records that could be read, in the order of the files."""
        return [clip for shard in self.shards for clip in shard.clips]


def find_shards(folder: str | os.PathLike) -> list[Path]:
    """The shards of a folder by name.

    Raises:
        InputError: no such folder, or no shard in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"record folder {folder} does not exist; check --records.")
    paths = sorted(
        path for path in folder.iterdir() if _SHARD_NAME.fullmatch(path.name) and path.is_file()
    )
    if not paths:
        raise InputError(f"no shard (such as clips-00000-of-00008) in {folder}; check --records.")
    return paths


def check_folder(
    folder: str | os.PathLike,
    jpeg_stride: int = 0,
    workers: int = 1,
    on_shard: Callable[[int], object] = lambda num_bytes: None,
) -> FolderReport:
    """Reads every record of every shard and compares them with manifest.json and labels.txt.

    Args:
        folder: output of `tfrecords_tools.convert`.
        jpeg_stride: every n-th JPEG of a clip is decoded, the first one always; 0: none.
        workers: processes that read, each a shard at a time.
        on_shard: called after every shard with its size in bytes.
    Raises:
        InputError: no such folder, no shard in it, a manifest or label map that cannot be read, or
            a worker died.
    """
    folder = Path(folder)
    warn_of_writer(folder)
    paths = find_shards(folder)
    manifest = _read_manifest(folder / MANIFEST_FILE)
    label_file = folder / LABELS_FILE
    labels = read_label_file(label_file) if label_file.exists() else None
    faults = _missing_shards(paths, manifest)
    faults += (
        Fault(name, None, "", "the file is missing")
        for name, found in ((MANIFEST_FILE, manifest), (LABELS_FILE, labels))
        if found is None
    )
    listed = {row["name"]: row for row in manifest["shards"]} if manifest else {}
    reports = []
    for report, num_bytes, digest in _read_all(paths, labels, jpeg_stride, workers):
        on_shard(num_bytes)
        reports.append(report)
        faults += report.faults
        if manifest:
            faults += _manifest_faults(report, listed.get(report.name), num_bytes, digest)
    return FolderReport(reports, labels, faults + _repeated_keys(reports))


def _read_all(
    paths: Sequence[Path], labels: list[str] | None, jpeg_stride: int, workers: int
) -> Iterator[tuple[ShardReport, int, str]]:
    """Yields (report, bytes of the file, its SHA-256) for each path, in their order."""
    arguments = [(path, labels, jpeg_stride) for path in paths]
    if min(workers, len(paths)) <= 1:
        yield from map(_read_shard, arguments)
        return
    try:
        with starting_processes():
            pool = ProcessPoolExecutor(
                min(workers, len(paths)), multiprocessing.get_context("spawn")
            )
            reports = pool.map(_read_shard, arguments)
        with pool:
            yield from reports
    except BrokenProcessPool as error:
        raise InputError(
            "a process that read the shards died (out of memory, or killed from outside); run the "
            "same command again, with fewer --workers if memory was short."
        ) from error


def _read_shard(arguments: tuple[Path, list[str] | None, int]) -> tuple[ShardReport, int, str]:
    path = arguments[0]
    try:
        report = check_shard(*arguments)
        with open(path, "rb") as file:
            return report, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        fault = Fault(path.name, None, "", f"cannot be read: {error.strerror}")
        return ShardReport(path.name, 0, 0, [], [fault]), 0, ""


def _read_manifest(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    manifest = read_json_object(path, "shards", "num_clips")
    rows = manifest["shards"]
    named = isinstance(rows, list) and all(isinstance(row, dict) and "name" in row for row in rows)
    if not named:
        raise InputError(f"{path} lists no shards by name; convert that folder anew.")
    return manifest


def _missing_shards(paths: Sequence[Path], manifest: dict[str, Any] | None) -> list[Fault]:
    """Shards that the manifest lists, or the names of others promise, and that are not there."""
    wanted = (
        {row["name"]: "manifest.json lists it" for row in manifest["shards"]} if manifest else {}
    )
    for path in paths:
        stem, _, _, total = path.name.rsplit("-", 3)
        for number in range(int(total)):
            wanted.setdefault(
                f"{stem}-{number:05d}-of-{total}", f"the name of {path.name} promises it"
            )
    found = {path.name for path in paths}
    return [
        Fault(name, None, "", f"the shard is missing ({why})")
        for name, why in sorted(wanted.items())
        if name not in found
    ]


def _manifest_faults(
    report: ShardReport, row: dict[str, Any] | None, num_bytes: int, digest: str
) -> list[Fault]:
    if row is None:
        return [Fault(report.name, None, "", "manifest.json does not list this shard")]
    found = {"num_clips": (report.num_records, "records"), "num_bytes": (num_bytes, "bytes")}
    reasons = [
        f"{count} {what}, manifest.json says {row[key]}"
        for key, (count, what) in found.items()
        if row.get(key, count) != count
    ]
    # It says nothing new where a fault was found already.
    if not reasons and not report.faults and row.get("sha256", digest) != digest:
        reasons.append("SHA-256 of the file differs from manifest.json")
    return [Fault(report.name, None, "", reason) for reason in reasons]


def _repeated_keys(reports: Sequence[ShardReport]) -> list[Fault]:
    faults: list[Fault] = []
    first: dict[tuple[str, str], StoredClip] = {}
    for report in reports:
        for clip in report.clips:
            other = first.setdefault((clip.key, clip.label), clip)
            if other is not clip:
                faults.append(
                    Fault(
                        clip.shard,
                        clip.offset,
                        clip.key,
                        f"the same clip stands at {other.shard}, offset {other.offset}",
                    )
                )
    return faults
