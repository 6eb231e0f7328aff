"""One clip -> its serialized records: the function that every runner calls (no TensorFlow).

Frames go from the decoder to the JPEG without a detour over RGB: JPEG stores full-range YCbCr of
BT.601 with halved chroma (JFIF 1.02), and most videos hold YCbCr with halved chroma too, so often
only the range of the values changes. Measured for 340x256 at quality 95: 0.08 ms per frame for the
conversion and 0.32 ms for libjpeg-turbo (simplejpeg); Pillow took 0.67 ms, FFmpeg's own mjpeg 0.8
to 1.0 ms. From 1280x720 the conversion takes 0.4 ms, and over RGB it took 1.5 ms.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import NamedTuple

import av
import numpy as np
import simplejpeg
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from bsp_tf.base.errors import InputError, without_secrets
from bsp_tf.base.remote_path import AnyPath, below
from bsp_tf.records.schema import Clip, encode_clip
from bsp_tf.video.picture import Pose, pose_of, scaled_size
from bsp_tf.video.reader import decode_frames
from bsp_tf.video.stream import MAX_PLAUSIBLE_FPS, VideoError
from tfrecords_tools.inputs.clip_index import ClipSpec

# While a record is written it is in memory twice, and readers hold dozens of whole records.
MAX_RECORD_BYTES = 64 << 20
MAX_JPEG_SIDE = 65500
LONG_CLIPS = ("split", "cut", "skip")


@dataclasses.dataclass(frozen=True)
class EncodingOptions:
    """How frames are stored.

    Attributes:
        short_side: pixels of the shorter side; smaller frames are not enlarged; 0 keeps the size of
            the file.
        fps: frames per second, by timestamps; 0 keeps every frame.
        jpeg_quality: 1..100.
        min_frames: a clip with fewer frames is a failure.
        max_frames: the most frames of one record; 64 MiB of JPEG end a record as well.
        long_clips: what becomes of a clip that is longer: "split": several records, one after the
            other in the same shard, whose timestamps continue (a rest of fewer than `min_frames`
            frames is left out); "cut": its beginning; "skip": a failure.
    Raises:
        InputError: `fps` is beyond any camera's, `max_frames` is below `min_frames`, or
            `long_clips` is not in LONG_CLIPS.
    """

    short_side: int = 256
    fps: float = 0.0
    jpeg_quality: int = 95
    min_frames: int = 2
    max_frames: int = 1000
    long_clips: str = "split"

    def __post_init__(self) -> None:
        if self.fps > MAX_PLAUSIBLE_FPS:
            raise InputError(
                f"--fps={self.fps:g} is more than {MAX_PLAUSIBLE_FPS:g} frames a second: give less."
            )
        if self.max_frames < self.min_frames:
            raise InputError(
                f"--max_frames={self.max_frames} is below --min_frames={self.min_frames}: every "
                "clip would fail; raise the one or lower the other."
            )
        if self.long_clips not in LONG_CLIPS:
            raise InputError(
                f"--long_clips={self.long_clips}: choose one of {', '.join(LONG_CLIPS)}."
            )


class Record(NamedTuple):
    """A record and how many frames it holds."""

    data: bytes
    num_frames: int


class JpegEncoder:
    """Decoded frame -> JPEG with 4:2:0 chroma, upright, scaled, in the size of the first frame.

    Attributes:
        height_and_width: of the JPEGs, pixels; (0, 0) before the first frame.
    """

    def __init__(self, short_side: int, quality: int) -> None:
        self._short_side = short_side
        self._quality = quality
        self._reformatter = VideoReformatter()
        self._size: tuple[int, int] | None = None
        self._pose = Pose()
        self.height_and_width = (0, 0)

    def __call__(self, frame: av.VideoFrame) -> bytes:
        """Encodes a frame.

        Raises:
            VideoError: the frame is larger than a JPEG can be, or of a pixel format that FFmpeg
                cannot convert.
        """
        if self._size is None:
            self._size = scaled_size(frame, self._short_side)
            self._pose = pose_of(frame)
            width, height = self._size
            self.height_and_width = (width, height) if self._pose.turns % 2 else (height, width)
            if max(self._size) > MAX_JPEG_SIDE:
                raise VideoError(
                    f"frames of {frame.width}x{frame.height} are larger than a JPEG can be; use "
                    "--short_side."
                )
        width, height = self._size
        try:
            picture = self._reformatter.reformat(
                frame,
                width,
                height,
                "yuv420p",
                interpolation=Interpolation.BILINEAR,
                dst_colorspace=Colorspace.ITU601,
                src_color_range=frame.color_range,
                dst_color_range=ColorRange.JPEG,
                threads=1,
            )
        except (av.FFmpegError, ValueError) as error:
            raise VideoError(
                f"its pixel format {frame.format.name} cannot be converted ({error})."
            ) from error
        planes = [
            np.ndarray(
                (plane.height, plane.width),
                np.uint8,
                memoryview(plane),
                strides=(plane.line_size, 1),
            )
            for plane in picture.planes
        ]
        luma, *chroma = [np.ascontiguousarray(self._pose.upright(plane)) for plane in planes]
        # libjpeg-turbo reads luma up to the next even width and height, beyond the plane: what lies
        # there must not be chance.
        rows, columns = luma.shape
        if rows % 2 or columns % 2:
            luma = np.pad(luma, ((0, rows % 2), (0, columns % 2)), "edge")[:rows, :columns]
        return simplejpeg.encode_jpeg_yuv_planes(luma, *chroma, quality=self._quality)


def convert_clip(spec: ClipSpec, options: EncodingOptions, root: AnyPath = "") -> Iterator[bytes]:
    """The records of one clip, serialized: one, or several in the order of time for a long clip.

    Args:
        spec: the clip.
        options: how frames are stored.
        root: folder that `spec.path` is relative to.
    Raises:
        VideoError: not readable to the end, too few frames, or too long; the reason is for the list
            of failures. It may come after records of the same clip, which are then not to be used.
    """
    return (record.data for record in encode_records(spec, options, root))


def encode_records(
    spec: ClipSpec,
    options: EncodingOptions,
    root: AnyPath = "",
    on_decoded: Callable[[], None] = lambda: None,
) -> Iterator[Record]:
    """As `convert_clip`, with the number of frames of each record.

    Args:
        spec: the clip.
        options: how frames are stored.
        root: folder that `spec.path` is relative to.
        on_decoded: called for every decoded frame.
    """
    start, end = spec.span_seconds if spec.cut and spec.span_seconds else (None, None)
    encoder = JpegEncoder(options.short_side, options.jpeg_quality)
    part = _Part(spec, encoder, options)
    shown_frames = decode_frames(
        below(root, spec.path),
        fps=options.fps,
        start_seconds=start,
        end_seconds=end,
        on_decoded=on_decoded,
    )
    for shown in shown_frames:
        jpeg = encoder(shown.picture)
        for i in range(shown.times):
            seconds = shown.seconds + i * shown.period
            if part.is_full(jpeg):
                if options.long_clips == "skip":
                    raise VideoError(
                        f"longer than a record may be (--max_frames={options.max_frames}, "
                        f"{MAX_RECORD_BYTES >> 20} MiB) and --long_clips=skip."
                    )
                record = part.record(seconds)
                # What has been given is not held here as well: the next record needs the room.
                part = _Part(spec, encoder, options, is_first=False)
                yield record
                del record
                if options.long_clips == "cut":
                    return
            part.add(jpeg, seconds, shown.period)
    if len(part.frames) >= options.min_frames:
        yield part.record(None)
    elif part.is_first:
        count = len(part.frames)
        raise VideoError(
            f"{count} frame{'s' * (count != 1)}, fewer than --min_frames={options.min_frames}."
        )


class _Part:
    """The frames of one record, collected."""

    def __init__(
        self, spec: ClipSpec, encoder: JpegEncoder, options: EncodingOptions, is_first: bool = True
    ) -> None:
        self.frames: list[bytes] = []
        self.is_first = is_first
        self._spec, self._encoder, self._options = spec, encoder, options
        self._num_bytes = 0
        self._begin = self._end = self._period = 0.0

    def is_full(self, jpeg: bytes) -> bool:
        too_large = self._num_bytes + len(jpeg) > MAX_RECORD_BYTES
        return len(self.frames) == self._options.max_frames or (too_large and bool(self.frames))

    def add(self, jpeg: bytes, seconds: float, period: float) -> None:
        if not self.frames:
            self._begin = seconds
        self.frames.append(jpeg)
        self._num_bytes += len(jpeg)
        self._end, self._period = seconds + period, period

    def record(self, next_seconds: float | None) -> Record:
        """Serializes the frames; `next_seconds` is the time of the frame that follows, if any."""
        spec, count = self._spec, len(self.frames)
        # Of a file that is a clip already, times are counted from where the clip was.
        shift = spec.span_seconds[0] if spec.span_seconds and not spec.cut else 0.0
        start, end = (
            self._begin + shift,
            (self._end if next_seconds is None else next_seconds) + shift,
        )
        if spec.span_seconds and self.is_first:
            start = spec.span_seconds[0]
        if spec.span_seconds and next_seconds is None:
            end = spec.span_seconds[1]
        height, width = self._encoder.height_and_width
        fps = self._options.fps or 1 / self._period
        clip = Clip(
            self.frames,
            spec.label_index,
            spec.label or "",
            start,
            end,
            without_secrets(spec.path),
            fps,
            height,
            width,
        )
        return Record(encode_clip(clip), count)
