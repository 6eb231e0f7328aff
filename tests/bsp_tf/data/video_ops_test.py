"""Pixels: decoding, cropping, resizing and normalising against NumPy, eagerly and inside Dataset.map."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.data import video_ops

SEED = (1, 2)


def smooth_image(height, width, seed=0):
    coarse = np.random.default_rng(seed).uniform(0, 255, (4, 5, 3))
    return np.clip(tf.image.resize(coarse, [height, width], "bicubic").numpy(), 0, 255).astype(np.uint8)


def jpegs(*images):
    return tf.constant([tf.io.encode_jpeg(image, quality=95).numpy() for image in images])


def both_ways(function, *arguments):
    eager = function(*arguments)
    dataset = tf.data.Dataset.from_tensors(arguments).map(function, num_parallel_calls=2)
    mapped = next(iter(dataset))
    np.testing.assert_array_equal(eager, mapped)
    return eager.numpy()


def test_decode_jpegs_keeps_order_and_size():
    images = [smooth_image(30, 41, seed) for seed in range(3)]
    decoded = both_ways(video_ops.decode_jpegs, jpegs(*images))
    assert decoded.shape == (3, 30, 41, 3) and decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - images).mean() < 4


def test_damaged_jpeg_is_an_error_of_tensorflow():
    with pytest.raises(tf.errors.InvalidArgumentError):
        video_ops.decode_jpegs(tf.constant([b"\xff\xd8 no picture"]))


def reference_boxes(height, width, target):
    """All boxes TSM's GroupMultiScaleCrop can give, written down from its rules."""
    base = min(height, width)
    sizes = [int(base * scale) for scale in (1, 0.875, 0.75, 0.66)]
    sizes = [target if abs(size - target) < 3 else size for size in sizes]
    boxes = set()
    for i, crop_height in enumerate(sizes):
        for j, crop_width in enumerate(sizes):
            if abs(i - j) > 1:
                continue
            crop_height, crop_width = max(1, min(crop_height, height)), max(1, min(crop_width, width))
            down, right = (height - crop_height) // 4, (width - crop_width) // 4
            for m, n in [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2), (0, 2), (4, 2), (2, 4), (2, 0), (1, 1), (1, 3), (3, 1),
                         (3, 3)]:
                boxes.add((m * down, n * right, crop_height, crop_width))
    return boxes


@pytest.mark.parametrize("height,width,target", [(72, 96, 64), (256, 340, 224), (62, 97, 64), (1, 5, 64), (63, 63, 64)])
def test_crop_boxes_are_exactly_those_of_tsm(height, width, target):
    pairs, positions = np.divmod(np.arange(130), 13)
    sizes = tf.tile([[height, width]], [130, 1])
    boxes = both_ways(lambda s, p, q: video_ops.crop_boxes(s, target, p, q), sizes, tf.constant(pairs, tf.int32),
                      tf.constant(positions, tf.int32))
    assert {tuple(box) for box in boxes.tolist()} == reference_boxes(height, width, target)
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] >= 1).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= (height, width)).all()


def test_drawn_boxes_cover_all_and_follow_the_seed():
    sizes = tf.tile([[72, 96]], [3000, 1])
    boxes = both_ways(lambda s: video_ops.multi_scale_crop_boxes(s, 64, SEED), sizes)
    assert {tuple(box) for box in boxes.tolist()} == reference_boxes(72, 96, 64)
    other = video_ops.multi_scale_crop_boxes(sizes, 64, (1, 3)).numpy()
    assert (boxes != other).any()


def test_decode_crop_resize_of_differing_sizes():
    images = [smooth_image(72, 96), smooth_image(51, 33, 1), smooth_image(200, 210, 2)]
    boxes = tf.constant([[4, 16, 32, 32], [3, 1, 40, 20], [10, 20, 160, 150]])
    result = both_ways(lambda s, b, f: video_ops.decode_crop_resize(s, b, f, 32), jpegs(*images), boxes,
                       tf.zeros([3], tf.bool))
    assert result.shape == (3, 32, 32, 3) and result.dtype == np.uint8
    plain = tf.image.decode_jpeg(jpegs(images[0])[0]).numpy()[4:36, 16:48]
    # The outermost columns have lost a neighbour from which JPEG interpolates colour.
    np.testing.assert_array_equal(result[0][:, 2:-2], plain[:, 2:-2])
    for index, (top, left, height, width) in enumerate(boxes.numpy().tolist()):
        region = images[index][top:top + height, left:left + width].astype(np.float32)
        expected = tf.image.resize(region, [32, 32], antialias=True).numpy()
        assert np.abs(result[index] - expected).mean() < 4


def test_decode_crop_resize_mirrors_where_asked():
    strings = jpegs(smooth_image(72, 96), smooth_image(51, 33, 1))
    boxes = tf.constant([[4, 16, 32, 32], [3, 1, 40, 20]])
    plain = video_ops.decode_crop_resize(strings, boxes, tf.constant([False, False]), 24).numpy()
    result = both_ways(lambda s, b, f: video_ops.decode_crop_resize(s, b, f, 24), strings, boxes,
                       tf.constant([True, False]))
    np.testing.assert_array_equal(result, [plain[0, :, ::-1], plain[1]])


def test_flip_only_where_asked():
    frames = tf.constant(np.random.default_rng(0).integers(0, 255, (4, 5, 7, 3), np.uint8))
    result = both_ways(video_ops.flip, frames, tf.constant([True, False, False, True]))
    np.testing.assert_array_equal(result[0], frames[0, :, ::-1])
    np.testing.assert_array_equal(result[3], frames[3, :, ::-1])
    np.testing.assert_array_equal(result[1:3], frames[1:3])


@pytest.mark.parametrize("size,expected", [((72, 96), (64, 85)), ((96, 72), (85, 64)), ((64, 64), (64, 64)),
                                           ((30, 31), (64, 66)), ((1, 3), (64, 192))])
def test_resize_short_side_rounds_the_long_side_down(size, expected):
    frames = tf.zeros([2, *size, 3], tf.uint8)
    assert both_ways(lambda f: video_ops.resize_short_side(f, 64), frames).shape == (2, *expected, 3)


def test_centre_crop_splits_odd_rests_like_torchvision():
    frames = tf.reshape(tf.range(1 * 9 * 11 * 3), [1, 9, 11, 3])
    for size in (9, 8, 6, 4):
        top, left = round((9 - size) / 2), round((11 - size) / 2)
        result = both_ways(lambda f, size=size: video_ops.centre_crop(f, size), frames)
        np.testing.assert_array_equal(result, frames[:, top:top + size, left:left + size])


def test_preprocess_eval_equals_decode_centre_and_takes_odd_sizes():
    images = [smooth_image(73, 99, seed) for seed in range(4)]
    strings = jpegs(*images)
    frames = tf.reshape(video_ops.decode_jpegs(strings), [2, 2, 73, 99, 3])
    result = both_ways(lambda f: video_ops.preprocess_eval(f, 40, 32), frames)
    assert result.shape == (2, 2, 32, 32, 3) and result.dtype == np.uint8
    one_by_one = both_ways(lambda s: video_ops.decode_centre(s, 40, 32), strings)
    np.testing.assert_array_equal(result.reshape(4, 32, 32, 3), one_by_one)


def test_short_side_below_crop_size_is_refused():
    with pytest.raises(InputError, match="short_side=30 is smaller"):
        video_ops.preprocess_eval(tf.zeros([1, 1, 50, 50, 3], tf.uint8), 30, 32)


def test_normalize_is_the_imagenet_rule():
    frames = tf.constant(np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, 3)), tf.uint8)
    result = both_ways(video_ops.normalize, frames)
    expected = (frames.numpy() / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=2e-6)
    np.testing.assert_array_equal(result, video_ops.normalize(tf.cast(frames, tf.float32)))


@pytest.mark.parametrize("num_frames", [1, 2, 7, 8])
def test_repeat_one_frame(num_frames):
    frames = tf.reshape(tf.range(2 * num_frames * 12), [2, num_frames, 2, 2, 3])
    result = both_ways(video_ops.repeat_one_frame, frames)
    assert result.shape == frames.shape
    for t in range(num_frames):
        np.testing.assert_array_equal(result[:, t], frames[:, num_frames // 2])
