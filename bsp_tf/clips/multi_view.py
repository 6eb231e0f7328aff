"""The views of a clip in dense evaluation: which frames (10 clips), which squares (3 crops).

TSM scores a video by the mean of its logits over 10 clips x 3 crops. Its own are the starts of
`dense_clips`, the two clips of `uniform_clips` ("twice sample") and the three crops of landscape
frames; each docstring says what is ours. One clip is always the one of evaluation with one view
(`frames/sampling.py`, seed None).
"""

import tensorflow as tf

from bsp_tf.frames import decoding, preprocessing

NUM_CROPS = (1, 3)
# Left, right, middle, in quarters of the free room, in TSM's order.
CROP_QUARTERS = (0, 4, 2)


def dense_clips(
    num_frames: tf.Tensor, num_samples: int, num_clips: int, window: int = 64
) -> tf.Tensor:
    """Windows of `window` frames, evenly spaced: TSM's dense evaluation (there 10 clips).

    Starts are np.linspace(0, max(1, 1 + num_frames - window) - 1, num_clips) rounded down, samples
    are window // num_samples apart, indices wrap around (modulo num_frames). One clip: the window
    in the middle (ours).

    Args:
        num_frames: int32 [], at least 1.
        num_samples: indices per clip.
        num_clips: clips, at least 1.
        window: frames spanned.
    Returns:
        int32 [num_clips, num_samples].
    """
    num_frames = tf.cast(num_frames, tf.int32)
    starts = _even_starts(tf.maximum(num_frames - window, 0), num_clips)
    indices = starts[:, tf.newaxis] + tf.range(num_samples) * (window // num_samples)
    return tf.ensure_shape(indices % num_frames, [num_clips, num_samples])


def uniform_clips(num_frames: tf.Tensor, num_samples: int, num_clips: int) -> tf.Tensor:
    """One frame of each of `num_samples` equal parts, at `num_clips` evenly shifted places.

    Clip c takes int(tick * (i + (1/2 + c / num_clips) mod 1)), tick = num_frames / num_samples: the
    middles first. One clip is TSM's evaluation, two are its "twice sample" (middles, beginnings);
    more are ours. A clip of fewer than `num_samples` frames gives index 0 repeated, as in
    `sampling.uniform_eval`.

    Args and result as in `dense_clips`.
    """
    num_frames = tf.cast(num_frames, tf.int32)
    # In integers, in units of 1 / (2 * num_clips) of a part.
    shifts = (num_clips + 2 * tf.range(num_clips)) % (2 * num_clips)
    units = 2 * num_clips * tf.range(num_samples) + shifts[:, tf.newaxis]
    indices = units * num_frames // (2 * num_clips * num_samples)
    return tf.ensure_shape(
        tf.where(num_frames >= num_samples, indices, 0), [num_clips, num_samples]
    )


def consecutive_clips(
    num_frames: tf.Tensor, num_samples: int, frame_step: int, num_clips: int
) -> tf.Tensor:
    """Evenly spaced runs of frames `frame_step` apart (ours; TSM has none).

    They start from the first frame to the last that fits. One clip: the run in the middle. In a
    clip that is too short all start at 0 and the last frame repeats.

    Args and result as in `dense_clips`; frame_step: distance of two samples in frames, at least 1.
    """
    num_frames = tf.cast(num_frames, tf.int32)
    starts = _even_starts(tf.maximum(num_frames - 1 - (num_samples - 1) * frame_step, 0), num_clips)
    indices = starts[:, tf.newaxis] + tf.range(num_samples) * frame_step
    return tf.ensure_shape(tf.minimum(indices, num_frames - 1), [num_clips, num_samples])


def view_indices(num_frames: tf.Tensor, num_clips: int, data) -> tf.Tensor:
    """The frames of all clips by a config's `data` (sampling, num_frames, frame_step).

    Returns:
        int32 [num_clips, data.num_frames].
    """
    if data.sampling == "dense":
        return dense_clips(num_frames, data.num_frames, num_clips)
    if data.sampling == "consecutive":
        return consecutive_clips(num_frames, data.num_frames, data.frame_step, num_clips)
    return uniform_clips(num_frames, data.num_frames, num_clips)


def crop_corners(size: tf.Tensor, side: int) -> tf.Tensor:
    """Corners of three squares along the longer side: first, last and middle.

    These are TSM's full-resolution crops. The free room is cut in quarters rounded down, as TSM
    does; so the last square may end up to 3 pixels before the edge. TSM moves along the width only:
    three equal crops of a portrait frame; moving along its height is ours.

    Args:
        size: int32 [2], height and width, none below `side`.
        side: pixels.
    Returns:
        int32 [3, 2]: top, left.
    """
    quarters = (tf.cast(size, tf.int32) - side) // 4
    places = tf.constant(CROP_QUARTERS, tf.int32)[:, tf.newaxis]
    longer = tf.one_hot(tf.argmax(size), 2, on_value=True, off_value=False)
    return tf.where(longer, places * quarters, 2 * quarters)


def decode_crops(
    strings: tf.Tensor,
    num_crops: int,
    short_side: int,
    crop_size: int,
    full_resolution: bool = True,
) -> tf.Tensor:
    """Decodes frames once and cuts the squares of evaluation.

    Args:
        strings: string [n], JPEG images; sizes may differ.
        num_crops: 1: the centre crop of `crop_size` (`preprocessing.preprocess_eval`); 3: squares
            at `crop_corners`.
        short_side: pixels, frames are resized to it first.
        crop_size: pixels.
        full_resolution: whether three squares have the side `short_side` (TSM: 256 where one crop
            has 224) or `crop_size`. A network that was trained on small frames may not bear the
            larger ones.
    Returns:
        uint8 [n, num_crops, S, S, 3], RGB; S is crop_size or short_side.
    """
    side = short_side if full_resolution else crop_size
    if num_crops == 1:
        unmirrored = tf.zeros_like(strings, tf.bool)
        return decoding.decode_centre(strings, unmirrored, short_side, crop_size)[:, tf.newaxis]

    def one(string: tf.Tensor) -> tf.Tensor:
        image = decoding.decode_jpeg(string)
        image = preprocessing.resize_short_side(image[tf.newaxis], short_side)[0]
        corners = tf.unstack(crop_corners(tf.shape(image)[:2], side))
        return tf.stack(
            [
                image[top : top + side, left : left + side]
                for top, left in (tf.unstack(corner) for corner in corners)
            ]
        )

    shape = [num_crops, side, side, 3]
    return tf.map_fn(one, strings, fn_output_signature=tf.TensorSpec(shape, tf.uint8))


def cut_views(
    strings: tf.Tensor, num_clips: int, num_crops: int, data, full_resolution: bool = True
) -> tf.Tensor:
    """All views of one clip, each frame decoded once however many views show it.

    Args:
        strings: string [num_frames], the clip's JPEG images.
        num_clips: temporal views.
        num_crops, full_resolution: see `decode_crops`.
        data: a config's data.*: sampling, num_frames, frame_step, short_side, crop_size.
    Returns:
        uint8 [num_clips * num_crops, T, S, S, 3]; the crops of a clip are neighbours.
    """
    indices = view_indices(tf.size(strings), num_clips, data)
    shown, entries = tf.unique(tf.reshape(indices, [-1]))
    images = decode_crops(
        tf.gather(strings, shown), num_crops, data.short_side, data.crop_size, full_resolution
    )
    side = images.shape[2]
    # Straight to the final order: the pixels are copied once.
    crops = tf.range(num_crops)[tf.newaxis, :, tf.newaxis]
    rows = tf.reshape(entries, [num_clips, 1, data.num_frames]) * num_crops + crops
    views = tf.gather(tf.reshape(images, [-1, side, side, 3]), rows)
    return tf.reshape(views, [num_clips * num_crops, data.num_frames, side, side, 3])


def _even_starts(last_start: tf.Tensor, num_clips: int) -> tf.Tensor:
    """int32 [num_clips]: from 0 to `last_start` (int32 []), rounded down; one is the middle."""
    if num_clips == 1:
        return (last_start // 2)[tf.newaxis]
    return tf.range(num_clips) * last_start // (num_clips - 1)
