"""A decoded picture -> RGB: turned upright, scaled, 8 bit.

What is done with the quirks of real files:

- **Rotation** and mirroring of the display matrix (phones) are applied in steps of 90 degrees; the
  sample aspect ratio is not: pixels stay as stored.
- **Pixel formats**: everything (grey, 10 bit, full range, odd sizes) is converted to 8-bit RGB with
  the colour matrix that the stream names. A stream that changes its size midway is scaled to the
  size of its first frame.
"""

from typing import Any, NamedTuple, cast

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter


class Pose(NamedTuple):
    """How a stored picture is brought upright.

    Attributes:
        mirrored: whether left and right change places, before it is turned.
        turns: counter-clockwise quarter turns.
    """

    mirrored: bool = False
    turns: int = 0

    def upright(self, image: np.ndarray) -> np.ndarray:
        """A view of an image [H, W, ...], or of one of its planes."""
        return np.rot90(image[:, ::-1] if self.mirrored else image, self.turns)


def pose_of(frame: av.VideoFrame) -> Pose:
    """What the display matrix of a frame says."""
    turns = round(frame.rotation / 90)
    matrix = cast(Any, frame.side_data).get(Type.DISPLAYMATRIX)
    if matrix is None:
        return Pose(turns=turns % 4)
    # Rows a b u, c d v, x y w. A mirrored picture has a rotation, too: that of its other side.
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    mirrored = a * d < b * c
    return Pose(mirrored, (turns + 2 * mirrored) % 4)


def scaled_size(frame: av.VideoFrame, short_side: int | None) -> tuple[int, int]:
    """(width, height) in pixels, not turned, with the shorter side scaled down to `short_side`.

    Smaller frames, and all frames if `short_side` is None or 0, keep their size.
    """
    scale = min(short_side / min(frame.width, frame.height), 1.0) if short_side else 1.0
    return max(round(frame.width * scale), 1), max(round(frame.height * scale), 1)


class RgbConverter:
    """Decoded frame -> uint8 [H, W, 3] RGB, upright, scaled, in the size of the first frame."""

    def __init__(self, short_side: int | None) -> None:
        self._short_side = short_side
        self._reformatter = VideoReformatter()
        self._size: tuple[int, int] | None = None
        self._pose = Pose()

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        if self._size is None:
            self._size = scaled_size(frame, self._short_side)
            self._pose = pose_of(frame)
        width, height = self._size
        picture = self._reformatter.reformat(
            frame,
            width,
            height,
            "rgb24",
            interpolation=Interpolation.BILINEAR,
            src_color_range=frame.color_range,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        return np.ascontiguousarray(self._pose.upright(picture.to_ndarray()))
