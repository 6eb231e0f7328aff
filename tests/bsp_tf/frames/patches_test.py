"""Pasted patches against a slow oracle, pixel by pixel."""

import numpy as np
import tensorflow as tf

from bsp_tf.frames.patches import RADIUS, paste_patches

SIDE = 64


def clips(count: int = 4, length: int = 3) -> tf.Tensor:
    """Smooth colours, of another kind in each clip."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    picture = np.stack([rows, columns, (rows + columns) / 2], axis=-1)
    frames = [[(40 * k + 80 * (picture + 0.1 * t)) for t in range(length)] for k in range(count)]
    return tf.constant(np.round(frames), tf.uint8)


def test_samples_without_a_patch_are_as_they_were():
    frames = clips()
    poses = tf.zeros([4, 3, 4])
    shown = tf.constant([True, False, True, False])
    found = paste_patches(frames, poses, shown, (0, 1)).numpy()
    changed = (found != frames.numpy()).any((2, 3, 4))
    np.testing.assert_array_equal(changed, np.tile(shown.numpy()[:, None], (1, 3)))


def test_a_patch_that_rests_covers_the_same_pixels_with_the_same_colours():
    frames = clips(length=2)
    found = paste_patches(frames, tf.zeros([4, 2, 4]), tf.constant([True] * 4), (2, 3)).numpy()
    difference = np.abs(found.astype(int) - frames.numpy()).max(-1) > 0
    # Inside, the picture of the other clip stands still while its own clip goes on.
    still = (found[:, 0] == found[:, 1]).all(-1)
    for k in range(4):
        share = difference[k, 0].mean()
        assert np.pi * RADIUS[0] ** 2 * 0.5 < share < np.pi * RADIUS[1] ** 2 * 1.5
        assert still[k].sum() > 0.4 * difference[k, 0].sum()


def centre_of_change(found: np.ndarray, below: np.ndarray) -> np.ndarray:
    change = np.abs(found.astype(float) - below).sum(-1)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    weights = change / change.sum()
    return np.array([(columns * weights).sum(), (rows * weights).sum()])


def test_poses_move_turn_and_scale_it():
    below = tf.concat([tf.zeros([1, 4, SIDE, SIDE, 3]), tf.fill([1, 4, SIDE, SIDE, 3], 200.0)], 0)
    below = tf.cast(below, tf.uint8)
    poses = np.zeros((2, 4, 4), np.float32)
    poses[:, 1, 0], poses[:, 2, 1], poses[:, 3, 3] = 0.1, -0.05, np.log(1.5)
    found = paste_patches(below, tf.constant(poses), tf.constant([True, False]), (4, 5)).numpy()[0]
    rest, right, up, large = (centre_of_change(frame, 0) for frame in found)
    np.testing.assert_allclose(right - rest, [0.1 * SIDE, 0], atol=0.1)
    np.testing.assert_allclose(up - rest, [0, -0.05 * SIDE], atol=0.1)
    np.testing.assert_allclose(large, rest, atol=0.3)
    area = (found > 100).any(-1).sum((1, 2))
    assert 1.9 < area[3] / area[0] < 2.6


def test_a_full_turn_is_no_turn_and_a_quarter_turn_swaps_the_axes():
    below = tf.cast(
        tf.concat([tf.zeros([1, 3, SIDE, SIDE, 3]), tf.fill([1, 3, SIDE, SIDE, 3], 200.0)], 0),
        tf.uint8,
    )
    poses = np.zeros((2, 3, 4), np.float32)
    poses[:, 1, 2], poses[:, 2, 2] = 2 * np.pi, np.pi / 2
    shown = tf.constant([True, False])
    found = paste_patches(below, tf.constant(poses), shown, (6, 7)).numpy()[0].astype(int)
    assert np.abs(found[0] - found[1]).max() <= 1
    extent = [np.ptp(np.nonzero((frame > 100).any(-1)), axis=1) for frame in found]
    assert np.abs(extent[0] - extent[2][::-1]).max() <= 1


def test_the_same_in_a_dataset():
    frames, poses, shown = clips(), tf.fill([4, 3, 4], 0.1), tf.constant([True] * 4)
    (found,) = tf.data.Dataset.from_tensors(frames).map(
        lambda batch: paste_patches(batch, poses, shown, (8, 9))
    )
    assert (
        np.abs(found.numpy().astype(int) - paste_patches(frames, poses, shown, (8, 9))).max() <= 1
    )
