"""A picture of a training batch: what the model really sees after sampling, synthesis and
augmentation.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

PIXELS_PER_INCH = 100


def batch_picture(frames: np.ndarray, titles: Sequence[str], max_clips: int = 8) -> np.ndarray:
    """Draws one row of frames a clip with its title at the left.

    Args:
        frames: uint8 [B, T, H, W, 3].
        titles: B strings.
        max_clips: Rows at most.

    Returns:
        uint8 [h, w, 3].
    """
    frames = frames[:max_clips]
    num_clips, num_frames, height, width, _ = frames.shape
    figure = Figure(
        figsize=(1.6 + 1.1 * num_frames, 0.2 + 1.1 * num_clips * height / width),
        dpi=PIXELS_PER_INCH,
    )
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(num_clips, 1, squeeze=False)[:, 0]
    for axis, clip, title in zip(axes, frames, titles, strict=False):
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
