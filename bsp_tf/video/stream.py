"""A video file opened with PyAV: its stream, its rate, and its good frames up to the first damage.

- Undecodable or damaged frames before the first good one are skipped: the file begins in
  mid-stream.
- Damage after that ends the video: the good frames come, then TruncatedVideoError. FFmpeg alone
  would hide it: many containers just end early, so what was read is compared with what the header
  promises. MPEG-TS and raw streams promise nothing: of them only damage is seen, not a missing end.

`bsp_tf.video.reader` is the module to use; this one knows FFmpeg's habits for it.
"""

import contextlib
import errno
import math
from collections.abc import Iterator
from pathlib import Path

import av

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import AnyPath, UrlPath, given_path
from bsp_tf.video.limits import MOST_PIXELS, size_fault
from bsp_tf.video.remote_video import RemoteVideo, open_remote

# Formats that hold a whole video in one file. FFmpeg's others include playlists and numbered
# pictures, which read other files.
FORMATS = (
    "asf avi av1 dhav dv flv gif h261 h263 h264 hevc ivf live_flv m4v matroska mjpeg mov mpeg "
    "mpegts mpegvideo mxf nut obu ogg rm vc1 vvc wtv yuv4mpegpipe"
).split()
DECODER_OPTIONS = {"max_pixels": str(MOST_PIXELS)}
OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(FORMATS),
    **DECODER_OPTIONS,
}
DEFAULT_FPS = 25.0
# A rate beyond this is a time base written into the wrong field (90000 is usual), not a camera.
MAX_PLAUSIBLE_FPS = 1000.0
# One frame a minute. The last frame is held for a period, which a wrong header could make years.
MIN_PLAUSIBLE_FPS = 1 / 60
# How much may be missing against the header before a file counts as cut: AVI headers count dropped
# frames too, and durations are rounded.
AVI_FRAMES_TOLERANCE = 0.1
DURATION_TOLERANCE = 0.02
DURATION_TOLERANCE_SECONDS = 0.5


class VideoError(InputError):
    """A file that gives no frame at all; the message names it and the reason."""


class TruncatedVideoError(VideoError):
    """A video that breaks off; `num_frames` frames were given before.

    Attributes:
        num_frames: frames that the reader gave before it raised.
    """

    def __init__(self, message: str, num_frames: int = 0) -> None:
        super().__init__(message)
        self.num_frames = num_frames


@contextlib.contextmanager
def open_video(
    path: AnyPath,
) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Opens a file, here or on a server; gives its container and its best video stream.

    Raises:
        VideoError: no such file, not a regular file (a pipe never ends), empty, not openable, not
            of FORMATS, without video stream (a picture attached to a sound file does not count), or
            its frames are too large (`limits`); also at the end of the block, if a server fails.
    """
    where = given_path(path)
    if isinstance(where, UrlPath):
        try:
            # FFmpeg's own protocols stay off.
            with open_remote(where) as file, _open(file, "none", where) as container:
                yield container, video_stream(container, where)
        except VideoError:
            raise
        except InputError as error:
            reason_given = str(error).replace(f"cannot read {where}", "cannot read it", 1)
            raise VideoError(f"{where}: {reason_given}") from error
        return
    path = Path(str(where))
    if not path.is_file():
        missing = "it is not a regular file" if path.exists() else "there is no such file"
        raise VideoError(f"{path}: {missing}; check the path.")
    if path.stat().st_size == 0:
        raise VideoError(f"{path}: the file is empty; copy or download it again.")
    # The prefix keeps FFmpeg from taking a colon in the name for a protocol.
    with _open(f"file:{path}", "file", path) as container:
        yield container, video_stream(container, path)


def _open(source: str | RemoteVideo, protocols: str, path: AnyPath) -> av.container.InputContainer:
    options = {**OPTIONS, "protocol_whitelist": protocols}
    try:
        return av.open(source, "r", options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        # What FFmpeg answers for a format that is not on the list.
        if error.errno == errno.EINVAL:
            raise VideoError(
                f"{path}: FFmpeg takes it for a format that is not read here (a playlist, numbered "
                "pictures, sound, text), and only files that hold a whole video are; re-encode it, "
                "e.g. as MP4."
            ) from error
        raise VideoError(
            f"{path}: not a video that FFmpeg can open ({reason(error)}); it is damaged, cut "
            "short or something else."
        ) from error


def video_stream(container: av.container.InputContainer, name: AnyPath) -> av.VideoStream:
    """The best video stream of a container, ready to decode; `name` is for the messages.

    Raises:
        VideoError: there is none, or its frames are too large (`limits`).
    """
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    if not streams:
        raise VideoError(f"{name}: there is no video stream in it (sound only?).")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    if stream.codec_context is None:
        raise VideoError(
            f"{name}: FFmpeg has no decoder for its video stream; re-encode it, e.g. as H.264."
        )
    if fault := size_fault(stream.codec_context.height, stream.codec_context.width):
        raise _too_large(name, fault)
    stream.codec_context.options = DECODER_OPTIONS
    # One thread: callers run one process a core, and damage is then reported at the frame where it
    # is.
    stream.codec_context.thread_count = 1
    return stream


def frame_rate(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Frames per second: the container's average, FFmpeg's guess, frames over duration, or 25."""
    duration = max(container.duration or 0, 0)
    counted = stream.frames * av.time_base / duration if stream.frames > 1 and duration else None
    for rate in (stream.average_rate, stream.guessed_rate, counted):
        if rate and MIN_PLAUSIBLE_FPS <= rate <= MAX_PLAUSIBLE_FPS:
            return float(rate)
    return DEFAULT_FPS


def header_seconds(container: av.container.InputContainer) -> float:
    """How long a video is by its header, first to last frame; 0.0 if it does not say."""
    duration = container.duration or 0
    # Matroska's duration is the time of the last frame, also where the first one is not at 0.
    if duration and container.format.name.startswith("matroska"):
        duration -= container.start_time or 0
    return max(duration / av.time_base, 0.0)


def packet_times(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[float]:
    """Seconds at which the packets of a stream are shown, in the order of the file.

    NaN for a packet that does not say. Those that are not shown are left out; damage ends them.
    """
    for packet, _ in _packets(container):
        if packet is not None and packet.stream is stream and not packet.is_discard:
            if packet.pts is None or packet.time_base is None:
                yield math.nan
            else:
                yield float(packet.pts * packet.time_base)


def good_frames(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    path: AnyPath,
    from_start: bool,
) -> Iterator[av.VideoFrame]:
    """Decoded frames in the order of showing, up to the first damage.

    Args:
        container: opened file.
        stream: the video stream to decode.
        path: for the messages.
        from_start: False after a seek: then packets cannot be counted against the header.
    Raises:
        VideoError: no good frame at all, or the first one is too large (`limits`).
        TruncatedVideoError: after the good frames; its `num_frames` is left 0.
    """
    started, num_packets, end_seconds = False, 0, 0.0
    damage = None
    for packet, damage in _packets(container):
        if packet is not None:
            end_seconds = max(end_seconds, _end_seconds(packet))
            if packet.stream is not stream:
                continue
            num_packets += 1
            if packet.is_corrupt and started:
                packet, damage = None, "a damaged or cut packet"
        frames, failure = _decode(stream.codec_context, packet, flush_after_failure=started)
        for frame in frames:
            if fault := size_fault(frame.height, frame.width):
                if not started:
                    raise _too_large(path, fault)
                failure = fault
                break
            if not frame.is_corrupt:
                started = True
                yield frame
            elif started:
                failure = "a damaged frame"
                break
        damage = damage or (failure if started else None)
        if damage:
            break
    if not started:
        raise VideoError(
            f"{path}: no frame of it can be decoded; the file is damaged or empty, or its frames "
            f"have more than {MOST_PIXELS} pixels."
        )
    damage = damage or _missing(container, stream, num_packets if from_start else None, end_seconds)
    if damage:
        raise TruncatedVideoError(
            f"{path}: {damage}; the video is cut short or damaged. Copy it again, or use only "
            "the good part of it."
        )


def _packets(
    container: av.container.InputContainer,
) -> Iterator[tuple[av.Packet | None, str | None]]:
    """(packet, None) for each packet, then (None, None), or (None, reason) where reading fails."""
    packets = container.demux()
    failure = None
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError) as error:
            packet, failure = None, f"reading fails ({reason(error)})"
        if packet is None:
            break
        # PyAV ends every stream with an empty packet; the decoder is flushed by our own None
        # instead.
        if packet.dts is not None or packet.size:
            yield packet, None
    yield None, failure


def _decode(
    decoder: av.VideoCodecContext, packet: av.Packet | None, flush_after_failure: bool
) -> tuple[list[av.VideoFrame], str | None]:
    """The frames that come out for a packet (None: the rest), and why decoding failed if it did."""
    try:
        return decoder.decode(packet), None
    except (av.FFmpegError, OSError) as error:
        failure = f"decoding fails ({reason(error)})"
    frames = []
    if flush_after_failure and packet is not None:
        with contextlib.suppress(av.FFmpegError):
            frames = decoder.decode(None)
    return frames, failure


def _end_seconds(packet: av.Packet) -> float:
    if packet.pts is None or packet.time_base is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


def _missing(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    num_packets: int | None,
    end_seconds: float,
) -> str | None:
    """What the header promised and the file did not hold; None if all is there."""
    if container.format.name == "avi":
        # FFmpeg replaces the duration of a cut AVI by an estimate from its size; the number of
        # frames stays.
        if num_packets is not None and num_packets < stream.frames * (1 - AVI_FRAMES_TOLERANCE) - 1:
            return f"its header promises {stream.frames} frames and it holds {num_packets}"
        return None
    promised = header_seconds(container)
    held = end_seconds - float(container.start_time or 0) / av.time_base
    if held < promised - max(DURATION_TOLERANCE_SECONDS, DURATION_TOLERANCE * promised):
        return f"its header promises {promised:.1f} s and it holds {max(held, 0):.1f} s"
    return None


def _too_large(path: AnyPath, fault: str) -> VideoError:
    return VideoError(f"{path}: {fault}. Scale the video down or cut it.")


def reason(error: Exception) -> str:
    """What FFmpeg or the system says of an error."""
    return getattr(error, "strerror", None) or type(error).__name__
