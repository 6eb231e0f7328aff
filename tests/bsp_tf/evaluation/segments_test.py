"""Overlap of segments."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bsp_tf.evaluation.segments import overlap, tiou


def test_known_overlaps():
    first = np.array([[0, 10], [0, 10], [0, 10], [0, 10], [2, 4]], float)
    second = np.array([[5, 15], [0, 10], [10, 20], [12, 20], [0, 8]], float)
    np.testing.assert_allclose(tiou(first, second), [1 / 3, 1, 0, 0, 0.25], rtol=1e-15)


def test_broadcasts_to_all_pairs():
    rng = np.random.default_rng(0)
    first, second = np.sort(rng.random((4, 2)), 1), np.sort(rng.random((3, 2)), 1)
    pairs = tiou(first[:, None], second[None])
    assert pairs.shape == (4, 3)
    np.testing.assert_array_equal(pairs, np.array([[tiou(a, b) for b in second] for a in first]))


def test_no_length_no_overlap():
    point, segment = np.array([5.0, 5.0]), np.array([0.0, 10.0])
    assert tiou(point, segment) == 0
    with np.errstate(all="raise"):
        assert tiou(point, point) == 0
        # A reversed segment as long as the other one: the union cancels out.
        assert tiou(np.array([9.0, 3.0]), np.array([3.0, 9.0])) == 0
        assert tiou(np.array([30.0, 3.0]), np.array([3.0, 9.0])) == 0
    assert overlap(point, point) == (0, 0)


# Hours in steps of a microsecond, and what the arithmetic of floats has in store.
TIMES = st.integers(0, 10**10).map(lambda tick: tick / 1e6) | st.floats(-1e9, 1e9)
SEGMENTS = st.tuples(TIMES, TIMES).map(lambda ends: np.array(sorted(ends)))


@given(SEGMENTS, SEGMENTS, st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_any_two_segments(first, second, shift, scale):
    value = tiou(first, second)
    assert 0 <= value <= 1
    assert value == tiou(second, first)
    assert tiou(first, first) == (first[0] < first[1])
    shared = min(first[1], second[1]) > max(first[0], second[0])
    assert (value > 0) == shared or value < 1e-300
    lengths = np.diff(first).item(), np.diff(second).item()
    # The shorter one cannot cover more of the longer one than it is long.
    assert value * max(lengths) <= min(lengths) * (1 + 1e-9)
    longest = np.abs([first, second]).max() + abs(shift)
    if min(lengths) > 1e-6 * longest:
        assert abs(tiou(first * scale + shift, second * scale + shift) - value) < 1e-6 / min(
            1, scale
        )
