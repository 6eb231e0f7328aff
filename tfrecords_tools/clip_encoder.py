"""One clip file -> one serialized record: the function that every runner calls, alone in knowing how."""

import dataclasses
import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from bsp_tf.data.record_schema import UNLABELLED, Clip, encode_clip
from bsp_tf.data.video_reader import VideoError, probe_video, read_frames
from tfrecords_tools.clip_index import ClipSpec

# A proto may hold 2 GiB, and a reader holds whole records in memory: such a clip should be cut first.
MAX_RECORD_BYTES = 1 << 30
MAX_JPEG_SIDE = 65500


@dataclasses.dataclass(frozen=True)
class EncodingOptions:
    """How frames are stored.

    Attributes:
        short_side: pixels of the shorter side; smaller frames are not enlarged; 0 keeps the size of the file.
        fps: frames a second, by timestamps; 0 keeps every frame.
        jpeg_quality: 1..100.
        min_frames: a clip with fewer frames is a failure.
    """

    short_side: int = 256
    fps: float = 0.0
    jpeg_quality: int = 95
    min_frames: int = 2


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """JPEG with 4:2:0 chroma of a uint8 [H, W, 3] RGB image; the same bytes for the same image and library version.

    Pillow and tf.io.encode_jpeg both end in libjpeg-turbo and give files of the same size; on 340x256 frames Pillow
    took 0.56 ms a frame and tf.io 1.2 ms with two cores busy (its op dispatch), and it spares the workers TensorFlow's
    runtime. PyAV's mjpeg took 1.9 ms.
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return buffer.getvalue()


def convert_clip(root: str | os.PathLike, spec: ClipSpec, label_index: int | None,
                 options: EncodingOptions) -> tuple[bytes, int]:
    """Decodes a clip, stores its frames as JPEG and serializes the record.

    Args:
        root: input folder.
        spec: the clip, a path below `root`.
        label_index: position of its class in the label map; None if it has none.
        options: how frames are stored.
    Returns:
        (serialized SequenceExample, number of frames).
    Raises:
        VideoError: not readable to the end, too few frames, or too large; the reason is for the list of failures.
    """
    path = Path(root, spec.path)
    fps = options.fps or probe_video(path).fps
    frames, num_bytes, height, width = [], 0, 0, 0
    for image in read_frames(path, fps=options.fps, short_side=options.short_side):
        height, width = image.shape[:2]
        if max(height, width) > MAX_JPEG_SIDE:
            raise VideoError(f"{path}: frames of {width}x{height} are larger than a JPEG can be; use --short_side.")
        frames.append(encode_jpeg(image, options.jpeg_quality))
        num_bytes += len(frames[-1])
        if num_bytes > MAX_RECORD_BYTES:
            raise VideoError(f"{path}: more than 1 GiB of JPEG in one clip; cut it, or lower --short_side or --fps.")
    if len(frames) < options.min_frames:
        raise VideoError(f"{path}: {len(frames)} frame{'s' * (len(frames) != 1)}, fewer than --min_frames="
                         f"{options.min_frames}.")
    start, end = spec.span_seconds or (0.0, len(frames) / fps)
    index = UNLABELLED if label_index is None else label_index
    clip = Clip(frames, index, spec.label or "", start, end, spec.path, fps, height, width)
    return encode_clip(clip), len(frames)
