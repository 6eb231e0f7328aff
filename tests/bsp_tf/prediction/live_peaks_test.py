"""Peaks while the curve comes, against those of the whole curve."""

import numpy as np
import pytest

from bsp_tf.prediction.boundary_peaks import pick_peaks
from bsp_tf.prediction.live_peaks import LivePeaks


def _live(curve, threshold, min_distance):
    """[(position, sample, height)], and at which sample each was told."""
    live, found, told = LivePeaks(threshold, min_distance), [], []
    for sample, height in enumerate(curve):
        for peak in live.add(float(height), ("item", sample)):
            found.append(peak)
            told.append(sample)
    for peak in live.finish():
        found.append(peak)
        told.append(len(curve))
    assert all(peak.item == ("item", peak.sample) for peak in found)
    return [peak[:3] for peak in found], told


@pytest.mark.parametrize("min_distance", [0, 1, 2.5, 6])
def test_equal_to_the_whole_curve(min_distance):
    rng = np.random.default_rng(0)
    for number in range(200):
        # Rounded, so that equal heights and flat tops are frequent.
        curve = rng.random(rng.integers(0, 60)).round(number % 3 + 1)
        expected = pick_peaks(curve, 0.4, min_distance)
        found, _ = _live(curve, 0.4, min_distance)
        np.testing.assert_allclose(
            np.reshape(found, [-1, 3]), np.stack(expected, axis=1), rtol=1e-12
        )


def test_a_peak_is_told_when_it_is_certain():
    curve = [0, 0.9, 0, 0, 0, 0, 0.6, 0, 0.7, 0, 0.8, 0, 0, 0, 0, 0, 0]
    found, told = _live(curve, 0.5, 3)
    assert [sample for _, sample, _ in found] == [1, 6, 10]
    # The second waits for the third, which waits for the fourth, which removes it.
    assert told == [4, 13, 13]


def test_long_silence_needs_no_memory():
    live = LivePeaks(0.5, 2)
    for _ in range(1000):
        assert not list(live.add(0.25, object()))
    assert not live._items and not live._waiting
