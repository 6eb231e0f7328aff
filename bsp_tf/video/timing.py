"""When each decoded frame of a video is shown: timestamps mended, cut to a span, brought to a rate.

What is done with the quirks of real files:

- **Times** are presentation timestamps counted from the start of the video stream. A missing or
  backward timestamp becomes the previous one plus a frame period; a jump of more than a minute
  counts as a discontinuity of the timestamps, not as a frame shown for that long.
- **Seeking** is only a short cut: the same frames come out with it and without it.
"""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import av

from bsp_tf.base.remote_path import AnyPath
from bsp_tf.video.stream import TruncatedVideoError, VideoError, frame_rate, good_frames, open_video

MAX_GAP_SECONDS = 60.0
# Below this it is quicker to decode and drop frames than to seek.
SEEK_FROM_SECONDS = 5.0


class TimedFrame(NamedTuple):
    """A decoded picture with its time.

    Attributes:
        seconds: from the start of the video stream.
        picture: as decoded: neither scaled, converted nor turned.
        period: seconds from one frame of the file to the next.
    """

    seconds: float
    picture: av.VideoFrame
    period: float


class ShownFrame(NamedTuple):
    """A decoded picture and for how long it is shown.

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


def timed_frames(path: AnyPath, seek_seconds: float = 0.0) -> Iterator[TimedFrame]:
    """All good frames of a video in the order of showing, with strictly growing times.

    Args:
        path: video file.
        seek_seconds: where to seek before decoding; 0: start at the beginning. The first frame may
            still lie before or behind it.
    Raises:
        VideoError, TruncatedVideoError: see `stream.good_frames`; also where seeking fails.
    """
    with open_video(path) as (container, stream):
        time_base = stream.time_base
        if seek_seconds and stream.start_time is not None and time_base is not None:
            start = float(stream.start_time * time_base)
            try:
                container.seek(int((seek_seconds + start) / time_base), stream=stream)
            except av.FFmpegError as error:
                raise VideoError(f"{path}: seeking fails ({type(error).__name__}).") from error
        frames = good_frames(container, stream, path, from_start=not seek_seconds)
        yield from in_time(frames, stream, 1 / frame_rate(container, stream), path)


def in_time(
    frames: Iterable[av.VideoFrame], stream: av.VideoStream, period: float, path: AnyPath
) -> Iterator[TimedFrame]:
    """Frames with strictly growing times.

    Args:
        frames: decoded, in the order of showing.
        stream: what they come from.
        period: seconds from one frame to the next, where timestamps do not say it.
        path: for the message.
    Raises:
        VideoError: the stream has no time base.
    """
    time_base = stream.time_base
    if time_base is None:
        raise VideoError(f"{path}: its video stream has no time base; re-encode it.")
    origin = None if stream.start_time is None else float(stream.start_time * time_base)
    previous, shift = None, 0.0
    for frame in frames:
        # Not frame.time: frames that the decoder gives at the very end know no time base.
        time = None if frame.pts is None else float(frame.pts * time_base)
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
        yield TimedFrame(previous, frame, period)


def cut_frames(
    path: AnyPath, start: float, end: float | None, on_decoded: Callable[[], None]
) -> Iterator[TimedFrame]:
    """The frames with start <= time < end, in seconds, to within a hundredth of a period.

    Args:
        path: video file.
        start: seconds from the start of the video stream.
        end: seconds; None: to the end of the file.
        on_decoded: called for every decoded frame, also for those before `start`.
    Raises:
        VideoError, TruncatedVideoError: see `timed_frames`.
    """
    frames = None
    if start >= SEEK_FROM_SECONDS:
        # Without index or keyframes seeking may land behind the start, or nowhere.
        with contextlib.suppress(VideoError):
            sought = timed_frames(path, seek_seconds=start)
            first = next(sought, None)
            if first is not None and first.seconds <= start:
                frames = itertools.chain([first], sought)
    for frame in frames or timed_frames(path):
        on_decoded()
        if end is not None and frame.seconds >= end - frame.period / 100:
            return
        if frame.seconds >= start - frame.period / 100:
            yield frame


def at_rate(
    frames: Iterator[TimedFrame], fps: float, start: float, end: float | None
) -> Iterator[ShownFrame]:
    """Each frame with the ticks nearest to it; ticks of the wanted rate are start + k / fps.

    Args:
        frames: in the order of time.
        fps: wanted frames per second.
        start: seconds of the first tick.
        end: seconds; no tick at or after it. None: to the end of the last frame.
    Raises:
        TruncatedVideoError: passed on from `frames` after the frames before it.
    """
    ticks, held = 0, None

    def ticks_before(seconds: float) -> int:
        if end is not None:
            seconds = min(seconds, end)
        return max(math.ceil((seconds - start) * fps - 1e-6), 0)

    failure = None
    try:
        for frame in frames:
            if held is not None:
                until = ticks_before((held.seconds + frame.seconds) / 2)
                if until > ticks:
                    yield ShownFrame(held.picture, until - ticks, start + ticks / fps, 1 / fps)
                    ticks = until
            held = frame
    except TruncatedVideoError as error:
        failure = error
    if held is not None:
        # A clip shorter than one tick still has a frame to show.
        until = max(ticks_before(held.seconds + held.period), 1)
        if until > ticks:
            yield ShownFrame(held.picture, until - ticks, start + ticks / fps, 1 / fps)
    if failure is not None:
        raise failure
