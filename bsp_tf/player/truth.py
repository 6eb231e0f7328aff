"""What annotations say of the videos of a page."""

import os
from collections.abc import Iterable

from bsp_tf.annotations.reader import Instance, read_entries
from bsp_tf.annotations.video_ids import match_id
from bsp_tf.base.errors import InputError


def read_truth(
    path: str | os.PathLike | None, names: Iterable[str]
) -> dict[str, tuple[Instance, ...]]:
    """The actions of all videos of annotations, by id; those with a fault are left out.

    Args:
        path: Annotations in any form that `read_entries` reads; None: nothing is annotated.
        names: Ids of the videos that are asked about, with or without "v_".

    Raises:
        InputError: see `read_entries`; or the file has none of the videos.
    """
    if path is None:
        return {}
    found = {
        video.video_id: tuple(one for one in video.instances if not one.fault)
        for video in read_entries(path).videos
    }
    if all(match_id(name, found) is None for name in names):
        raise InputError(
            f"{path} has none of the videos: check --annotations; its ids must be the names of the "
            "video files without their suffix."
        )
    return found
