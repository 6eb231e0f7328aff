"""Positions read off maps over frames."""

import numpy as np
import pytest

from bsp_tf.pretraining.objective import place_targets
from bsp_tf.synthesis.place_peaks import peak_positions


@pytest.mark.parametrize("place", ["heatmap", "frames"])
@pytest.mark.parametrize("boundary", [1.5, 2.0, 3.5, 4.0, 6.5])
def test_the_peak_of_the_target_is_the_boundary(place, boundary):
    target = place_targets(np.float32([boundary]), 8, place, 1.0).numpy()
    assert peak_positions(target)[0] == pytest.approx(boundary, abs=1e-6)
    assert peak_positions(5 * target - 2)[0] == pytest.approx(boundary, abs=1e-5)


def test_maps_that_say_nothing_have_a_position():
    positions = peak_positions(np.array([[1.0] * 4, [4, 3, 2, 1], [1, 2, 3, 4]]))
    np.testing.assert_array_equal(positions, [0.5, 0.5, 3.5])


def test_no_map_has_no_position():
    assert peak_positions(np.zeros((0, 8))).shape == (0,)
