"""Clips of an ActivityNet annotation file: every annotated segment of a video, cut out of it.

The file of a video is its id with any suffix, with or without the "v_" that ActivityNet's files
carry, at any depth.
"""

import os

from bsp_tf.annotations.mended import ODDITIES, choose_subset, load_annotations
from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import AnyPath
from bsp_tf.video.folder_listing import list_files
from tfrecords_tools.inputs.clip_index import ClipIndex, format_seconds
from tfrecords_tools.inputs.file_listing import (
    FilesByStem,
    describe_absent,
    existing_folder,
    prefer_videos,
)
from tfrecords_tools.inputs.found_clips import FoundClip, make_clips
from tfrecords_tools.inputs.label_map import match_labels


def index_annotations(
    path: str | os.PathLike,
    root: AnyPath,
    known: list[str] | None = None,
    *,
    subset: str | None = None,
    unlabelled: bool = False,
) -> ClipIndex:
    """Indexes annotated segments; those whose video is not in the folder become `missing`.

    Args:
        path: annotations, .json or .json.gz (see bsp_tf/annotations/reader.py).
        root: folder of the videos.
        known: label map to reuse; None: `sorted()` labels of all subsets, so that every subset gets
            the same map.
        subset: "training", "validation", ...; None: all.
        unlabelled: take the clips without their labels.
    Raises:
        InputError: not readable or malformed, no video of `subset`, a label that `known` lacks, or
            no video for any segment.
    """
    root = existing_folder(root, "--videos")
    annotations = load_annotations(path)
    names = {label for video in annotations.values() for label in video.labels}
    labels, matched = (known or [], {}) if unlabelled else match_labels(names, known, path)
    if not annotations:
        raise InputError(f"{path} holds no video; nothing to convert.")
    chosen = choose_subset(annotations, subset, path) if subset else annotations
    missing = [
        (name, f"annotated segment: {ODDITIES[kind]}")
        for kind in ("outside", "reversed")
        for name in annotations.oddities[kind]
        if name in chosen
    ]
    listing = list_files(root)
    stems, found = FilesByStem(listing.paths), []
    paths_of = {name: _find(name, stems) for name in chosen}
    absent = describe_absent([name for name, paths in paths_of.items() if not paths], listing.paths)
    for name, video in chosen.items():
        paths = paths_of[name]
        reason = absent.get(name) or (
            "" if len(paths) == 1 else f"{len(paths)} files fit: {', '.join(paths)}"
        )
        for (start, end), label in zip(video.segments.round(6).tolist(), video.labels, strict=True):
            fault = reason or (
                ""
                if start < end
                else f"start {format_seconds(start)} is not before end {format_seconds(end)}"
            )
            if fault:
                missing.append((f"{name}#t={format_seconds(start)},{format_seconds(end)}", fault))
            else:
                found.append(
                    FoundClip(paths[0], None if unlabelled else label, (start, end), cut=True)
                )
    if not found:
        first = ": ".join(missing[0]) if missing else "no segment is annotated"
        raise InputError(
            f"no clip found: no annotated segment of {path} has its video in {root} (the first: "
            f"{first}); check --videos."
        )
    clips, num_repeated = make_clips(found, matched)
    warnings = [line for line in annotations.warnings() if ODDITIES["clamped"] in line]
    num_bare = sum(not video.labels for video in chosen.values())
    if num_repeated:
        warnings.append(f"{num_repeated} segments of {path} repeat another one and are left out.")
    if num_bare:
        warnings.append(
            f"{num_bare} videos of {path} have no annotated segment, so no clip comes from them."
        )
    return ClipIndex(
        str(root),
        "activitynet",
        clips,
        labels,
        [*listing.faults, *dict.fromkeys(missing)],
        warnings,
    )


def _find(name: str, stems: FilesByStem) -> list[str]:
    bare = name.removeprefix("v_")
    return prefer_videos(
        next((stems[stem] for stem in (name, f"v_{bare}", bare) if stem in stems), [])
    )
