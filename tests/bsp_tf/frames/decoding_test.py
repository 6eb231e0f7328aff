"""JPEG strings to frames: decoding, cropping, blending and mirroring against NumPy, eagerly and
inside Dataset.map.
"""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.clips import multi_view
from bsp_tf.frames import decoding, preprocessing
from bsp_tf.frames.decoding import Composition
from bsp_tf.video.limits import MOST_PIXELS
from tests.fixtures.jpeg_bomb import jpeg_bomb


def smooth_image(height, width, seed=0):
    coarse = np.random.default_rng(seed).uniform(0, 255, (4, 5, 3))
    return np.clip(tf.image.resize(coarse, [height, width], "bicubic").numpy(), 0, 255).astype(
        np.uint8
    )


def jpegs(*images):
    return tf.constant([tf.io.encode_jpeg(image, quality=95).numpy() for image in images])


def test_decode_jpegs_keeps_order_and_size(both_ways):
    images = [smooth_image(30, 41, seed) for seed in range(3)]
    decoded = both_ways(decoding.decode_jpegs, jpegs(*images))
    assert decoded.shape == (3, 30, 41, 3) and decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - images).mean() < 4


def test_damaged_jpeg_is_an_error_of_tensorflow():
    with pytest.raises(tf.errors.InvalidArgumentError):
        decoding.decode_jpegs(tf.constant([b"\xff\xd8 no picture"]))


@pytest.mark.parametrize(
    "decode",
    [
        decoding.decode_jpegs,
        lambda strings: decoding.decode_crop_resize(
            strings, tf.constant([[0, 0, 8, 8]]), tf.constant([False]), 8
        ),
        lambda strings: decoding.decode_centre(strings, tf.constant([False]), 8, 8),
        lambda strings: multi_view.decode_crops(strings, 3, 8, 8),
        lambda strings: decoding.jpeg_size(strings[0]),
    ],
)
def test_sizes_that_are_not_decoded(decode, both_ways):
    """The header is enough: the pixels, which are not there, are never asked for."""
    for size in ((13000, 13000), (65000, 65000), (1, 33), (30000, 1)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=rf"(?s){MOST_PIXELS} pixels"):
            both_ways(decode, tf.constant([jpeg_bomb(*size)]))
    both_ways(decode, jpegs(smooth_image(32, 8)))


def test_decode_crop_resize_of_differing_sizes(both_ways):
    images = [smooth_image(72, 96), smooth_image(51, 33, 1), smooth_image(200, 210, 2)]
    boxes = tf.constant([[4, 16, 32, 32], [3, 1, 40, 20], [10, 20, 160, 150]])
    result = both_ways(
        lambda s, b, f: decoding.decode_crop_resize(s, b, f, 32),
        jpegs(*images),
        boxes,
        tf.zeros([3], tf.bool),
    )
    assert result.shape == (3, 32, 32, 3) and result.dtype == np.uint8
    plain = tf.image.decode_jpeg(jpegs(images[0])[0]).numpy()[4:36, 16:48]
    # The outermost columns have lost a neighbour from which JPEG interpolates colour.
    np.testing.assert_array_equal(result[0][:, 2:-2], plain[:, 2:-2])
    for index, (top, left, height, width) in enumerate(boxes.numpy().tolist()):
        region = images[index][top : top + height, left : left + width].astype(np.float32)
        expected = tf.image.resize(region, [32, 32], antialias=True).numpy()
        assert np.abs(result[index] - expected).mean() < 4


def test_decode_crop_resize_mirrors_where_asked(both_ways):
    strings = jpegs(smooth_image(72, 96), smooth_image(51, 33, 1))
    boxes = tf.constant([[4, 16, 32, 32], [3, 1, 40, 20]])
    plain = decoding.decode_crop_resize(strings, boxes, tf.constant([False, False]), 24).numpy()
    result = both_ways(
        lambda s, b, f: decoding.decode_crop_resize(s, b, f, 24),
        strings,
        boxes,
        tf.constant([True, False]),
    )
    np.testing.assert_array_equal(result, [plain[0, :, ::-1], plain[1]])


def test_decode_centre_equals_preprocess_eval_and_takes_odd_sizes(both_ways):
    images = [smooth_image(73, 99, seed) for seed in range(4)]
    strings = jpegs(*images)
    frames = tf.reshape(decoding.decode_jpegs(strings), [2, 2, 73, 99, 3])
    result = both_ways(lambda f: preprocessing.preprocess_eval(f, 40, 32), frames)
    assert result.shape == (2, 2, 32, 32, 3) and result.dtype == np.uint8
    flips = tf.constant([False, True, False, True])
    one_by_one = both_ways(lambda s, f: decoding.decode_centre(s, f, 40, 32), strings, flips)
    np.testing.assert_array_equal(result.reshape(4, 32, 32, 3)[::2], one_by_one[::2])
    np.testing.assert_array_equal(result.reshape(4, 32, 32, 3)[1::2], one_by_one[1::2, :, ::-1])


# Four images: the first fades into the third, the second is seen twice, the fourth fades into the
# first.
COMPOSITION = Composition(
    tf.constant([[0, 2], [3, 0]]), tf.constant([0.25, 0.5]), tf.constant([1, 4, 5, 0, 1])
)


def check_composition(result, plain):
    """`result` against the four images of which it is made."""
    assert result.shape == (5, 32, 32, 3) and result.dtype == np.uint8
    plain = plain.astype(float)
    np.testing.assert_array_equal(result[[0, 3, 4]], plain[[1, 0, 1]])
    assert np.abs(result[1] - (0.75 * plain[0] + 0.25 * plain[2])).max() < 0.501
    assert np.abs(result[2] - (0.5 * plain[3] + 0.5 * plain[0])).max() < 0.501


@pytest.mark.parametrize(
    "size,other_size", [((40, 40), (40, 40)), ((40, 40), (30, 36)), ((160, 150), (20, 20))]
)
def test_pictures_are_blended_and_arranged(both_ways, size, other_size):
    strings = jpegs(*(smooth_image(170, 180, seed) for seed in range(4)))
    boxes = tf.constant([[3, 5, *size]] * 2 + [[8, 2, *other_size]] * 2)
    flips = tf.constant([False, True, False, True])

    def decode(strings, boxes, flips, *composition):
        return decoding.decode_crop_resize(strings, boxes, flips, 32, Composition(*composition))

    check_composition(
        both_ways(decode, strings, boxes, flips, *COMPOSITION),
        decoding.decode_crop_resize(strings, boxes, flips, 32).numpy(),
    )


def test_blending_in_the_geometry_of_evaluation(both_ways):
    strings = jpegs(*(smooth_image(73 - 9 * seed, 70 + 11 * seed, seed) for seed in range(4)))
    flips = tf.zeros([4], tf.bool)

    def decode(strings, *composition):
        return decoding.decode_centre(strings, flips, 40, 32, Composition(*composition))

    check_composition(
        both_ways(decode, strings, *COMPOSITION),
        decoding.decode_centre(strings, flips, 40, 32).numpy(),
    )


def test_frames_of_every_kind_keep_their_places():
    """Plain and antialiased frames are made by different loops."""
    values = np.arange(12) * 20
    large = np.arange(12) % 3 == 1
    images = [
        np.full((200 if is_large else 40, 200, 3), value, np.uint8)
        for is_large, value in zip(large, values, strict=True)
    ]
    boxes = tf.constant([[0, 0, *((200, 200) if is_large else (40, 40))] for is_large in large])
    result = decoding.decode_crop_resize(jpegs(*images), boxes, tf.zeros([12], tf.bool), 32).numpy()
    assert np.abs(result - values[:, None, None, None]).max() <= 2


def test_no_frames_give_no_frames():
    empty = decoding.decode_crop_resize(
        tf.zeros([0], tf.string), tf.zeros([0, 4], tf.int32), tf.zeros([0], tf.bool), 32
    )
    assert empty.shape == (0, 32, 32, 3)
