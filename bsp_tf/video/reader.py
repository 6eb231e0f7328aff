"""A video file -> RGB frames, one after the other, in bounded memory (PyAV; no TensorFlow here).

What is done with the quirks of real files:

- **Frame rate.** `VideoInfo.fps` is the average rate that the container states (for mp4 it follows
  from the samples, for AVI it is only a header field, which may lie), else FFmpeg's guess, else
  frames over duration, else 25.
- **Times** are presentation timestamps counted from the start of the video stream. A missing or
  backward timestamp becomes the previous one plus a frame period; a jump of more than a minute
  counts as a discontinuity of the timestamps, not as a frame shown for that long.
- **Rotation** of the display matrix (phones) is applied in steps of 90 degrees; the sample aspect
  ratio is not: pixels stay as stored.
- **Pixel formats**: everything (grey, 10 bit, full range, odd sizes) is converted to 8-bit RGB with
  the colour matrix that the stream names. A stream that changes its size midway is scaled to the
  size of its first frame.
- **Damage** ends the video: see `bsp_tf.video.stream`.
"""

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from bsp_tf.video.stream import TruncatedVideoError, VideoError, frame_rate, good_frames, open_video

MAX_GAP_SECONDS = 60.0
# Below this it is quicker to decode and drop frames than to seek.
SEEK_FROM_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class VideoInfo:
    """What the header and the first frame tell.

    Attributes:
        width: pixels, as shown (after rotation).
        height: pixels, as shown (after rotation).
        fps: frames a second, see the module's docstring.
        num_frames: estimate by the header; 0 if it does not say.
        duration_seconds: duration by the header; 0.0 if it does not say.
    """

    width: int
    height: int
    fps: float
    num_frames: int
    duration_seconds: float


class ShownFrame(NamedTuple):
    """A decoded picture and when it is shown.

    Attributes:
        picture: as decoded: neither scaled, converted nor turned.
        times: for how many frames of the wanted rate it stands.
        seconds: time of the first of them, from the start of the video.
        period: seconds from one frame to the next.
    """

    picture: av.VideoFrame
    times: int
    seconds: float
    period: float


def find_files(folder: str | os.PathLike) -> list[Path]:
    """All files below `folder` that are not hidden (nor in a hidden folder), sorted by their
    relative path.

    Links, pipes and devices come along: what cannot be read as a video is for the caller to list.
    """
    folder = Path(folder)
    found = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def probe_video(path: str | os.PathLike) -> VideoInfo:
    """Opens a video and decodes its first frame.

    Raises:
        VideoError: missing, empty, no video, or no frame can be decoded.
    """
    with open_video(path) as (container, stream):
        fps = frame_rate(container, stream)
        duration = float(container.duration or 0) / av.time_base
        num_frames = stream.frames or round(duration * fps)
        frame = next(good_frames(container, stream, path, from_start=True))
        turned = quarter_turns(frame) % 2
        width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
        return VideoInfo(width, height, fps, num_frames, max(duration, 0.0))


def read_frames(
    path: str | os.PathLike,
    *,
    fps: float | None = None,
    short_side: int | None = None,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> Iterator[np.ndarray]:
    """Decodes a video frame by frame; at most a handful of frames is in memory.

    Args:
        path: video file.
        fps: frames a second to give: at each tick k / fps the frame nearest in time, so frames are
            repeated or left out by their timestamps; the last one is held for one period. None or
            0: every frame of the file, once.
        short_side: pixels of the shorter side after scaling (bilinear, antialiased, aspect ratio
            kept). Smaller frames are never enlarged: that would add bytes and no detail. None or 0:
            as stored.
        start_seconds: first moment to give, seconds from the start of the video.
        end_seconds: first moment not to give any more.
    Yields:
        uint8 [H, W, 3] RGB; all of one size. A repeated frame is the same array again: copy before
        you write to it.
    Raises:
        VideoError: missing, empty, no video, no decodable frame, or no frame between start and end.
        TruncatedVideoError: raised after the good frames where the file is cut or damaged.
    """
    converter = _Converter(short_side)
    for shown in decode_frames(path, fps=fps, start_seconds=start_seconds, end_seconds=end_seconds):
        image = converter(shown.picture)
        for _ in range(shown.times):
            yield image


def decode_frames(
    path: str | os.PathLike,
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
    timed = _cut(path, start, end_seconds, on_decoded)
    shown_frames = (
        _at_rate(timed, fps, start, end_seconds)
        if fps
        else (ShownFrame(frame, 1, time, period) for time, frame, period in timed)
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
        where = (
            ""
            if start_seconds is None and end_seconds is None
            else " between the given start and end"
        )
        raise VideoError(
            f"{path}: no frame of it can be decoded{where}; the file is damaged, empty or too "
            "short."
        )


def _timed_frames(
    path: str | os.PathLike, seek_seconds: float = 0.0
) -> Iterator[tuple[float, av.VideoFrame, float]]:
    """(seconds from the start of the stream, frame, frame period in seconds), times strictly
    growing.
    """
    with open_video(path) as (container, stream):
        period = 1 / frame_rate(container, stream)
        origin = None if stream.start_time is None else float(stream.start_time * stream.time_base)
        if seek_seconds and origin is not None:
            try:
                container.seek(int((seek_seconds + origin) / stream.time_base), stream=stream)
            except av.FFmpegError as error:
                raise VideoError(f"{path}: seeking fails ({type(error).__name__}).") from error
        previous, shift = None, 0.0
        for frame in good_frames(container, stream, path, from_start=not seek_seconds):
            # Not frame.time: frames that the decoder gives at the very end know no time base.
            time = None if frame.pts is None else float(frame.pts * stream.time_base)
            if time is not None:
                origin = time if origin is None else origin
                time += shift - origin
            if previous is not None:
                if time is None or time <= previous:
                    time = previous + period
                elif time > previous + MAX_GAP_SECONDS:
                    shift += previous + period - time
                    time = previous + period
            previous = 0.0 if time is None else time
            yield previous, frame, period


def _cut(
    path: str | os.PathLike, start: float, end: float | None, on_decoded: Callable[[], None]
) -> Iterator[tuple[float, av.VideoFrame, float]]:
    """The timed frames with start <= time < end (to within a hundredth of a period)."""
    frames = None
    if start >= SEEK_FROM_SECONDS:
        # Seeking is only a short cut: without index or keyframes it may land behind the start, or
        # nowhere.
        with contextlib.suppress(VideoError):
            sought = _timed_frames(path, seek_seconds=start)
            first = next(sought, None)
            if first is not None and first[0] <= start:
                frames = itertools.chain([first], sought)
    for time, frame, period in frames or _timed_frames(path):
        on_decoded()
        if end is not None and time >= end - period / 100:
            return
        if time >= start - period / 100:
            yield time, frame, period


def _at_rate(
    timed: Iterator[tuple[float, av.VideoFrame, float]], fps: float, start: float, end: float | None
) -> Iterator[ShownFrame]:
    """Each frame with the ticks of the wanted rate that are nearest to it; ticks are start + k /
    fps.
    """
    ticks, held = 0, None

    def ticks_before(seconds: float) -> int:
        if end is not None:
            seconds = min(seconds, end)
        return max(int(np.ceil((seconds - start) * fps - 1e-6)), 0)

    failure = None
    try:
        for time, frame, period in timed:
            if held is not None:
                until = ticks_before((held[0] + time) / 2)
                if until > ticks:
                    yield ShownFrame(held[1], until - ticks, start + ticks / fps, 1 / fps)
                    ticks = until
            held = (time, frame, period)
    except TruncatedVideoError as error:
        failure = error
    if held is not None:
        until = ticks_before(held[0] + held[2])
        # A clip shorter than one tick still has a frame to show.
        until = max(until, 1)
        if until > ticks:
            yield ShownFrame(held[1], until - ticks, start + ticks / fps, 1 / fps)
    if failure is not None:
        raise failure


def quarter_turns(frame: av.VideoFrame) -> int:
    """Counter-clockwise quarter turns that bring the stored picture upright."""
    return round(frame.rotation / 90) % 4


def scaled_size(frame: av.VideoFrame, short_side: int | None) -> tuple[int, int]:
    """(width, height) in pixels, not turned, with the shorter side scaled down to `short_side`;
    None or 0: as it is.
    """
    scale = min(short_side / min(frame.width, frame.height), 1.0) if short_side else 1.0
    return max(round(frame.width * scale), 1), max(round(frame.height * scale), 1)


class _Converter:
    """Decoded frame -> uint8 [H, W, 3] RGB, upright, scaled; every frame in the size of the first."""

    def __init__(self, short_side: int | None) -> None:
        self._short_side = short_side
        self._reformatter = VideoReformatter()
        self._size = None

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        if self._size is None:
            self._size = scaled_size(frame, self._short_side)
            self._turns = quarter_turns(frame)
        picture = self._reformatter.reformat(
            frame,
            *self._size,
            "rgb24",
            interpolation=Interpolation.BILINEAR,
            src_color_range=frame.color_range,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        image = picture.to_ndarray()
        return np.ascontiguousarray(np.rot90(image, self._turns)) if self._turns else image
