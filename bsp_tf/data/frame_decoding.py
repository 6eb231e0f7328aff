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


class Fades(NamedTuple):
    """Which frames are blended with another one: (1 - alpha) * frame + alpha * partner.

    Attributes:
        partner: int32 [n], place of the partner among the strings; any where alpha is 0.
        alpha: float32 [n], 0 for a plain frame.
    """

    partner: tf.Tensor
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
                       fades: Fades | None = None) -> tf.Tensor:
    """Decodes one box of each image, resizes it (bilinear, half-pixel centres) to a square, and may mirror it.

    Only the box is decoded; images may differ in size. Reductions beyond PLAIN_BILINEAR_UP_TO are antialiased. Where
    nothing speaks against it frames are blended before they are resized (resizing is linear), else after.

    Args:
        strings: string [n + m], JPEG images: n frames, and m more that only serve as partners.
        boxes: int32 [n + m, 4], top, left, height, width in pixels, inside the image.
        flips: bool [n], whether left and right are exchanged.
        size: side of the result, pixels.
        fades: which frames are blended; None for plain frames only.
    Returns:
        uint8 [n, size, size, 3], RGB.
    """
    def crop(k: tf.Tensor) -> tf.Tensor:
        # The resize kernel is twice as fast on float32 as on uint8, conversion included.
        return tf.cast(tf.image.decode_and_crop_jpeg(strings[k], boxes[k], channels=3), tf.float32)

    def is_large(sides: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(sides, axis=-1) > int(PLAIN_BILINEAR_UP_TO * size)

    def resize(image: tf.Tensor) -> tf.Tensor:
        return tf.cond(is_large(tf.shape(image)), lambda: tf.image.resize(image, [size, size], antialias=True),
                       lambda: tf.image.resize(image, [size, size]))

    def plain(k: tf.Tensor) -> tf.Tensor:
        return tf.image.resize(crop(k), [size, size])

    def blended(k: tf.Tensor) -> tf.Tensor:
        return tf.image.resize(_mix(crop(k), crop(fades.partner[k]), fades.alpha[k]), [size, size])

    def any_frame(k: tf.Tensor) -> tf.Tensor:
        if fades is None:
            return resize(crop(k))
        image, partner = resize(crop(k)), fades.partner[k]
        return tf.cond(fades.alpha[k] > 0, lambda: _mix(image, resize(crop(partner)), fades.alpha[k]), lambda: image)

    def finished(make: Callable) -> Callable:
        def frame(k: tf.Tensor) -> tf.Tensor:
            # Neither kernel has negative weights: what it gives stays within 0..255.
            image = tf.cast(tf.round(make(k)), tf.uint8)
            return tf.cond(flips[k], lambda: tf.reverse(image, [1]), lambda: image)
        return frame

    count = tf.size(flips)
    simple = ~is_large(boxes[:count, 2:])
    frames = tf.TensorArray(tf.uint8, count, element_shape=[size, size, 3])
    # A loop for each usual kind of frame: one loop with branches took a tenth longer for boundary batches.
    if fades is None:
        frames = _fill(frames, simple, finished(plain))
    else:
        fading, partner_boxes = fades.alpha > 0, tf.gather(boxes, fades.partner)
        frames = _fill(frames, simple & ~fading, finished(plain))
        same_size = tf.reduce_all(tf.equal(boxes[:count, 2:], partner_boxes[:, 2:]), axis=1)
        frames = _fill(frames, simple & fading & same_size, finished(blended))
        simple &= ~fading | same_size
    return _fill(frames, ~simple, finished(any_frame)).stack()


def decode_centre(strings: tf.Tensor, short_side: int, crop_size: int, fades: Fades | None = None) -> tf.Tensor:
    """Decodes images that may differ in size, each with the geometry of `video_ops.preprocess_eval`.

    Args:
        strings: string [n + m], JPEG images: n frames, and m more that only serve as partners.
        short_side, crop_size: as in `video_ops.preprocess_eval`.
        fades: which frames are blended; None for plain frames only (m is 0).
    Returns:
        uint8 [n, crop_size, crop_size, 3], RGB.
    """
    def centre(k: tf.Tensor) -> tf.Tensor:
        image = tf.image.decode_jpeg(strings[k], channels=3)
        return video_ops.preprocess_eval(image[tf.newaxis, tf.newaxis], short_side, crop_size)[0, 0]

    def blended(k: tf.Tensor) -> tf.Tensor:
        image, partner = (tf.cast(centre(place), tf.float32) for place in (k, fades.partner[k]))
        return video_ops.to_uint8(_mix(image, partner, fades.alpha[k]))

    fading = tf.zeros_like(strings, tf.bool) if fades is None else fades.alpha > 0
    frames = tf.TensorArray(tf.uint8, tf.size(fading), element_shape=[crop_size, crop_size, 3])
    frames = _fill(frames, ~fading, centre)
    return (frames if fades is None else _fill(frames, fading, blended)).stack()


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
