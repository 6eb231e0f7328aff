"""Views of a clip against NumPy, for every length from one frame on, eagerly and inside
Dataset.map.
"""

import numpy as np
import pytest
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.clips import multi_view
from bsp_tf.frames import decoding, sampling

LENGTHS = [1, 2, 7, 8, 9, 15, 16, 40, 63, 64, 65, 73, 74, 300, 1001]


def both_ways(function, values):
    """A result for each value: eager and in a parallel map, asserted equal."""
    values = np.asarray(values, np.int32)
    eager = np.stack([function(tf.constant(value)).numpy() for value in values])
    dataset = tf.data.Dataset.from_tensor_slices(values)
    mapped = np.stack(
        list(dataset.map(function, num_parallel_calls=4, deterministic=True).as_numpy_iterator())
    )
    np.testing.assert_array_equal(eager, mapped)
    assert eager.dtype == np.int32
    return eager


def tsm_dense(length):
    """TSM's dense evaluation, 0-based."""
    starts = np.linspace(0, max(1, 1 + length - 64) - 1, num=10, dtype=int)
    return (starts[:, None] + 8 * np.arange(8)) % length


def tsm_twice(length):
    """TSM's evaluation with two uniform clips, 0-based; ours repeats frame 0 in clips of fewer than
    8 frames.
    """
    tick = length / 8
    rows = [[int(tick / 2 + tick * i) for i in range(8)], [int(tick * i) for i in range(8)]]
    return np.array(rows) if length >= 8 else np.zeros([2, 8], int)


def evenly_spaced(length, num_clips):
    last = max(length - 1 - 7 * 2, 0)
    starts = [int(c * last / (num_clips - 1) + 1e-9) for c in range(num_clips)]
    return np.minimum(np.array(starts)[:, None] + 2 * np.arange(8), length - 1)


@pytest.mark.parametrize(
    "function, oracle",
    [
        (lambda n: multi_view.dense_clips(n, 8, 10), tsm_dense),
        (lambda n: multi_view.uniform_clips(n, 8, 2), tsm_twice),
        (lambda n: multi_view.consecutive_clips(n, 8, 2, 10), lambda n: evenly_spaced(n, 10)),
        (lambda n: multi_view.consecutive_clips(n, 8, 2, 3), lambda n: evenly_spaced(n, 3)),
    ],
    ids=["dense", "uniform_twice", "consecutive_10", "consecutive_3"],
)
def test_indices_are_those_of_numpy(function, oracle):
    lengths = [*range(1, 150), 300, 1001]
    rows = both_ways(function, lengths)
    for length, row in zip(lengths, rows, strict=True):
        np.testing.assert_array_equal(row, oracle(length), err_msg=f"{length} frames")


@pytest.mark.parametrize(
    "sampling, one_view",
    [
        ("dense", lambda n: sampling.dense(n, 8, None)),
        ("uniform", lambda n: sampling.uniform_eval(n, 8)),
        ("consecutive", lambda n: sampling.consecutive(n, 8, 2, None)),
    ],
)
def test_one_clip_is_the_view_of_the_evaluation_in_training(sampling, one_view):
    data = ConfigDict({"sampling": sampling, "num_frames": 8, "frame_step": 2})
    rows = both_ways(lambda n: multi_view.view_indices(n, 1, data), LENGTHS)
    np.testing.assert_array_equal(rows[:, 0], both_ways(one_view, LENGTHS))


@pytest.mark.parametrize("num_clips", [2, 3, 10, 16])
def test_uniform_clips_share_the_frames_of_a_part_evenly(num_clips):
    length = 8 * 2 * num_clips
    rows = both_ways(lambda n: multi_view.uniform_clips(n, 8, num_clips), [length])[0]
    assert rows[0].tolist() == sampling.uniform_eval(tf.constant(length), 8).numpy().tolist()
    assert len(np.unique(rows)) == 8 * num_clips
    for part in range(8):
        gaps = np.diff(np.sort(rows[:, part]))
        assert (rows[:, part] // (2 * num_clips) == part).all() and len(set(gaps.tolist())) == 1


@pytest.mark.parametrize(
    "size, expected",
    [
        ((256, 340), [[0, 0], [0, 84], [0, 42]]),
        (
            (256, 455),
            [[0, 0], [0, 196], [0, 98]],
        ),  # 199 free: TSM's quarters of 49, the last 3 columns are never seen
        ((340, 256), [[0, 0], [84, 0], [42, 0]]),
        ((256, 256), [[0, 0]] * 3),
    ],
)
def test_crops_lie_along_the_longer_side(size, expected):
    corners = both_ways(lambda pair: multi_view.crop_corners(pair, 256), [size])[0]
    assert corners.tolist() == expected


def test_one_crop_is_that_of_the_evaluation_in_training_and_three_show_the_whole_frame():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (3, 24, 40, 3), dtype=np.uint8)
    strings = tf.stack([tf.io.encode_jpeg(image) for image in images])
    one = multi_view.decode_crops(strings, 1, 24, 16)
    centre = decoding.decode_centre(strings, tf.zeros_like(strings, tf.bool), 24, 16)
    np.testing.assert_array_equal(one[:, 0], centre)
    three = multi_view.decode_crops(strings, 3, 24, 16).numpy()
    whole = decoding.decode_jpegs(strings).numpy()
    for crop, left in enumerate((0, 16, 8)):
        np.testing.assert_array_equal(three[:, crop], whole[:, :, left : left + 24])
    small = multi_view.decode_crops(strings, 3, 24, 16, full_resolution=False).numpy()
    for crop, left in enumerate((0, 24, 12)):
        np.testing.assert_array_equal(small[:, crop], whole[:, 4:20, left : left + 16])


def test_views_of_a_clip_are_clips_times_crops():
    shades = np.arange(0, 250, 10)
    strings = tf.stack(
        [tf.io.encode_jpeg(np.full((16, 24, 3), shade, np.uint8)) for shade in shades]
    )
    data = ConfigDict(
        {
            "sampling": "consecutive",
            "num_frames": 4,
            "frame_step": 2,
            "short_side": 16,
            "crop_size": 8,
        }
    )
    eager = multi_view.cut_views(strings, 5, 3, data).numpy()
    mapped = next(
        iter(
            tf.data.Dataset.from_tensors(strings).map(lambda s: multi_view.cut_views(s, 5, 3, data))
        )
    )
    np.testing.assert_array_equal(eager, mapped)
    assert eager.shape == (15, 4, 16, 16, 3)
    shown = np.round(eager.mean((2, 3, 4)) / 10).astype(int).reshape(5, 3, 4)
    expected = multi_view.consecutive_clips(len(shades), 4, 2, 5).numpy()
    np.testing.assert_array_equal(shown, np.repeat(expected[:, None], 3, axis=1))
