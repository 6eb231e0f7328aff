"""A picture of a training batch: what the model sees after sampling, synthesis, augmentation."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

PIXELS_PER_INCH = 100
SHOWN_CLIPS = 8


def picture_of_batch(batch: Mapping[str, tf.Tensor], labels: Sequence[str]) -> np.ndarray:
    """Draws the first clips of a batch with their labels.

    Args:
        batch: "frames" uint8 [B, T, H, W, 3], "label" int [B] and, for boundary samples,
            "boundary" float [B]: where the transition is, below 0 where there is none.
        labels: Class names.

    Returns:
        uint8 [h, w, 3].
    """
    titles = [labels[label] for label in batch["label"].numpy()]
    if "boundary" in batch:
        titles = [
            title if position < 0 else f"{title} at {position:g}"
            for title, position in zip(titles, batch["boundary"].numpy(), strict=True)
        ]
    return draw_clips(batch["frames"].numpy()[:SHOWN_CLIPS], titles[:SHOWN_CLIPS])


def draw_clips(frames: np.ndarray, titles: Sequence[str]) -> np.ndarray:
    """Draws one row of frames for each clip, with its title at the left.

    Args:
        frames: uint8 [B, T, H, W, 3].
        titles: B strings.

    Returns:
        uint8 [h, w, 3].
    """
    num_clips, num_frames, height, width, _ = frames.shape
    figure = Figure(
        figsize=(1.6 + 1.1 * num_frames, 0.2 + 1.1 * num_clips * height / width),
        dpi=PIXELS_PER_INCH,
    )
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(num_clips, 1, squeeze=False)[:, 0]
    for axis, clip, title in zip(axes, frames, titles, strict=True):
        axis.imshow(np.concatenate(list(clip), axis=1), interpolation="nearest", aspect="equal")
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_ylabel(title, rotation=0, ha="right", va="center", fontsize=8)
        for side in axis.spines.values():
            side.set_visible(False)
    figure.subplots_adjust(
        left=1.5 / figure.get_figwidth(), right=0.995, top=0.98, bottom=0.02, hspace=0.06
    )
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
