"""JPEG strings -> frames of the network's size: decoded, cut, resized, mirrored, blended.

Pure tensor functions. Geometry is that of `preprocessing.py`. Each string is decoded once, in
however many output frames it is seen, and only if its header keeps the limits of `size_check`.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from bsp_tf.frames import preprocessing
from bsp_tf.frames.size_check import checked_size

# Below this factor of reduction plain bilinear sampling touches every source pixel's neighbourhood
# and looks the same as the antialiased kernel, at a third of its cost.
PLAIN_BILINEAR_UP_TO = 1.25


class Composition(NamedTuple):
    """How pictures make up samples.

    The pictures are the decoded frames, 0..D-1, and after them the m blended ones.

    Attributes:
        pairs: int32 [m, 2], the decoded frames that are blended: which fades out, which fades in.
        alpha: float32 [m], weight of the second, between 0 and 1.
        shown: int32 [n], the picture of each output frame.
    """

    pairs: tf.Tensor
    alpha: tf.Tensor
    shown: tf.Tensor


def decode_jpegs(strings: tf.Tensor) -> tf.Tensor:
    """Decodes the frames of one clip.

    Args:
        strings: string [n], JPEG images of one size, n at least 1.
    Returns:
        uint8 [n, H, W, 3], RGB.
    Raises:
        tf.errors.InvalidArgumentError: an image is damaged or too large, or the sizes differ.
    """
    image = tf.TensorSpec([None, None, 3], tf.uint8)
    return tf.map_fn(decode_jpeg, strings, fn_output_signature=image)


def decode_jpeg(string: tf.Tensor) -> tf.Tensor:
    """Returns uint8 [H, W, 3], RGB, of one JPEG (string []).

    Raises:
        tf.errors.InvalidArgumentError: it is damaged, no JPEG, or too large.
    """
    with tf.control_dependencies([jpeg_size(string)]):
        return tf.image.decode_jpeg(string, channels=3)


def jpeg_size(string: tf.Tensor) -> tf.Tensor:
    """Returns int32 [2], height and width of one JPEG (string []) without decoding its pixels.

    Raises:
        tf.errors.InvalidArgumentError: its header is damaged, it is no JPEG, or too large.
    """
    return checked_size(tf.image.extract_jpeg_shape(string)[:2])


def decode_crop_resize(
    strings: tf.Tensor,
    boxes: tf.Tensor,
    flips: tf.Tensor,
    size: int,
    composition: Composition | None = None,
) -> tf.Tensor:
    """Decodes one box of each image, resizes it to a square, and may mirror it.

    Resizing is bilinear with half-pixel centres. Only the box is decoded; images may differ in
    size. Reductions beyond PLAIN_BILINEAR_UP_TO are antialiased.

    Args:
        strings: string [D], JPEG images.
        boxes: int32 [D, 4], top, left, height, width in pixels, inside the image.
        flips: bool [D], whether left and right are exchanged.
        size: side of the result, pixels.
        composition: how the decoded images make up n output frames; None for the images as they are
            (n is D).
    Returns:
        uint8 [n, size, size, 3], RGB.
    """

    def crop(k: tf.Tensor) -> tf.Tensor:
        with tf.control_dependencies([jpeg_size(strings[k])]):
            image = tf.image.decode_and_crop_jpeg(strings[k], boxes[k], channels=3)
        # The resize kernel is twice as fast on float32 as on uint8, conversion included.
        return tf.cast(image, tf.float32)

    def resized(antialias: bool) -> Callable[[tf.Tensor], tf.Tensor]:
        def frame(k: tf.Tensor) -> tf.Tensor:
            # Neither kernel has negative weights: what it gives stays within 0..255.
            return _mirrored(
                _rounded(tf.image.resize(crop(k), [size, size], antialias=antialias)), flips[k]
            )

        return frame

    is_large = tf.reduce_max(boxes[:, 2:], axis=1) > int(PLAIN_BILINEAR_UP_TO * size)
    pictures = _no_pictures(strings, size, composition)
    # A loop for each kernel: the choice between the two inside one loop costs more.
    pictures = _fill(pictures, tf.where(~is_large), resized(antialias=False))
    pictures = _fill(pictures, tf.where(is_large), resized(antialias=True))
    return _composed(pictures, composition)


def decode_centre(
    strings: tf.Tensor,
    flips: tf.Tensor,
    short_side: int,
    crop_size: int,
    composition: Composition | None = None,
) -> tf.Tensor:
    """Decodes images with the geometry of `preprocessing.preprocess_eval`; may mirror them.

    The images may differ in size.

    Args:
        strings: string [D], JPEG images.
        flips: bool [D], whether left and right are exchanged.
        short_side, crop_size: as in `preprocessing.preprocess_eval`.
        composition: how the decoded images make up n output frames; None for the images as they are
            (n is D).
    Returns:
        uint8 [n, crop_size, crop_size, 3], RGB.
    """

    def centre(k: tf.Tensor) -> tf.Tensor:
        image = decode_jpeg(strings[k])
        image = preprocessing.preprocess_eval(image[tf.newaxis, tf.newaxis], short_side, crop_size)[
            0, 0
        ]
        return _mirrored(image, flips[k])

    pictures = _no_pictures(strings, crop_size, composition)
    return _composed(_fill(pictures, tf.range(tf.size(strings)), centre), composition)


def _no_pictures(strings: tf.Tensor, size: int, composition: Composition | None) -> tf.TensorArray:
    """Room for the decoded images and the blends of them."""
    blends = 0 if composition is None else tf.size(composition.alpha)
    return tf.TensorArray(
        tf.uint8, tf.size(strings) + blends, element_shape=[size, size, 3], clear_after_read=False
    )


def _fill(
    pictures: tf.TensorArray, places: tf.Tensor, make: Callable[[tf.Tensor], tf.Tensor]
) -> tf.TensorArray:
    """Writes make(k) (uint8 [S, S, 3]) at each of the places k (integer, [m] or [m, 1])."""
    places = tf.reshape(tf.cast(places, tf.int32), [-1])

    def step(i: tf.Tensor, pictures: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        return i + 1, pictures.write(places[i], make(places[i]))

    return tf.while_loop(lambda i, _: i < tf.size(places), step, (tf.constant(0), pictures))[1]


def _composed(pictures: tf.TensorArray, composition: Composition | None) -> tf.Tensor:
    """Adds the blends to the decoded pictures; returns output frames uint8 [n, S, S, 3]."""
    if composition is None:
        return pictures.stack()
    count = pictures.size() - tf.size(composition.alpha)

    def step(i: tf.Tensor, pictures: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        one, other = (
            tf.cast(pictures.read(composition.pairs[i, side]), tf.float32) for side in (0, 1)
        )
        return i + 1, pictures.write(
            count + i, _rounded(one + composition.alpha[i] * (other - one))
        )

    pictures = tf.while_loop(
        lambda i, _: i < tf.size(composition.alpha), step, (tf.constant(0), pictures)
    )[1]
    return pictures.gather(composition.shown)


def _mirrored(image: tf.Tensor, flip: tf.Tensor) -> tf.Tensor:
    return tf.cond(flip, lambda: tf.reverse(image, [1]), lambda: image)


def _rounded(image: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(image), tf.uint8)
