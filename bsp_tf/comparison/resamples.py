"""Which videos a resample holds: the draws of the bootstrap over videos."""

import numpy as np


def draw_weights(num_videos: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """How often each video is in each resample, int32 [count, num_videos]; rows sum to num_videos.

    A resample draws as many videos as there are, each as likely as any other, with repetition.
    """
    share = np.full(num_videos, 1.0 / num_videos)
    return rng.multinomial(num_videos, share, size=count).astype(np.int32)
