"""Peaks of curves that are made by hand."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.prediction.boundary_peaks import pick_peaks


def peaks(curve, threshold=0.5, min_distance=0):
    """[(position, sample, height)]"""
    found = pick_peaks(np.array(curve, np.float64), threshold, min_distance)
    return list(zip(*(values.tolist() for values in found), strict=True))


@pytest.mark.parametrize(
    "curve, expected",
    [
        ([], []),
        ([0.4], []),
        ([0.5], [(0, 0, 0.5)]),
        # Symmetric neighbours: in the middle of the sample.
        ([0, 0.2, 0.8, 0.2, 0], [(2, 2, 0.8)]),
        # The vertex of the parabola through (1, 0), (2, 1), (3, .5): 2 + (0 - .5) / (2 * -1.5).
        ([0, 0, 1, 0.5, 0], [(2 + 1 / 6, 2, 1.0)]),
        # At the ends there is no parabola.
        ([1, 0.6, 0.2, 0.7, 0.9], [(0, 0, 1.0), (4, 4, 0.9)]),
        # Flat tops count once; of an even one the middle lies between samples.
        ([0, 0.7, 0.7, 0.7, 0], [(2, 2, 0.7)]),
        ([0, 0.7, 0.7, 0], [(1.5, 1, 0.7)]),
        ([0.9, 0.9, 0, 0.8, 0.8], [(0.5, 0, 0.9), (3.5, 3, 0.8)]),
        ([1, 1, 1, 1], [(1.5, 1, 1.0)]),
        # A step on the way up is no top.
        ([0, 0.6, 0.6, 0.9, 0], [(2.75, 3, 0.9)]),
        ([0.6, 0.6, 0.9, 0.9], [(2.5, 2, 0.9)]),
    ],
)
def test_by_hand(curve, expected):
    found = peaks(curve)
    assert len(found) == len(expected)
    for got, wanted in zip(found, expected, strict=True):
        assert got == pytest.approx(wanted)


def test_suppression_goes_by_height_and_spares_what_is_just_far_enough():
    # Peaks at 1 (.6), 3 (.9), 5 (.7), 8 (.8).
    curve = [0, 0.6, 0, 0.9, 0, 0.7, 0, 0, 0.8, 0]
    assert [sample for _, sample, _ in peaks(curve)] == [1, 3, 5, 8]
    assert [sample for _, sample, _ in peaks(curve, min_distance=2)] == [1, 3, 5, 8]
    assert [sample for _, sample, _ in peaks(curve, min_distance=2.1)] == [3, 8]
    # What was removed removes nothing: 5 fell to 3, so 8 is compared with 3.
    assert [sample for _, sample, _ in peaks(curve, min_distance=5)] == [3, 8]
    assert [sample for _, sample, _ in peaks(curve, min_distance=6)] == [3]
    assert [sample for _, sample, _ in peaks(curve, threshold=0.75)] == [3, 8]


def test_of_equal_peaks_the_first_stays():
    assert [sample for _, sample, _ in peaks([0, 0.8, 0, 0.8, 0], min_distance=3)] == [1]


def test_a_higher_threshold_is_a_filter_of_the_result():
    curve = np.random.default_rng(0).random(300)
    low = peaks(curve, threshold=0.3, min_distance=4)
    assert [peak for peak in low if peak[2] >= 0.9] == peaks(curve, threshold=0.9, min_distance=4)


def test_kept_peaks_are_apart_and_removed_ones_are_near_a_higher_one():
    curve = np.random.default_rng(1).random(400)
    every, kept = peaks(curve, 0.2), peaks(curve, 0.2, 5)
    positions = [position for position, _, _ in kept]
    assert min(np.diff(positions)) >= 5
    for position, _, height in set(every) - set(kept):
        assert any(abs(position - other) < 5 and height <= top for other, _, top in kept)


@pytest.mark.parametrize("curve", [[0, np.nan], [np.inf], [[0.5]]])
def test_no_curve(curve):
    with pytest.raises(InputError, match="finite"):
        peaks(curve)


def test_a_negative_distance():
    with pytest.raises(InputError, match="-1"):
        peaks([0.5], min_distance=-1)
