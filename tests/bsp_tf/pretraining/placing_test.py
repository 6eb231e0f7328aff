"""Positions read off maps, and their scores."""

import numpy as np
import pytest

from bsp_tf.pretraining.objective import place_targets
from bsp_tf.pretraining.placing import peak_positions, placing_scores


@pytest.mark.parametrize("place", ["heatmap", "frames"])
@pytest.mark.parametrize("boundary", [1.5, 2.0, 3.5, 4.0, 6.5])
def test_the_peak_of_the_target_is_the_boundary(place, boundary):
    target = place_targets(np.float32([boundary]), 8, place, 1.0).numpy()
    assert peak_positions(target)[0] == pytest.approx(boundary, abs=1e-6)
    assert peak_positions(5 * target - 2)[0] == pytest.approx(boundary, abs=1e-5)


def test_maps_that_say_nothing_have_a_position():
    positions = peak_positions(np.array([[1.0] * 4, [4, 3, 2, 1], [1, 2, 3, 4]]))
    np.testing.assert_array_equal(positions, [0.5, 0.5, 3.5])


def test_scores_are_those_of_the_samples_with_a_boundary():
    maps = np.array([[0, 9, 0, 0], [0, 0, 0, 8], [0, 0.5, 0, 0], [7, 0, 0, 0]], float)
    scores = placing_scores(maps, np.array([2.0, 2.0, -1.0, -1.0]))
    # 1.5 for 2, 3.5 for 2; both higher than one of the others, the higher one than both.
    assert scores == {"num_boundaries": 2, "median_error": 1.0, "within_1_frame": 0.5, "auc": 1.0}
    scores = placing_scores(maps, np.array([2.0, -1.0, 1.5, -1.0]))
    assert scores["median_error"] == 0.25 and scores["auc"] == 0.5
    nothing = placing_scores(maps, np.full(4, -1.0))
    assert nothing["median_error"] is nothing["within_1_frame"] is nothing["auc"] is None
