"""Soft-edged patches of one clip pasted into another, moved, turned and scaled frame by frame."""

import tensorflow as tf

# Half axes of a patch, in shares of the frame's side.
RADIUS = (0.09, 0.2)
# Pixels over which its edge fades.
EDGE = 1.5


def paste_patches(
    frames: tf.Tensor, poses: tf.Tensor, shown: tf.Tensor, seed: tf.Tensor
) -> tf.Tensor:
    """Pastes an ellipse of the first frame of the sample before it into each sample.

    Where it comes from, its size and where it lies are drawn; the same picture is seen all the
    time.

    Args:
        frames: uint8 [B, T, S, S, 3].
        poses: float32 [B, T, 4], see `synthesis.patch_paths`.
        shown: bool [B], which samples get one.
        seed: integer [2].

    Returns:
        uint8 [B, T, S, S, 3].
    """
    count, length, side, _, _ = frames.shape
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    source = side * tf.random.stateless_uniform([count, 2], seeds[0], 0.3, 0.7)
    target = side * tf.random.stateless_uniform([count, 2], seeds[1], 0.3, 0.7)
    radius = side * tf.random.stateless_uniform([count, 2], seeds[2], *RADIUS)
    pictures = tf.cast(tf.roll(frames[:, 0], 1, axis=0), tf.float32)
    cut_out = tf.concat([pictures, _ellipse(source, radius, shown, side)], axis=-1)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.repeat(cut_out, length, axis=0),
        transforms=tf.reshape(_transforms(source, target, side, poses), [-1, 8]),
        output_shape=[side, side],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
    moved = tf.reshape(moved, [count, length, side, side, 4])
    below, alpha = tf.cast(frames, tf.float32), moved[..., 3:]
    # Neither blend leaves 0..255.
    return tf.cast(tf.round(below + alpha * (moved[..., :3] - below)), tf.uint8)


def _ellipse(centre: tf.Tensor, radius: tf.Tensor, shown: tf.Tensor, side: int) -> tf.Tensor:
    """Opacity, float32 [B, S, S, 1]."""
    pixels = tf.range(side, dtype=tf.float32) + 0.5
    x, y = ((pixels - centre[:, i : i + 1]) / radius[:, i : i + 1] for i in range(2))
    distance = tf.sqrt(tf.square(x[:, tf.newaxis]) + tf.square(y[..., tf.newaxis]))
    inside = (1 - distance) * tf.reduce_min(radius, axis=1)[:, tf.newaxis, tf.newaxis]
    opacity = tf.clip_by_value(inside / EDGE + 0.5, 0.0, 1.0)
    return tf.where(shown[:, tf.newaxis, tf.newaxis], opacity, 0.0)[..., tf.newaxis]


def _transforms(source: tf.Tensor, target: tf.Tensor, side: int, poses: tf.Tensor) -> tf.Tensor:
    """Output pixel -> pixel of the cut-out, the eight numbers of a projection, [B, T, 8].

    Coordinates of the op are pixel indices, half a pixel less than ours.
    """
    x, y, angle, log_scale = tf.unstack(poses, axis=-1)
    cosine, sine = (f(angle) * tf.exp(-log_scale) for f in (tf.cos, tf.sin))
    from_x, from_y = (source[:, i : i + 1] - 0.5 for i in range(2))
    to_x, to_y = (target[:, i : i + 1] - 0.5 + side * move for i, move in enumerate((x, y)))
    zero = tf.zeros_like(x)
    return tf.stack(
        [
            cosine,
            sine,
            from_x - cosine * to_x - sine * to_y,
            -sine,
            cosine,
            from_y + sine * to_x - cosine * to_y,
            zero,
            zero,
        ],
        axis=-1,
    )
