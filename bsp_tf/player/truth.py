"""What annotations say of the videos of a page."""

import os
import sys
from collections.abc import Iterable
from dataclasses import replace

from bsp_tf.annotations.reader import CLAMPED, Instance, VideoEntry, read_entries
from bsp_tf.annotations.video_ids import match_id
from bsp_tf.base.errors import InputError


def read_truth(
    path: str | os.PathLike | None, names: Iterable[str]
) -> dict[str, tuple[Instance, ...]]:
    """The actions of all videos of annotations, by id.

    They are cut to the duration of the video. Those that cannot be drawn are left out, and counted
    on stderr: outside the video, of no length, or ending before they start.

    Args:
        path: Annotations in any form that `read_entries` reads; None: nothing is annotated.
        names: Ids of the videos that are asked about, with or without "v_".

    Raises:
        InputError: see `read_entries`; or the file has none of the videos.
    """
    if path is None:
        return {}
    entries = {video.video_id: video for video in read_entries(path).videos}
    ids = {name: match_id(name, entries) for name in names}
    asked = [entries[one] for one in ids.values() if one is not None]
    if ids and not asked:
        raise InputError(
            f"{path} has none of the videos ({', '.join(list(ids)[:3])}): check --annotations; its "
            "ids must be the names of the video files without their suffix."
        )
    found = {name: tuple(_drawn(video)) for name, video in entries.items()}
    left_out = sum(len(video.instances) - len(found[video.video_id]) for video in asked)
    if left_out:
        print(
            f"warning: {path}: {left_out} actions are not shown: outside their video, of no "
            "length, or ending before they start.",
            file=sys.stderr,
        )
    return found


def _drawn(video: VideoEntry) -> Iterable[Instance]:
    for one in video.instances:
        if one.fault == CLAMPED:
            start, end = one.segment
            yield replace(one, segment=(max(start, 0.0), min(end, video.duration_seconds or end)))
        elif not one.fault:
            yield one
