"""A few pictures that show what a video looks like over its whole length."""

import numpy as np

from bsp_tf.base.remote_path import AnyPath
from bsp_tf.video.reader import read_frames
from bsp_tf.video.stream import VideoError


def thumbnails(
    path: AnyPath, duration_seconds: float, count: int, short_side: int
) -> list[np.ndarray]:
    """`count` frames uint8 [H, W, 3] from the middles of `count` equal parts of a video.

    Where decoding fails, the last good frame (at the front: the first one) is repeated.

    Args:
        path: The video file.
        duration_seconds: Of the video.
        count: At least 1.
        short_side: Pixels of the shorter side, at most.

    Raises:
        VideoError: not one of the frames could be read.
    """
    chosen: list[np.ndarray | None] = []
    failure = None
    for i in range(count):
        start = (i + 0.5) / count * duration_seconds
        try:
            chosen.append(next(read_frames(path, start_seconds=start, short_side=short_side)))
        except VideoError as error:
            failure = error
            chosen.append(chosen[-1] if chosen else None)
    good = [frame for frame in chosen if frame is not None]
    if not good:
        raise VideoError(f"no frame can be shown: {failure}")
    return [good[0] if frame is None else frame for frame in chosen]
