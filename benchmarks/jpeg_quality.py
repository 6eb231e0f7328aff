"""How near JPEGs come to the decoded frames of a clip, and how many bytes they take."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import simplejpeg
from av.video.reformatter import ColorRange

from bsp_tf.video.reader import decode_frames
from tfrecords_tools.conversion.clip_encoder import JpegEncoder


def psnr(ours: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal to noise ratio of 8-bit images, decibels."""
    return float(10 * np.log10(255**2 / np.mean((ours.astype(float) - truth) ** 2)))


class Yardstick:
    """The decoded frames of one clip, and how near JPEGs come to them."""

    def __init__(self, clip: Path, stride: int = 10) -> None:
        self._stride = stride
        self._frames = [
            shown.picture for i, shown in enumerate(decode_frames(clip)) if i % stride == 0
        ]
        full = [
            frame.reformat(
                format="yuv420p", src_color_range=frame.color_range, dst_color_range=ColorRange.JPEG
            )
            for frame in self._frames
        ]
        self._luma = [
            np.ndarray(
                (frame.height, frame.width),
                np.uint8,
                memoryview(frame.planes[0]),
                strides=(frame.planes[0].line_size, 1),
            ).copy()
            for frame in full
        ]

    def score(self, jpegs: Sequence[bytes]) -> dict:
        """Mean bytes and mean luma PSNR of the JPEGs of the frames that are kept here."""
        values = [
            psnr(simplejpeg.decode_jpeg(jpeg, "GRAY")[..., 0], luma)
            for jpeg, luma in zip(jpegs, self._luma, strict=True)
        ]
        return {
            "frame_bytes": float(np.mean([len(jpeg) for jpeg in jpegs])),
            "psnr": float(np.mean(values)),
        }

    def score_folder(self, folder: Path) -> dict:
        """The same for FFmpeg's files of this clip."""
        return self.score([path.read_bytes() for path in sorted(folder.iterdir())[:: self._stride]])

    def choose(self, key: str, wanted: float) -> dict:
        """Our lowest quality whose `key`, frame_bytes or psnr, is at least `wanted`; its scores."""
        for quality in range(75, 101):
            encoder = JpegEncoder(0, quality)
            scores = self.score([encoder(frame) for frame in self._frames])
            if scores[key] >= wanted:
                break
        return {"quality": quality, **scores}
