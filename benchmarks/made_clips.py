"""Clips made for measurements: a camera that swings over a textured scene, encoded as H.264."""

from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

FPS, WIDTH, HEIGHT = 30, 340, 256


def smooth_noise(rng: np.random.Generator, height: int, width: int, slope: float) -> np.ndarray:
    """Noise with the spectrum of photographs (about 1/f); [H, W], mean 0, variance 1."""
    spectrum = np.fft.rfft2(rng.standard_normal((height, width)))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    radius[0, 0] = 1.0
    noise = np.fft.irfft2(spectrum / radius**slope, s=(height, width))
    return (noise - noise.mean()) / noise.std()


def write_clip(
    path: Path,
    seed: int,
    num_frames: int,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    preset: str = "medium",
) -> None:
    """Writes a clip with a moving object and the sensor's noise, in H.264 as uploads are."""
    width, height = size
    rng = np.random.default_rng(seed)
    luma = 128 + 45 * smooth_noise(rng, 2 * height, 2 * width, 1.2)[..., None]
    colour = np.stack([15 * smooth_noise(rng, 2 * height, 2 * width, 1.8) for _ in range(3)], -1)
    scene = np.clip(luma + colour, 16, 240).astype(np.int16)
    sensor = rng.normal(0, 2, (2 * height, 2 * width, 1)).astype(np.int16)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": preset})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(num_frames):
            top = int(height / 2 * (1 + np.cos(i / 55)))
            left = int(width / 2 * (1 + np.sin(i / 40)))
            image = scene[top : top + height, left : left + width].copy()
            step = i % (width - width // 5)
            image[height // 4 : height // 2, step : step + width // 5] = scene[
                : height // 2 - height // 4, : width // 5
            ]
            top, left = rng.integers(0, height), rng.integers(0, width)
            image += sensor[top : top + height, left : left + width]
            frame = av.VideoFrame.from_ndarray(image.astype(np.uint8), format="rgb24")
            frame = frame.reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU601,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
