"""Boundaries of hand-made probabilities: times, types, scores."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.prediction.boundary_list import (
    Timing,
    boundary_curve,
    check_types,
    describe_curve,
    find_boundaries,
)

TYPES = ("diff_class", "same_speed", "diff_speed")
TIMING = Timing(window=8, frame_step=1, stride=4, fps=20.0)


def rows(*values):
    """Probabilities of TYPES from (diff_class, diff_speed)."""
    return np.array([[a, 1 - a - b, b] for a, b in values])


def test_curve_and_what_is_drawn():
    probabilities = rows((0.1, 0.2), (0.5, 0.25))
    assert boundary_curve(probabilities, TYPES).tolist() == pytest.approx([0.3, 0.75])
    assert describe_curve(probabilities, TYPES, TIMING) == {
        "times": [0.2, 0.4],
        "probabilities": {
            "diff_class": [0.1, 0.5],
            "same_speed": [0.7, 0.25],
            "diff_speed": [0.2, 0.25],
        },
    }


def test_time_type_and_score():
    # The type is the best of those with a boundary, though same_speed is more probable than each.
    probabilities = rows((0.1, 0.1), (0.2, 0.35), (0.1, 0.1), (0.9, 0), (0, 0))
    found = find_boundaries(probabilities, TYPES, TIMING, 0.5, 0, 10)
    assert found == [
        {"time": pytest.approx((1 * 4 + 4) / 20), "type": "diff_speed", "score": 0.55},
        # The parabola through .2, .9, 0: to the left by .2 / 3.2 of a snippet.
        {"time": pytest.approx((3 - 1 / 16) * 0.2 + 0.2), "type": "diff_class", "score": 0.9},
    ]
    assert len(find_boundaries(probabilities, TYPES, TIMING, 0.5, 0.4, 10)) == 1


def test_the_place_inside_a_snippet():
    probabilities = rows((0, 0), (0, 0.8), (0, 0))
    place = np.zeros((3, 8))
    place[1, 2:4] = 1
    (found,) = find_boundaries(probabilities, TYPES, TIMING, 0.5, 0, 10, place)
    # Between frames 2 and 3 of the snippet that begins at frame 4: at frame 7.
    assert found["time"] == pytest.approx(7 / 20)
    wide = Timing(window=8, frame_step=3, stride=4, fps=20.0)
    (found,) = find_boundaries(probabilities, TYPES, wide, 0.5, 0, 10, place)
    # Between the frames 4 + 6 and 4 + 9 of the video, whose middles are 10.5 and 13.5.
    assert found["time"] == pytest.approx(12 / 20)


def test_no_boundary_lies_after_the_end():
    (found,) = find_boundaries(rows((0.9, 0)), TYPES, TIMING, 0.5, 0, 0.1)
    assert found["time"] == 0.1


def test_no_snippets():
    assert find_boundaries(np.zeros((0, 3)), TYPES, TIMING, 0.5, 1, 1) == []


@pytest.mark.parametrize("types", [("diff_class", "same_class"), ("same_speed",)])
def test_a_model_that_cannot_tell_is_named(types):
    with pytest.raises(InputError, match="some_model.*same_speed"):
        check_types(types, "some_model")
