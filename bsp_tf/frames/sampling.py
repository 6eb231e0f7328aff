"""Which frames of a clip are looked at: pure index functions in TensorFlow.

All return int32 indices that are valid for the clip, whatever its length (at least one frame).
Everything random is a function of an explicit seed of shape [2] (TensorFlow's stateless random
ops), so the same seed gives the same frames eagerly, in a graph and in a parallel `Dataset.map`.

Uniform and dense sampling follow the TSM reference implementation (0-based), with one correction: a
clip of exactly `num_samples` frames is used frame by frame in evaluation, where the reference
repeats frame 0.
"""

import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.frames import SAMPLINGS


def check_sampling(name: str) -> None:
    """Raises InputError if `data.sampling` of a config is not one of SAMPLINGS."""
    if name not in SAMPLINGS:
        raise InputError(f"config: data.sampling={name!r}: choose one of {', '.join(SAMPLINGS)}.")


def uniform_integers(low: tf.Tensor | int, high: tf.Tensor | int, seed: tf.Tensor) -> tf.Tensor:
    """Draws integers, one for each element of the bounds.

    Args:
        low: int32 [...], smallest value.
        high: int32 [...], largest value (included), not below `low`; broadcasts with `low`.
        seed: integer [2].
    Returns:
        int32 [...].
    """
    low, high = tf.cast(low, tf.int32), tf.cast(high, tf.int32)
    width = high - low + 1
    shape = tf.broadcast_dynamic_shape(tf.shape(low), tf.shape(high))
    # float64: with float32 the product can round up to `width` itself, one past the end.
    fraction = tf.random.stateless_uniform(shape, seed, dtype=tf.float64)
    return low + tf.cast(fraction * tf.cast(width, tf.float64), tf.int32)


def uniform_train(num_frames: tf.Tensor, num_samples: int, seed: tf.Tensor) -> tf.Tensor:
    """One random frame from each of `num_samples` equal parts.

    Part i gives i*d + randint(d), d = num_frames // num_samples. A clip of fewer than `num_samples`
    frames gives index 0 repeated (TSM).

    Args:
        num_frames: int32 [], at least 1.
        num_samples: number of indices.
        seed: integer [2].
    Returns:
        int32 [num_samples].
    """
    part = tf.cast(num_frames, tf.int32) // num_samples
    offsets = uniform_integers(tf.zeros([num_samples], tf.int32), tf.maximum(part - 1, 0), seed)
    return _fixed(tf.range(num_samples) * part + offsets, num_samples)


def uniform_eval(num_frames: tf.Tensor, num_samples: int) -> tf.Tensor:
    """The middle frame of each of `num_samples` equal parts.

    Part i gives int(tick/2 + tick*i), tick = num_frames / num_samples. A clip of fewer than
    `num_samples` frames gives index 0 repeated (TSM).

    Args:
        num_frames: int32 [], at least 1.
        num_samples: number of indices.
    Returns:
        int32 [num_samples].
    """
    num_frames = tf.cast(num_frames, tf.int32)
    # (2i + 1) * n / (2 * num_samples), in integers: no rounding to argue about.
    indices = (2 * tf.range(num_samples) + 1) * num_frames // (2 * num_samples)
    return _fixed(tf.where(num_frames >= num_samples, indices, 0), num_samples)


def dense(
    num_frames: tf.Tensor, num_samples: int, seed: tf.Tensor | None, window: int = 64
) -> tf.Tensor:
    """`num_samples` frames spread over a window of `window` frames, as in TSM.

    The stride is window // num_samples. The window starts anywhere it fits; in a clip shorter than
    the window the indices wrap around (modulo).

    Args:
        num_frames: int32 [], at least 1.
        num_samples: number of indices.
        seed: integer [2], or None for the window in the middle of the clip.
        window: frames spanned.
    Returns:
        int32 [num_samples].
    """
    num_frames = tf.cast(num_frames, tf.int32)
    start = _start(tf.maximum(num_frames - window, 0), seed)
    return _fixed(
        (start + tf.range(num_samples) * (window // num_samples)) % num_frames, num_samples
    )


def consecutive(
    num_frames: tf.Tensor, num_samples: int, frame_step: int, seed: tf.Tensor | None
) -> tf.Tensor:
    """`num_samples` frames, `frame_step` apart, from a random start.

    The last frame repeats if the clip ends before.

    Args:
        num_frames: int32 [], at least 1.
        num_samples: number of indices.
        frame_step: distance of two samples in frames, at least 1.
        seed: integer [2], or None for the middle of the clip.
    Returns:
        int32 [num_samples].
    """
    num_frames = tf.cast(num_frames, tf.int32)
    last_start = tf.maximum(num_frames - 1 - (num_samples - 1) * frame_step, 0)
    indices = _start(last_start, seed) + tf.range(num_samples) * frame_step
    return _fixed(tf.minimum(indices, num_frames - 1), num_samples)


def two_speed_positions(
    num_samples: int, cut: tf.Tensor, stride_before: tf.Tensor, stride_after: tf.Tensor
) -> tf.Tensor:
    """Positions of samples whose distance changes at `cut`, counted from the first sample.

    Samples 0..cut-1 are `stride_before` apart; sample `cut` is the first reached with
    `stride_after`. Equal strides give one even spacing.

    >>> cut, one, four = tf.constant(3), tf.constant(1), tf.constant(4)
    >>> two_speed_positions(6, cut, one, four).numpy().tolist()
    [0, 1, 2, 6, 10, 14]
    >>> two_speed_positions(6, cut, one, -one).numpy().tolist()
    [0, 1, 2, 1, 0, -1]

    Args:
        num_samples: positions per row.
        cut: int32 [...], in 1..num_samples-1.
        stride_before, stride_after: int32 [...], frames; negative backwards, 0 stays.
    Returns:
        int32 [..., num_samples], starting at 0.
    """
    samples = tf.range(num_samples)
    last_before = cut[..., tf.newaxis] - 1
    steps_before = tf.minimum(samples, last_before)
    return (
        steps_before * stride_before[..., tf.newaxis]
        + (samples - steps_before) * stride_after[..., tf.newaxis]
    )


def place_in_clip(positions: tf.Tensor, num_frames: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Moves rows of relative positions to a random place of their clips, anywhere they fit.

    In a clip that is too short the first of them in time is frame 0 and the last frame repeats.

    Args:
        positions: int32 [..., num_samples], relative to each other.
        num_frames: int32 [...], length of each row's clip, at least 1.
        seed: integer [2].
    Returns:
        int32 [..., num_samples], in 0..num_frames-1.
    """
    last = num_frames - 1
    positions -= tf.reduce_min(positions, axis=-1, keepdims=True)
    room = tf.maximum(last - tf.reduce_max(positions, axis=-1), 0)
    start = uniform_integers(tf.zeros_like(room), room, seed)
    return tf.minimum(positions + start[..., tf.newaxis], last[..., tf.newaxis])


def _start(last_start: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
    return last_start // 2 if seed is None else uniform_integers(0, last_start, seed)


def _fixed(indices: tf.Tensor, num_samples: int) -> tf.Tensor:
    return tf.ensure_shape(indices, [num_samples])
