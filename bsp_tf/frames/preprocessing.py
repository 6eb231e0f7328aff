"""From decoded frames to network input: crop boxes, resizing, normalisation. Pure tensor functions.

Training, evaluation, extraction and the exported SavedModel call these same functions. Pixels stay
uint8 until `normalize`. Geometry and numbers follow the TSM reference implementation; each function
names what it takes over.
"""

from collections.abc import Sequence

import tensorflow as tf

from bsp_tf.base.errors import InputError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# Multi-scale cropping of TSN and TSM: crop sizes as shares of the short side, and how near is near
# enough.
CROP_SCALES = (1.0, 0.875, 0.75, 0.66)
MAX_SCALE_STEPS_APART = 1
SNAP_PIXELS = 3
CROP_PAIRS = tuple(
    (i, j)
    for i in range(len(CROP_SCALES))
    for j in range(len(CROP_SCALES))
    if abs(i - j) <= MAX_SCALE_STEPS_APART
)
# (down, right) in quarters of the free room: 4 corners, centre, 4 edge middles, 4 quarter points.
CROP_POSITIONS = (
    (0, 0),
    (0, 4),
    (4, 0),
    (4, 4),
    (2, 2),
    (2, 0),
    (2, 4),
    (4, 2),
    (0, 2),
    (1, 1),
    (1, 3),
    (3, 1),
    (3, 3),
)


def multi_scale_crop_boxes(
    sizes: tf.Tensor, target: int, seed: tf.Tensor, looks: Sequence[int] | None = None
) -> tf.Tensor:
    """Draws one crop box for each clip: TSM's multi-scale crop with fixed positions.

    Height and width are CROP_SCALES of the short side, at most one scale step apart (10 pairs,
    uniform); a length less than SNAP_PIXELS from the target becomes the target (never beyond the
    image); the place is one of 13 on a grid of quarters of the free room (uniform). The sources of
    one clip share the draw, each in its own size.

    Args:
        sizes: int32 [n, P, 2], height and width of the frames of each clip's P sources, pixels.
        target: side of the network's input, pixels.
        seed: integer [2].
        looks: for each clip the clip, itself or another, whose draw it takes; None for its own.
    Returns:
        int32 [n, P, 4]: top, left, height, width in pixels.
    """
    num_clips, num_sources, _ = tf.unstack(tf.shape(sizes))
    pair_seed, position_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    pairs = tf.random.stateless_uniform([num_clips], pair_seed, 0, len(CROP_PAIRS), tf.int32)
    positions = tf.random.stateless_uniform(
        [num_clips], position_seed, 0, len(CROP_POSITIONS), tf.int32
    )
    takes = tf.repeat(tf.range(num_clips) if looks is None else looks, num_sources)
    boxes = crop_boxes(
        tf.reshape(sizes, [-1, 2]), target, tf.gather(pairs, takes), tf.gather(positions, takes)
    )
    return tf.reshape(boxes, [num_clips, num_sources, 4])


def crop_boxes(sizes: tf.Tensor, target: int, pairs: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Boxes int32 [n, 4] in frames of `sizes` int32 [n, 2].

    `pairs` and `positions`, int32 [n], are indices into CROP_PAIRS and CROP_POSITIONS. See
    `multi_scale_crop_boxes`, which draws them.
    """
    short_side = tf.cast(tf.reduce_min(sizes, axis=1, keepdims=True), tf.float64)  # [n, 1]
    lengths = tf.cast(short_side * tf.constant(CROP_SCALES, tf.float64), tf.int32)  # [n, 4]
    lengths = tf.where(tf.abs(lengths - target) < SNAP_PIXELS, target, lengths)
    chosen = tf.gather(tf.constant(CROP_PAIRS, tf.int32), pairs)  # [n, 2]
    crop_sizes = tf.clip_by_value(tf.gather(lengths, chosen, batch_dims=1), 1, sizes)
    quarters = (sizes - crop_sizes) // 4
    corners = quarters * tf.gather(tf.constant(CROP_POSITIONS, tf.int32), positions)
    return tf.concat([corners, crop_sizes], axis=1)


def resize_short_side(frames: tf.Tensor, short_side: int) -> tf.Tensor:
    """Resizes so that the short side has `short_side` pixels (bilinear, antialiased).

    The aspect is kept. The long side is rounded down, as torchvision does. Frames that have the
    size already are not touched.

    Args:
        frames: uint8 [n, H, W, 3].
        short_side: pixels.
    Returns:
        uint8 [n, H', W', 3].
    """
    size = tf.shape(frames)[1:3]
    new_size = size * short_side // tf.reduce_min(size)
    same = tf.reduce_all(tf.equal(size, new_size))
    resized = tf.cond(
        same, lambda: frames, lambda: to_uint8(tf.image.resize(frames, new_size, antialias=True))
    )
    return tf.ensure_shape(resized, [None, None, None, 3])


def centre_crop(frames: tf.Tensor, size: int) -> tf.Tensor:
    """Cuts the square in the middle.

    An odd rest is split by rounding half to even, as torchvision does.

    Args:
        frames: [n, H, W, 3], any type; H and W at least `size`.
        size: side of the square, pixels.
    Returns:
        [n, size, size, 3], same type.
    """
    rest = tf.shape(frames)[1:3] - size
    corner = tf.cast(tf.round(tf.cast(rest, tf.float32) / 2), tf.int32)
    cropped = frames[:, corner[0] : corner[0] + size, corner[1] : corner[1] + size]
    return tf.ensure_shape(cropped, [None, size, size, 3])


def check_sizes(short_side: int, crop_size: int) -> None:
    """Raises InputError if a crop does not fit into frames of this short side, pixels."""
    if short_side < crop_size:
        raise InputError(
            f"config: data.short_side={short_side} is smaller than data.crop_size={crop_size}; "
            "make it at least as large."
        )


def preprocess_eval(frames: tf.Tensor, short_side: int, crop_size: int) -> tf.Tensor:
    """Geometry of evaluation and serving: resize of the short side, then the centre crop.

    TSM has a short side of 256 and a crop of 224.

    Args:
        frames: uint8 [N, T, H, W, 3], any H and W.
        short_side: pixels, at least `crop_size`.
        crop_size: pixels.
    Returns:
        uint8 [N, T, crop_size, crop_size, 3]; give it to `normalize`.
    Raises:
        InputError: `short_side` is smaller than `crop_size`.
    """
    check_sizes(short_side, crop_size)
    shape = tf.shape(frames)
    flat = tf.reshape(frames, tf.concat([[shape[0] * shape[1]], shape[2:]], axis=0))
    cropped = centre_crop(resize_short_side(flat, short_side), crop_size)
    result = tf.reshape(cropped, tf.concat([shape[:2], [crop_size, crop_size, 3]], axis=0))
    return tf.ensure_shape(result, [frames.shape[0], frames.shape[1], crop_size, crop_size, 3])


def normalize(frames: tf.Tensor) -> tf.Tensor:
    """Scales 0..255 to 0..1, subtracts ImageNet's mean, divides by its standard deviation.

    Args:
        frames: uint8 or float [..., 3], RGB, 0..255.
    Returns:
        float32 [..., 3].
    """
    scale = [1 / (255 * std) for std in IMAGENET_STD]
    shift = [-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
    return tf.cast(frames, tf.float32) * tf.constant(scale) + tf.constant(shift)


def repeat_one_frame(frames: tf.Tensor) -> tf.Tensor:
    """The static control: the middle frame (index T // 2) in place of every frame.

    A model that still knows the classes of such clips has learned pictures, not motion; a
    healthy motion task falls to chance.

    Args:
        frames: [B, T, H, W, C], any type.
    Returns:
        Same shape and type.
    """
    middle = tf.shape(frames)[1] // 2
    repeated = tf.repeat(frames[:, middle : middle + 1], tf.shape(frames)[1], axis=1)
    return tf.ensure_shape(repeated, frames.shape)


def to_uint8(values: tf.Tensor) -> tf.Tensor:
    """Rounds float pixels to uint8, values beyond 0..255 cut off."""
    return tf.cast(tf.clip_by_value(tf.round(values), 0, 255), tf.uint8)
