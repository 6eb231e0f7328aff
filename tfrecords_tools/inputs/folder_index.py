"""Clips of a folder: one folder per class, or just videos, without labels.

    <input>/<class>/<anything>.mp4   folders inside a class folder belong to that class
    <input>/<anything>.mp4           without any class folder, or with --unlabelled: no clip has a
                                     label

Every file that is not hidden counts as a clip: one that is not a video is listed among the
failures.
"""

import os
from pathlib import Path

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import AnyPath, UserPath
from bsp_tf.video.folder_listing import list_files
from tfrecords_tools.inputs.clip_index import ClipIndex
from tfrecords_tools.inputs.file_listing import existing_folder
from tfrecords_tools.inputs.found_clips import FoundClip, make_clips
from tfrecords_tools.inputs.label_map import match_labels


def index_folder(
    root: AnyPath, known: list[str] | None = None, *, unlabelled: bool = False
) -> ClipIndex:
    """Indexes a folder.

    Args:
        root: input folder.
        known: label map to reuse; folder names may write its labels in any habit (`fold_label`).
            None: `sorted()` names of the class folders. A class folder without a file gives a
            warning and stays in the map.
        unlabelled: take all files, those in no class folder too, without a label.
    Raises:
        InputError: no such folder, no file at all, or a class that `known` does not hold.
    """
    root = existing_folder(root, "--input")
    listing = list_files(root)
    if "." in dict(listing.faults):
        raise InputError(f"cannot read --input={root}: {dict(listing.faults)['.']}.")
    folders = _folders_in(root, listing.paths)
    warnings = []
    if unlabelled or not folders:
        found = [FoundClip(path, None) for path in listing.paths]
        labels = known or []
        matched: dict[str, tuple[int, str]] = {}
        if found and not unlabelled:
            warnings.append(
                f"{root} holds no class folder: its {len(found)} files become clips without a "
                "label (a folder per class would give them one; --unlabelled avoids this warning)."
            )
    else:
        labels, matched = match_labels(folders, known, str(root))
        loose = [path for path in listing.paths if "/" not in path]
        found = [FoundClip(path, path.partition("/")[0]) for path in listing.paths if "/" in path]
        filled = {clip.label for clip in found}
        warnings += [
            f"class folder {root / folder} is empty; the class stays in the label map without a "
            "clip."
            for folder in folders
            if folder not in filled
        ]
        if loose:
            warnings.append(
                f"{len(loose)} files lie directly in {root}, in no class folder, and are left out "
                f"(the first: {loose[0]})."
            )
    if not found:
        raise InputError(
            f"no clip found: {root} and the folders in it hold no file to take; put the videos "
            f"there, as {root}/<class>/<clip>.mp4."
        )
    return ClipIndex(
        str(root), "folder", make_clips(found, matched)[0], labels, listing.faults, warnings
    )


def _folders_in(root: UserPath, paths: list[str]) -> list[str]:
    """The folders directly in the root; in a bucket there are no empty ones."""
    if not isinstance(root, Path):
        return sorted({path.partition("/")[0] for path in paths if "/" in path})
    return sorted(
        entry.name
        for entry in os.scandir(root)
        if entry.is_dir() and not entry.name.startswith(".")
    )
