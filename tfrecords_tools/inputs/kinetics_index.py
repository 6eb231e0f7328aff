"""Clips of a Kinetics CSV, looked up in a folder that follows any of the usual habits.

    [label,]youtube_id,time_start,time_end[,split][,is_cc]     in any order, others are ignored

A row's file is `<youtube_id>_%06d_%06d` (start, end), the same with unpadded numbers, or
`<youtube_id>`, with any suffix. It lies in a folder of its class, in whatever way that writes the
label (`label_map.fold_label`) and at any depth, or in a folder that is not a class. A file in the
folder of another class is not taken.
"""

import os
from array import array
from collections.abc import Iterable, Iterator

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import AnyPath
from bsp_tf.video.folder_listing import FileListing, list_files
from tfrecords_tools.inputs.clip_index import ClipIndex
from tfrecords_tools.inputs.clip_table import ChosenRows, Row, Table
from tfrecords_tools.inputs.file_listing import (
    FilesByStem,
    describe_absent,
    existing_folder,
    prefer_videos,
)
from tfrecords_tools.inputs.found_clips import FoundClips
from tfrecords_tools.inputs.label_map import fold_label, match_labels

COLUMNS = ("youtube_id", "time_start", "time_end")


def index_kinetics(
    csv_path: str | os.PathLike,
    root: AnyPath,
    known: list[str] | None = None,
    *,
    split: str | None = None,
    unlabelled: bool = False,
    untrimmed: bool = False,
    listing: FileListing | None = None,
) -> ClipIndex:
    """Indexes the rows of a Kinetics CSV whose file is in a folder; the others become `missing`.

    Args:
        csv_path: the CSV.
        root: folder of the clips.
        known: label map to reuse; None: `sorted()` labels of the whole CSV, also those of other
            splits or without any file, so that every split gets the same map.
        split: take only the rows with this text in the column `split`.
        unlabelled: leave the labels out of the clips; they still help to find the files.
        untrimmed: files named `<youtube_id>` are whole videos, to be cut; otherwise they are the
            clips.
        listing: the files of `root`; None: walk over it.
    Raises:
        InputError: not readable, a missing column, no row of `split`, a label that `known` lacks,
            or no file for any row.
    """
    root = existing_folder(root, "--videos")
    table = Table(csv_path, COLUMNS)
    rows = ChosenRows(table.rows("youtube_id"), split, csv_path)
    # Once for the labels, which tell classes from other folders, then once more for the clips.
    for _ in rows:
        pass
    names = rows.labels
    labels, matched = (known or [], {}) if unlabelled else match_labels(names, known, csv_path)
    listing = listing or list_files(root)
    again = ChosenRows(table.rows("youtube_id"), split, csv_path)
    found, missing, num_taken = _match_rows(again, names, listing, csv_path, untrimmed)
    if not found:
        raise InputError(
            f"no clip found: none of the {rows.number} rows of {csv_path} has its file in {root} "
            f"(the first: {', '.join(missing[0])}); check --videos."
        )
    if unlabelled:
        found = FoundClips(clip._replace(label=None) for clip in found)
    clips, num_repeated = found.sorted(matched)
    warnings = []
    if num_repeated:
        warnings.append(f"{num_repeated} rows of {csv_path} repeat another row and are left out.")
    num_left_out = len(listing.paths) - num_taken
    if num_left_out:
        chosen = f" of split {split!r}" if split is not None else ""
        warnings.append(
            f"{num_left_out} of {len(listing.paths)} files in {root} belong to no row{chosen} of "
            f"{csv_path} and are left out."
        )
    return ClipIndex(
        str(root),
        "kinetics",
        clips,
        labels,
        [*listing.faults, *dict.fromkeys(missing)],
        warnings,
    )


def _match_rows(
    rows: Iterable[Row],
    labels: set[str],
    listing: FileListing,
    csv_path: str | os.PathLike,
    untrimmed: bool,
) -> tuple[FoundClips, list[tuple[str, str]], int]:
    """(clips, missing, number of files taken)."""
    stems, folders = FilesByStem(listing.paths), _ClassFolders(labels)
    found, missing, unmatched = FoundClips(), [], []
    # Of each file the number of its first clip.
    first, num_taken = array("q", [-1]) * len(listing.paths), 0
    shared: dict[str, int] = {}
    for row in rows:
        if row.fault or row.span_seconds is None:
            missing.append(
                (
                    row.name or f"line {row.line}",
                    f"{csv_path}, line {row.line}: {row.fault or 'the row has no start and end'}",
                )
            )
            continue
        for stem in _stems(row):
            paths = folders.fitting(stems.get(stem, []), row.label)
            if paths:
                break
        paths = prefer_videos(paths)
        if len(paths) == 1:
            cut = untrimmed and stem == row.name
            file = stems.number_of(paths[0])
            if first[file] < 0:
                first[file] = len(found)
                num_taken += 1
            elif found.span_of(first[file]) != row.span_seconds and not cut:
                shared[paths[0]] = shared.get(paths[0], 1) + 1
            found.add(paths[0], row.label, row.span_seconds, cut)
            continue
        name = f"{row.label or ''}/{next(_stems(row))}.mp4".removeprefix("/")
        if paths:
            missing.append((name, f"{len(paths)} files fit: {', '.join(paths)}"))
        else:
            unmatched.append(name)
    missing += describe_absent(unmatched, listing.paths).items()
    missing += [
        (
            path,
            f"{count} rows of {csv_path} with other times fit this one file; if it is the whole "
            "video, give --untrimmed",
        )
        for path, count in shared.items()
    ]
    if shared:
        found = FoundClips(clip for clip in found if clip.path not in shared)
    return found, missing, num_taken


def _stems(row: Row) -> Iterator[str]:
    """What the row's file may be called, the most telling first."""
    if row.span_seconds is not None:
        start, end = map(int, row.span_seconds)
        yield f"{row.name}_{start:06d}_{end:06d}"
        yield f"{row.name}_{start}_{end}"
    yield row.name


class _ClassFolders:
    """Which classes a folder stands for, from the names on the way to it, looked up once each."""

    def __init__(self, labels: set[str]) -> None:
        self._labels = labels
        self._folded: dict[str, set[str]] = {}
        for label in labels:
            self._folded.setdefault(fold_label(label), set()).add(label)
        self._known: dict[str, set[str]] = {}

    def fitting(self, paths: list[str], label: str | None) -> list[str]:
        """Files that may belong to a class: those in its folders, else those in no class's."""
        if label is None:
            return paths
        classes = [self._classes(path) for path in paths]
        own = [path for path, labels in zip(paths, classes, strict=True) if label in labels]
        return own or [path for path, labels in zip(paths, classes, strict=True) if not labels]

    def _classes(self, path: str) -> set[str]:
        folder = path.rpartition("/")[0]
        if folder not in self._known:
            self._known[folder] = set()
            for name in folder.split("/"):
                self._known[folder] |= (
                    {name} if name in self._labels else self._folded.get(fold_label(name), set())
                )
        return self._known[folder]
