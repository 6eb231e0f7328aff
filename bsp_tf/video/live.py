"""A live stream -> RGB frames as they come, from standard input or from a URL (PyAV).

Unlike a file, a stream is not over at its first damage: what cannot be decoded is left out, and the
next good frame goes on at its own time.

Standard input is held to the formats of files, and to no protocol at all. A URL is one that the
user names; what it answers may lead to other addresses (redirections, playlists), but never to
files of this machine.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

import av
import numpy as np

from bsp_tf.video.limits import size_fault
from bsp_tf.video.picture import RgbConverter
from bsp_tf.video.stream import (
    DECODER_OPTIONS,
    FORMATS,
    OPTIONS,
    VideoError,
    frame_rate,
    reason,
    video_stream,
)
from bsp_tf.video.timing import in_time

STANDARD_INPUT = "-"
SCHEMES = ("http", "https", "rtmp", "rtmps", "rtsp", "rtsps", "tcp", "udp")
# What the schemes are carried by; "crypto" are encrypted playlists.
_PROTOCOLS = (*SCHEMES, "crypto", "httpproxy", "rtp", "tls")
# Of cameras and broadcasts, beside those of files.
_FORMATS = (*FORMATS, "hls", "mpjpeg", "rtsp", "sdp")
FRAGMENTED = " An MP4 in a pipe must be fragmented."
# A camera that is silent for so long is gone.
PATIENCE_SECONDS = 30.0


class LiveFrame(NamedTuple):
    """A frame of a stream.

    Attributes:
        seconds: From the start of the stream.
        image: uint8 [H, W, 3] RGB; all of one size.
    """

    seconds: float
    image: np.ndarray


def check_source(source: str) -> None:
    """Refuses what is neither standard input, but no terminal, nor a URL of SCHEMES.

    Raises:
        VideoError: with what can be given.
    """
    scheme, found, _ = source.partition("://")
    if source != STANDARD_INPUT and not (found and scheme.lower() in SCHEMES):
        raise VideoError(
            f"{source} is no live stream: give - for standard input, or a URL that begins with "
            f"{', '.join(SCHEMES)}."
        )
    if source == STANDARD_INPUT and sys.stdin is None:
        raise VideoError("standard input is closed: send a stream into it, or give a URL.")
    if source == STANDARD_INPUT and os.isatty(0):
        raise VideoError("standard input is a terminal: send a stream into it, or give a URL.")


@contextlib.contextmanager
def open_live(source: str, short_side: int | None) -> Iterator[tuple[float, Iterator[LiveFrame]]]:
    """Opens a stream; gives its frame rate and its frames.

    Args:
        source: "-", or a URL of SCHEMES.
        short_side: pixels that the shorter side is scaled down to; None or 0: as they come.

    Raises:
        VideoError: another source, it cannot be opened, or is no video; by the frames: reading
            fails, or not one can be decoded. The end of a stream is no error.
    """
    check_source(source)
    name = "standard input" if source == STANDARD_INPUT else source
    try:
        container = _open_standard_input() if source == STANDARD_INPUT else _open(source)
    except (av.FFmpegError, OSError) as error:
        hint = FRAGMENTED if source == STANDARD_INPUT else ""
        raise VideoError(
            f"{name}: not a stream that FFmpeg can open ({reason(error)}).{hint}"
        ) from error
    with container:
        stream = video_stream(container, name)
        fps = frame_rate(container, stream)
        yield fps, _frames(container, stream, fps, name, RgbConverter(short_side))


def _open(source: str) -> av.container.InputContainer:
    options = {
        "protocol_whitelist": ",".join(_PROTOCOLS),
        "format_whitelist": ",".join(_FORMATS),
        **DECODER_OPTIONS,
    }
    return av.open(
        source, "r", options=options, metadata_errors="replace", timeout=PATIENCE_SECONDS
    )


def _open_standard_input() -> av.container.InputContainer:
    # Without a buffer, which would wait until it is full.
    pipe = os.fdopen(os.dup(0), "rb", buffering=0)
    return av.open(
        _OnlyRead(pipe),
        "r",
        options={**OPTIONS, "protocol_whitelist": "none"},
        metadata_errors="replace",
    )


class _OnlyRead:
    """A pipe as PyAV should see it: `seek`, which it has, would fail."""

    name = "standard input"

    def __init__(self, pipe: io.FileIO) -> None:
        self._pipe = pipe

    def read(self, size: int) -> bytes:
        """What there is, at most `size` bytes; none at the end."""
        return self._pipe.read(size) or b""


def _frames(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    fps: float,
    name: str,
    converter: RgbConverter,
) -> Iterator[LiveFrame]:
    number = 0
    for frame in in_time(_decoded(container, stream, name), stream, 1 / fps, name):
        yield LiveFrame(frame.seconds, converter(frame.picture))
        number += 1
    if not number:
        raise VideoError(f"{name}: no frame of it can be decoded.")


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream, name: str
) -> Iterator[av.VideoFrame]:
    packets = container.demux(stream)
    given = False
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError) as error:
            # Of a plain MP4 FFmpeg opens the header, and seeks the frames in vain.
            plain_mp4 = not given and "mp4" in container.format.name
            hint = FRAGMENTED if plain_mp4 and name == "standard input" else ""
            raise VideoError(f"{name}: the stream breaks off ({reason(error)}).{hint}") from error
        if packet is None:
            return
        frames = []
        with contextlib.suppress(av.FFmpegError, OSError):
            frames = packet.decode()
        for frame in frames:
            if not frame.is_corrupt and not size_fault(frame.height, frame.width):
                given = True
                yield frame
