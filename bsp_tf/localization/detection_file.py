"""Detections on disk, written video by video: a million are too many to hold as Python objects."""

import json
from collections.abc import Iterable
from typing import IO, Any

from bsp_tf.base.atomic_file import atomic_write, remove_leftovers
from bsp_tf.base.output_lock import lock_output_file
from bsp_tf.base.remote_path import AnyPath, given_path

VERSION = "bsp_tf"


def write_detections(
    path: AnyPath,
    results: Iterable[tuple[str, list[dict]]],
    external_data: dict[str, Any],
) -> tuple[int, int]:
    """Writes detections in ActivityNet's form, one video in each line.

    {"version", "results": {id: [{"label", "score", "segment"}]}, "external_data"}.

    The file is there when the last video is in it; if `results` raises, nothing has changed.

    Args:
        path: JSON file, here or in a bucket.
        results: Video id and detections as `fusion.make_detections` makes them; ids must
            differ.
        external_data: JSON values, written last: it may be filled while `results` runs.

    Returns:
        Numbers of videos and of detections.

    Raises:
        InputError: the file cannot be written there, or another process writes it.
    """
    where = given_path(path)
    with lock_output_file(where):
        # What a killed run left: this file grows for as long as the run lasts.
        remove_leftovers(where)
        with atomic_write(where, "w") as file:
            videos, detections = _write(file, results)
            about = json.dumps(external_data, ensure_ascii=False, allow_nan=False)
            file.write(f'\n}}, "external_data": {about}}}\n')
    return videos, detections


def _write(file: IO[str], results: Iterable[tuple[str, list[dict]]]) -> tuple[int, int]:
    videos = detections = 0
    file.write(f'{{"version": {json.dumps(VERSION)}, "results": {{')
    for name, found in results:
        file.write(",\n" if videos else "\n")
        file.write(f"{json.dumps(name)}: {json.dumps(found, ensure_ascii=False, allow_nan=False)}")
        videos += 1
        detections += len(found)
    return videos, detections
