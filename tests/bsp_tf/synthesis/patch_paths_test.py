"""Ways of pasted patches: steady, or with a corner at the boundary."""

import numpy as np
import tensorflow as tf

from bsp_tf.synthesis.patch_paths import SWING, draw_swings, patch_paths

COUNT = 200


def paths(changes: bool, boundary: float = 4.0, num_frames: int = 8) -> np.ndarray:
    return patch_paths(
        num_frames, tf.fill([COUNT], boundary), tf.fill([COUNT], changes), seed=(1, 2)
    ).numpy()


def test_the_way_is_that_of_its_motion_up_to_the_boundary_and_another_from_there():
    steady, changed = paths(False), paths(True)
    np.testing.assert_array_equal(steady[:, :4], changed[:, :4])
    assert (np.abs(steady[:, 4:] - changed[:, 4:]).max((1, 2)) > 0.02).mean() > 0.98


def test_a_motion_that_changes_goes_on_from_where_it_is():
    # Frames so near to the boundary that a way without a jump has hardly moved between them.
    swings = draw_swings(COUNT, (3, 4))
    fastest = 2 * np.pi * 0.3 * np.array(SWING)
    step = np.abs(np.diff(swings.poses(tf.tile([[0.0, 0.01]], [COUNT, 1])).numpy(), axis=1))
    assert (step <= 0.01 * fastest + 1e-6).all()
    jump = np.abs(np.diff(paths(True)[:, 3:5], axis=1))
    assert (jump <= fastest + 1e-6).all()


def test_without_a_boundary_nothing_changes():
    np.testing.assert_array_equal(paths(False, boundary=-1.0), paths(False))


def test_every_motion_moves_and_all_four_ways_are_used():
    size = draw_swings(COUNT, (5, 6)).size.numpy()
    assert (size.max(axis=1) > 0).all() and (size <= np.array(SWING) + 1e-6).all()
    assert ((size > 0).mean(axis=0) > 0.5).all() and ((size > 0).mean(axis=0) < 0.75).all()


def test_the_same_in_a_dataset():
    def path(boundary: tf.Tensor) -> tf.Tensor:
        return patch_paths(8, tf.ensure_shape(boundary, [3]), tf.constant([True] * 3), (7, 8))

    boundary = tf.constant([3.0, 4.0, 5.0])
    (found,) = tf.data.Dataset.from_tensors(boundary).map(path)
    np.testing.assert_allclose(found, path(boundary), atol=1e-6)
