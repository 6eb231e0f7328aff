"""Ways of patches that are pasted into clips: steady, or with another motion from the boundary on.

Boundaries inside an unbroken scene are changes of motion, and trimmed clips have none to give: a
change of playback speed changes the motion of the whole picture, the camera's too, and is told by
that. A patch that moves by itself changes its motion alone.

The idea of patches on synthetic ways is that of Thoker, Doughty and Snoek, "Tubelet-Contrastive
Self-Supervision for Video-Efficient Generalization", ICCV 2023; the boundary in it is ours. Time is
counted in frames of the sample, whatever the clip below does.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

# Largest swing of x and y (shares of the frame's side), angle (radians) and log scale.
SWING = (0.2, 0.2, 0.9, 0.35)
# Of a swing, in cycles a frame.
FREQUENCY = (0.05, 0.3)


class Swings(NamedTuple):
    """Motions of n patches: each a sine in some of four ways to move.

    Attributes:
        size: float32 [n, 4], see SWING; 0 where it does not move.
        frequency: float32 [n, 1], cycles a frame.
        phase: float32 [n, 4], cycles.
    """

    size: tf.Tensor
    frequency: tf.Tensor
    phase: tf.Tensor

    def poses(self, frames: tf.Tensor) -> tf.Tensor:
        """float32 [n, m, 4] at the moments `frames`, float32 [n, m]."""
        cycles = self.frequency[:, tf.newaxis] * frames[..., tf.newaxis]
        return self.size[:, tf.newaxis] * tf.sin(2 * np.pi * (cycles + self.phase[:, tf.newaxis]))


def draw_swings(count: int, seed: tf.Tensor) -> Swings:
    """Draws `count` motions: one of the four ways to move for certain, each other by coin.

    Args:
        count: n.
        seed: integer [2].
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 5))
    uniform = tf.random.stateless_uniform
    chosen = uniform([count], seeds[0], 0, len(SWING), tf.int32)
    moves = (uniform([count, len(SWING)], seeds[1]) < 0.5) | (
        tf.range(len(SWING)) == chosen[:, tf.newaxis]
    )
    sizes = uniform([count, len(SWING)], seeds[2], 0.4, 1.0) * tf.constant(SWING)
    return Swings(
        tf.where(moves, sizes, 0.0),
        uniform([count, 1], seeds[3], *FREQUENCY),
        uniform([count, len(SWING)], seeds[4]),
    )


def patch_paths(
    num_frames: int, boundary: tf.Tensor, changes: tf.Tensor, seed: tf.Tensor
) -> tf.Tensor:
    """Poses of a patch in each frame of each sample.

    Where the motion changes, it goes on from where the patch is at the boundary: the way has a
    corner there, but no jump.

    >>> paths = patch_paths(8, tf.constant([4.0]), tf.constant([True]), seed=(0, 0))
    >>> paths.shape
    TensorShape([1, 8, 4])

    Args:
        num_frames: T.
        boundary: float32 [B], in frames; frame t covers [t, t + 1).
        changes: bool [B], whether the motion changes at the boundary.
        seed: integer [2].

    Returns:
        float32 [B, T, 4]: x and y in shares of the frame's side, angle in radians, log scale, all
        around 0 or around where the boundary left them.
    """
    before, after = (
        draw_swings(boundary.shape[0], part)
        for part in tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    )
    middles = tf.tile(
        tf.range(num_frames, dtype=tf.float32)[tf.newaxis] + 0.5, [boundary.shape[0], 1]
    )
    joint = boundary[:, tf.newaxis]
    continued = after.poses(middles) + before.poses(joint) - after.poses(joint)
    is_after = changes[:, tf.newaxis] & (middles > joint)
    return tf.where(is_after[..., tf.newaxis], continued, before.poses(middles))
