"""A video file -> RGB frames, one after the other, in bounded memory (PyAV; no TensorFlow here).

The quirks of real files are dealt with in `stream` (damage), `timing` (timestamps) and `picture`
(rotation, pixel formats). `VideoInfo.fps` is the average rate that the container states (for mp4 it
follows from the samples, for AVI it is only a header field, which may be wrong), else FFmpeg's
guess, else frames over duration, else 25.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from bsp_tf.base.remote_path import AnyPath
from bsp_tf.video.picture import RgbConverter, pose_of
from bsp_tf.video.stream import (
    TruncatedVideoError,
    VideoError,
    frame_rate,
    good_frames,
    header_seconds,
    open_video,
)
from bsp_tf.video.timing import ShownFrame, at_rate, cut_frames


@dataclasses.dataclass(frozen=True)
class VideoInfo:
    """What the header and the first frame say.

    Attributes:
        width: pixels, as shown (after rotation).
        height: pixels, as shown (after rotation).
        fps: frames per second, see the module's docstring.
        num_frames: estimate by the header; 0 if it does not say.
        duration_seconds: duration by the header; 0.0 if it does not say.
    """

    width: int
    height: int
    fps: float
    num_frames: int
    duration_seconds: float

    def at(self, fps: float) -> "VideoInfo":
        """The same, when its frames are brought to another rate."""
        return dataclasses.replace(self, fps=fps, num_frames=round(self.duration_seconds * fps))


def probe_video(path: AnyPath) -> VideoInfo:
    """Opens a video and decodes its first frame.

    Raises:
        VideoError: missing, empty, no video, or no frame can be decoded.
    """
    with open_video(path) as (container, stream):
        fps = frame_rate(container, stream)
        duration = header_seconds(container)
        num_frames = stream.frames or round(duration * fps)
        frame = next(good_frames(container, stream, path, from_start=True))
        turned = pose_of(frame).turns % 2
        width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
        return VideoInfo(width, height, fps, num_frames, duration)


def read_frames(
    path: AnyPath,
    *,
    fps: float | None = None,
    short_side: int | None = None,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    first_frame: int = 0,
) -> Iterator[np.ndarray]:
    """Decodes a video frame by frame; at most a handful of frames is in memory.

    Args:
        path: video file.
        fps: frames per second to give: at each tick k / fps the frame nearest in time, so frames
            are repeated or left out by their timestamps; the last one is held for one period. None
            or 0: every frame of the file, once.
        short_side: pixels of the shorter side after scaling (bilinear, antialiased, aspect ratio
            kept). Smaller frames are never enlarged: that would add bytes and no detail. None or 0:
            as stored.
        start_seconds: first moment to give, seconds from the start of the video.
        end_seconds: first moment not to give any more.
        first_frame: how many of the frames to leave out at the start; they are decoded, as only so
            their number is sure, but neither scaled nor converted.
    Yields:
        uint8 [H, W, 3] RGB; all of one size. A repeated frame is the same array again: copy before
        you write to it.
    Raises:
        VideoError: missing, empty, no video, no decodable frame, or no frame between start and end.
        TruncatedVideoError: raised after the good frames where the file is cut or damaged.

    >>> import av
    >>> with av.open("a.mp4", "w") as container:
    ...     stream = container.add_stream("libx264", rate=25)
    ...     stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    ...     for _ in range(25):
    ...         frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))
    ...         container.mux(stream.encode(frame))
    ...     container.mux(stream.encode())
    >>> [frame.shape for frame in read_frames("a.mp4", fps=2, short_side=24)]
    [(24, 32, 3), (24, 32, 3)]
    """
    converter = RgbConverter(short_side)
    number = 0
    for shown in decode_frames(path, fps=fps, start_seconds=start_seconds, end_seconds=end_seconds):
        # The first picture gives all others their size.
        if not number or number + shown.times > first_frame:
            image = converter(shown.picture)
        for _ in range(shown.times):
            if number >= first_frame:
                yield image
            number += 1


def decode_frames(
    path: AnyPath,
    *,
    fps: float | None = None,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    on_decoded: Callable[[], None] = lambda: None,
) -> Iterator[ShownFrame]:
    """Decodes as `read_frames` does, and leaves the pictures as they are.

    Args:
        path: video file.
        fps: as for `read_frames`.
        start_seconds: as for `read_frames`.
        end_seconds: as for `read_frames`.
        on_decoded: called for every decoded frame, also for those before `start_seconds`.
    Raises:
        VideoError, TruncatedVideoError: as `read_frames`.
    """
    start = start_seconds or 0.0
    frames = cut_frames(path, start, end_seconds, on_decoded)
    shown_frames = (
        at_rate(frames, fps, start, end_seconds)
        if fps
        else (ShownFrame(frame.picture, 1, frame.seconds, frame.period) for frame in frames)
    )
    given = 0
    try:
        for shown in shown_frames:
            given += shown.times
            yield shown
    except TruncatedVideoError as error:
        error.num_frames = given
        if not given:
            raise VideoError(str(error)) from error
        raise
    if not given:
        cut = start_seconds is not None or end_seconds is not None
        raise VideoError(
            f"{path}: no frame of it can be decoded{' between the given start and end' * cut}; the "
            "file is damaged, empty or too short."
        )
