"""Pixels: crop boxes, resizing and normalising against NumPy, eagerly and inside Dataset.map."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.frames import preprocessing

SEED = (1, 2)


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
            crop_height, crop_width = (
                max(1, min(crop_height, height)),
                max(1, min(crop_width, width)),
            )
            down, right = (height - crop_height) // 4, (width - crop_width) // 4
            for m, n in [
                (0, 0),
                (0, 4),
                (4, 0),
                (4, 4),
                (2, 2),
                (0, 2),
                (4, 2),
                (2, 4),
                (2, 0),
                (1, 1),
                (1, 3),
                (3, 1),
                (3, 3),
            ]:
                boxes.add((m * down, n * right, crop_height, crop_width))
    return boxes


@pytest.mark.parametrize(
    "height,width,target", [(72, 96, 64), (256, 340, 224), (62, 97, 64), (1, 5, 64), (63, 63, 64)]
)
def test_crop_boxes_are_exactly_those_of_tsm(both_ways, height, width, target):
    pairs, positions = np.divmod(np.arange(130), 13)
    sizes = tf.tile([[height, width]], [130, 1])
    boxes = both_ways(
        lambda s, p, q: preprocessing.crop_boxes(s, target, p, q),
        sizes,
        tf.constant(pairs, tf.int32),
        tf.constant(positions, tf.int32),
    )
    assert {tuple(box) for box in boxes.tolist()} == reference_boxes(height, width, target)
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] >= 1).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= (height, width)).all()


def test_drawn_boxes_cover_all_and_follow_the_seed(both_ways):
    sizes = tf.tile([[[72, 96], [96, 72]]], [3000, 1, 1])
    boxes = both_ways(lambda s: preprocessing.multi_scale_crop_boxes(s, 64, SEED), sizes)
    assert {tuple(box) for box in boxes[:, 0].tolist()} == reference_boxes(72, 96, 64)
    assert {tuple(box) for box in boxes[:, 1].tolist()} == reference_boxes(96, 72, 64)
    # The two sources of a clip share the draw.
    np.testing.assert_array_equal(boxes[:, 0, 2:], boxes[:, 1, 2:])
    other = preprocessing.multi_scale_crop_boxes(sizes, 64, (1, 3)).numpy()
    assert (boxes != other).any()


def test_clips_of_one_look_share_the_draw(both_ways):
    sizes = tf.tile([[[72, 96]]], [40, 1, 1])
    own = preprocessing.multi_scale_crop_boxes(sizes, 64, SEED).numpy()
    looks = [k - k % 2 for k in range(40)]
    np.testing.assert_array_equal(
        both_ways(lambda s: preprocessing.multi_scale_crop_boxes(s, 64, SEED, looks), sizes),
        own[looks],
    )


@pytest.mark.parametrize(
    "size,expected",
    [
        ((72, 96), (64, 85)),
        ((96, 72), (85, 64)),
        ((64, 64), (64, 64)),
        ((30, 31), (64, 66)),
        ((1, 3), (64, 192)),
    ],
)
def test_resize_short_side_rounds_the_long_side_down(both_ways, size, expected):
    frames = tf.zeros([2, *size, 3], tf.uint8)
    assert both_ways(lambda f: preprocessing.resize_short_side(f, 64), frames).shape == (
        2,
        *expected,
        3,
    )


def test_centre_crop_splits_odd_rests_like_torchvision(both_ways):
    frames = tf.reshape(tf.range(1 * 9 * 11 * 3), [1, 9, 11, 3])
    for size in (9, 8, 6, 4):
        top, left = round((9 - size) / 2), round((11 - size) / 2)
        result = both_ways(lambda f, size=size: preprocessing.centre_crop(f, size), frames)
        np.testing.assert_array_equal(result, frames[:, top : top + size, left : left + size])


def test_short_side_below_crop_size_is_refused():
    with pytest.raises(InputError, match="data.short_side=30 "):
        preprocessing.preprocess_eval(tf.zeros([1, 1, 50, 50, 3], tf.uint8), 30, 32)


def test_normalize_is_the_imagenet_rule(both_ways):
    frames = tf.constant(np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, 3)), tf.uint8)
    result = both_ways(preprocessing.normalize, frames)
    expected = (frames.numpy() / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=2e-6)
    np.testing.assert_array_equal(result, preprocessing.normalize(tf.cast(frames, tf.float32)))


@pytest.mark.parametrize("num_frames", [1, 2, 7, 8])
def test_repeat_one_frame(both_ways, num_frames):
    frames = tf.reshape(tf.range(2 * num_frames * 12), [2, num_frames, 2, 2, 3])
    result = both_ways(preprocessing.repeat_one_frame, frames)
    assert result.shape == frames.shape
    for t in range(num_frames):
        np.testing.assert_array_equal(result[:, t], frames[:, num_frames // 2])
