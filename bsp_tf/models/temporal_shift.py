"""The temporal shift: some channels of every frame come from its neighbours, without arithmetic."""

from collections.abc import Mapping

import tensorflow as tf

# Where channels come from: the frames before and after, or only those before, as live streams need.
SHIFTS = ("both", "past")


def shift_in_time(
    frames: tf.Tensor,
    num_frames: int | tf.Tensor,
    shift_div: int,
    shift: str,
    before: tf.Tensor | None = None,
) -> tf.Tensor:
    """`temporal_shift` with "both", `shift_from_past` with "past", which alone uses `before`."""
    if shift == "past":
        return shift_from_past(frames, num_frames, shift_div, before)
    return temporal_shift(frames, num_frames, shift_div)


def temporal_shift(frames: tf.Tensor, num_frames: int | tf.Tensor, shift_div: int = 8) -> tf.Tensor:
    """Moves 1/shift_div of the channels one frame back in time and as many one frame forward.

    Source: Lin, Gan and Han, "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV
    2019, section 3. With fold = C // shift_div, channels [0, fold) of frame t are those of frame
    t + 1, channels [fold, 2 fold) those of frame t - 1, and the rest stay. What would come from
    outside the clip is zero.

    >>> import tensorflow as tf
    >>> frames = tf.reshape(tf.range(1.0, 13.0), [3, 1, 1, 4])  # a clip of 3 frames, 4 channels
    >>> temporal_shift(frames, num_frames=3, shift_div=4)[:, 0, 0].numpy().tolist()
    [[5.0, 0.0, 3.0, 4.0], [9.0, 2.0, 7.0, 8.0], [0.0, 6.0, 11.0, 12.0]]

    Args:
        frames: float [B * num_frames, H, W, C], the frames of a clip beside each other.
        num_frames: Frames of one clip, an integer or an int32 scalar tensor.
        shift_div: Share of the channels that moves in each direction, at least 2.

    Returns:
        Tensor with the shape and dtype of `frames`.

    Raises:
        ValueError: C is unknown, or shift_div is smaller than 2.
    """
    channels = frames.shape[-1]
    if channels is None:
        raise ValueError("temporal_shift needs a known number of channels")
    if shift_div < 2:
        raise ValueError(
            f"shift_div must be at least 2 (two groups of channels move), not {shift_div}"
        )
    fold = channels // shift_div
    shape = tf.shape(frames)
    # [B, T, H * W, C]: the spatial axes as one keep the copies below long and contiguous.
    clips = tf.reshape(frames, tf.stack([-1, num_frames, shape[1] * shape[2], channels]))
    # tf.split, because its gradient is one concatenation; slices would each give a padded tensor.
    from_next, from_previous, unmoved = tf.split(clips, [fold, fold, channels - 2 * fold], axis=-1)
    _, from_next = tf.split(from_next, [1, num_frames - 1], axis=1)
    from_previous, _ = tf.split(from_previous, [num_frames - 1, 1], axis=1)
    from_next = tf.pad(from_next, [[0, 0], [0, 1], [0, 0], [0, 0]])
    from_previous = tf.pad(from_previous, [[0, 0], [1, 0], [0, 0], [0, 0]])
    shifted = tf.reshape(tf.concat([from_next, from_previous, unmoved], axis=-1), shape)
    return tf.ensure_shape(shifted, frames.shape)


def shift_from_past(
    frames: tf.Tensor,
    num_frames: int | tf.Tensor,
    shift_div: int = 8,
    before: tf.Tensor | None = None,
) -> tf.Tensor:
    """Moves 1/shift_div of the channels one frame forward in time: no frame sees a later one.

    Source: Lin, Gan and Han, section 3.3 (online TSM). With fold = C // shift_div, channels
    [0, fold) of frame t are those of frame t - 1, and the rest stay.

    >>> import tensorflow as tf
    >>> frames = tf.reshape(tf.range(1.0, 13.0), [3, 1, 1, 4])  # a clip of 3 frames, 4 channels
    >>> shift_from_past(frames, num_frames=3, shift_div=4)[:, 0, 0].numpy().tolist()
    [[0.0, 2.0, 3.0, 4.0], [1.0, 6.0, 7.0, 8.0], [5.0, 10.0, 11.0, 12.0]]

    Args:
        frames: float [B * num_frames, H, W, C], the frames of a clip beside each other.
        num_frames: Frames of one clip, an integer or an int32 scalar tensor.
        shift_div: Share of the channels that moves.
        before: float [B, H, W, fold], those channels of the frame before each clip; None: zeros.

    Returns:
        Tensor with the shape and dtype of `frames`.
    """
    fold = frames.shape[-1] // shift_div
    shape = tf.shape(frames)
    clips = tf.reshape(frames, tf.concat([[-1, num_frames], shape[1:]], axis=0))
    moved = clips[..., :fold]
    first = tf.zeros_like(moved[:, :1]) if before is None else before[:, None]
    moved = tf.concat([first, moved[:, :-1]], axis=1)
    shifted = tf.reshape(tf.concat([moved, clips[..., fold:]], axis=-1), shape)
    return tf.ensure_shape(shifted, frames.shape)


class Past:
    """What the frame before has left at every shifted convolution, and what this frame leaves.

    Attributes:
        left: Name of a convolution -> float32 [B, h, w, fold], the channels that the next frame
            gets.
    """

    def __init__(self, state: Mapping[str, tf.Tensor], shifts: Mapping[str, int], shift_div: int):
        """`state`: `left` of the frame before, {} at the start; `shifts`: of the backbone."""
        self._state, self._shifts, self._shift_div = state, shifts, shift_div
        self.left: dict[str, tf.Tensor] = {}

    def exchange(self, name: str, inputs: tf.Tensor) -> tf.Tensor | None:
        """Keeps what `inputs` [B, h, w, C] leave at a convolution, gives what was left there."""
        if name not in self._shifts:
            return None
        left = inputs[..., : self._shifts[name] // self._shift_div]
        self.left[name] = tf.cast(left, tf.float32)
        state = self._state.get(name)
        return None if state is None else tf.cast(state, inputs.dtype)
