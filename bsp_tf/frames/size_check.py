"""The limits of `bsp_tf.video.limits` inside graphs: input functions and SavedModels."""

import tensorflow as tf

from bsp_tf.video.limits import MOST_ASPECT, MOST_PIXELS


def checked_size(size: tf.Tensor) -> tf.Tensor:
    """Returns `size`, int32 [2], height and width in pixels.

    Raises:
        tf.errors.InvalidArgumentError: when it runs, frames of this size are not decoded.
    """
    height, width = tf.unstack(tf.cast(size, tf.int64))
    fits = (height * width <= MOST_PIXELS) & (
        tf.maximum(height, width) <= MOST_ASPECT * tf.minimum(height, width)
    )
    check = tf.debugging.Assert(
        fits,
        [
            "a frame of this height and width in pixels:",
            size,
            f"is refused: at most {MOST_PIXELS} pixels, and one side at most {MOST_ASPECT} times "
            "the other",
        ],
    )
    with tf.control_dependencies([check]):
        return tf.identity(size)


def checked_frames(frames: tf.Tensor) -> tf.Tensor:
    """Returns `frames` [..., H, W, 3], any type; raises as `checked_size`."""
    with tf.control_dependencies([checked_size(tf.shape(frames)[-3:-1])]):
        return tf.identity(frames)
