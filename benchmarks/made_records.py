"""Records made for measurements: moving textures, stored as Kinetics is."""

import contextlib
import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from bsp_tf.records import schema

HEIGHT, WIDTH, QUALITY, CLIP_FRAMES = 256, 340, 90, 80
CLASSES = 8
FPS = 25.0
# Share of the contrast at each size of texture, pixels; noise of a camera's sensor, grey levels.
TEXTURE = ((32, 0.45), (8, 0.35), (3, 0.12))
NOISE = 3.0


def make_records(
    folder: Path, num_clips: int, num_frames: int = CLIP_FRAMES, seed: int = 0, num_shards: int = 1
) -> float:
    """Writes a record folder of moving textures; returns the mean size of a frame, bytes."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    num_bytes = 0
    with contextlib.ExitStack() as files:
        shards = [
            files.enter_context(
                tf.io.TFRecordWriter(str(folder / schema.shard_name(shard, num_shards)))
            )
            for shard in range(num_shards)
        ]
        for number in range(num_clips):
            picture = _texture(rng, HEIGHT + num_frames, WIDTH + num_frames)
            down, right = rng.integers(0, 2, 2)
            frames = []
            for t in range(num_frames):
                view = picture[down * t : down * t + HEIGHT, right * t : right * t + WIDTH]
                buffer = io.BytesIO()
                Image.fromarray(view).save(buffer, "JPEG", quality=QUALITY)
                frames.append(buffer.getvalue())
            num_bytes += sum(map(len, frames))
            label = number % CLASSES
            shards[number % num_shards].write(
                schema.encode_clip(
                    schema.Clip(
                        frames,
                        label,
                        str(label),
                        0.0,
                        num_frames / FPS,
                        f"{number}.mp4",
                        FPS,
                        HEIGHT,
                        WIDTH,
                    )
                )
            )
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in range(CLASSES)))
    return num_bytes / (num_clips * num_frames)


def _texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    total = NOISE * rng.standard_normal((height, width, 1))
    for size, share in TEXTURE:
        coarse = rng.integers(0, 256, (height // size + 2, width // size + 2, 3), np.uint8)
        total = total + share * np.asarray(
            Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        )
    return np.clip(total, 0, 255).astype(np.uint8)
