"""JPEG strings -> frames of the network's size: decoded, cut, blended and resized in one go. Pure tensor functions.

Geometry is that of `video_ops.py`. Frames that fade into another picture name it as their partner: the two are mixed
here, while they are small, and not in a second pass over finished frames.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from bsp_tf.data import video_ops

# Below this factor of reduction plain bilinear sampling touches every source pixel's neighbourhood and looks the
# same as the antialiased kernel, at a third of its cost.
PLAIN_BILINEAR_UP_TO = 1.25


class Partners(NamedTuple):
    """Second pictures, which some of n frames are blended with: (1 - alpha) * frame + alpha * partner.

    Attributes:
        strings: string [m], JPEG images.
        boxes: int32 [m, 4], their boxes; see `decode_crop_resize`.
        entry: int32 [n], which partner a frame has; void where alpha is 0.
        alpha: float32 [n], 0 for a plain frame.
    """

    strings: tf.Tensor
    boxes: tf.Tensor
    entry: tf.Tensor
    alpha: tf.Tensor


def decode_jpegs(strings: tf.Tensor) -> tf.Tensor:
    """Decodes the frames of one clip.

    Args:
        strings: string [n], JPEG images of one size, n at least 1.
    Returns:
        uint8 [n, H, W, 3], RGB.
    Raises:
        tf.errors.InvalidArgumentError: an image is damaged, or the sizes differ.
    """
    image = tf.TensorSpec([None, None, 3], tf.uint8)
    return tf.map_fn(lambda string: tf.image.decode_jpeg(string, channels=3), strings, fn_output_signature=image)


def jpeg_size(string: tf.Tensor) -> tf.Tensor:
    """Returns int32 [2], height and width of one JPEG (string []) without decoding its pixels."""
    return tf.image.extract_jpeg_shape(string)[:2]


def decode_crop_resize(strings: tf.Tensor, boxes: tf.Tensor, flips: tf.Tensor, size: int,
                       partners: Partners | None = None) -> tf.Tensor:
    """Decodes one box of each image, resizes it (bilinear, half-pixel centres) to a square, and may mirror it.

    Only the box is decoded; images may differ in size. Reductions beyond PLAIN_BILINEAR_UP_TO are antialiased. Boxes
    of one size are blended before they are resized (resizing is linear), others after.

    Args:
        strings: string [n], JPEG images.
        boxes: int32 [n, 4], top, left, height, width in pixels, inside the image.
        flips: bool [n], whether left and right are exchanged.
        size: side of the result, pixels.
        partners: what frames are blended with; None for plain frames only.
    Returns:
        uint8 [n, size, size, 3], RGB.
    """
    def crop(string: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
        # The resize kernel is twice as fast on float32 as on uint8, conversion included.
        return tf.cast(tf.image.decode_and_crop_jpeg(string, box, channels=3), tf.float32)

    def resize(image: tf.Tensor, antialias: bool) -> tf.Tensor:
        return tf.image.resize(image, [size, size], antialias=antialias)

    def finish(image: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
        # Neither kernel has negative weights: what it gives stays within 0..255.
        image = tf.cast(tf.round(image), tf.uint8)
        return tf.cond(flips[k], lambda: tf.reverse(image, [1]), lambda: image)

    def plain(k: tf.Tensor, antialias: bool) -> tf.Tensor:
        return finish(resize(crop(strings[k], boxes[k]), antialias), k)

    def blended(k: tf.Tensor) -> tf.Tensor:
        entry, alpha = partners.entry[k], partners.alpha[k]
        image, partner = crop(strings[k], boxes[k]), crop(partners.strings[entry], partners.boxes[entry])
        return finish(tf.cond(
            tf.reduce_all(tf.equal(tf.shape(image), tf.shape(partner))),
            lambda: either_size(_mix(image, partner, alpha)),
            lambda: _mix(either_size(image), either_size(partner), alpha),
        ), k)

    def is_large(sides: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(sides, axis=-1) > int(PLAIN_BILINEAR_UP_TO * size)

    def either_size(image: tf.Tensor) -> tf.Tensor:
        return tf.cond(is_large(tf.shape(image)), lambda: resize(image, True), lambda: resize(image, False))

    fades = tf.zeros_like(flips) if partners is None else partners.alpha > 0
    large = is_large(boxes[:, 2:])
    # A loop for each kind of frame: branches inside one loop would cost more than the crop of a frame.
    frames = tf.TensorArray(tf.uint8, tf.size(strings), element_shape=[size, size, 3])
    frames = _fill(frames, ~fades & ~large, lambda k: plain(k, False))
    frames = _fill(frames, ~fades & large, lambda k: plain(k, True))
    if partners is not None:
        frames = _fill(frames, fades, blended)
    return frames.stack()


def decode_centre(strings: tf.Tensor, short_side: int, crop_size: int, partners: Partners | None = None) -> tf.Tensor:
    """Decodes images that may differ in size, each with the geometry of `video_ops.preprocess_eval`.

    Args:
        strings: string [n], JPEG images.
        short_side, crop_size: as in `video_ops.preprocess_eval`.
        partners: as in `decode_crop_resize`; their boxes are void.
    Returns:
        uint8 [n, crop_size, crop_size, 3], RGB.
    """
    def centre(string: tf.Tensor) -> tf.Tensor:
        image = tf.image.decode_jpeg(string, channels=3)
        return video_ops.preprocess_eval(image[tf.newaxis, tf.newaxis], short_side, crop_size)[0, 0]

    def frame(k: tf.Tensor) -> tf.Tensor:
        return centre(strings[k])

    def blended(k: tf.Tensor) -> tf.Tensor:
        pair = (centre(strings[k]), centre(partners.strings[partners.entry[k]]))
        return video_ops.to_uint8(_mix(*(tf.cast(one, tf.float32) for one in pair), partners.alpha[k]))

    frames = tf.TensorArray(tf.uint8, tf.size(strings), element_shape=[crop_size, crop_size, 3])
    if partners is None:
        return _fill(frames, tf.ones_like(strings, tf.bool), frame).stack()
    return _fill(_fill(frames, partners.alpha <= 0, frame), partners.alpha > 0, blended).stack()


def flip(frames: tf.Tensor, flips: tf.Tensor) -> tf.Tensor:
    """Mirrors left and right where asked.

    Args:
        frames: [n, H, W, C], any type.
        flips: bool [n].
    Returns:
        Same shape and type as `frames`.
    """
    def mirrored(item: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        frame, exchanged = item
        return tf.cond(exchanged, lambda: tf.reverse(frame, [1]), lambda: frame)

    return tf.map_fn(mirrored, (frames, flips), fn_output_signature=tf.TensorSpec(frames.shape[1:], frames.dtype))


def _fill(frames: tf.TensorArray, chosen: tf.Tensor, make: Callable[[tf.Tensor], tf.Tensor]) -> tf.TensorArray:
    """Writes make(k) (uint8 [S, S, 3]) at each place k where `chosen` (bool [n]) is true."""
    places = tf.cast(tf.where(chosen)[:, 0], tf.int32)

    def step(i: tf.Tensor, frames: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        return i + 1, frames.write(places[i], make(places[i]))

    return tf.while_loop(lambda i, _: i < tf.size(places), step, (tf.constant(0), frames))[1]


def _mix(image: tf.Tensor, partner: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    return image + alpha * (partner - image)
