"""Groups of ground truths."""

import dataclasses

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.characteristics import SCALE_NAMES, measure, split
from bsp_tf.evaluation.ground_truth import make_instances

SEGMENTS = [[0, 30], [0, 30.5], [10, 70], [0, 200]]


@pytest.fixture
def truths():
    """Two of one class and one of another in video v (50 s), one in w of unknown duration."""
    world = make_instances("vvvw", "aaba", SEGMENTS)
    return dataclasses.replace(world, duration={"v": 50.0})


def test_measures(truths):
    values = measure(truths)
    assert values["length"].tolist() == [30, 30.5, 60, 200]
    np.testing.assert_array_equal(values["coverage"], [0.6, 0.61, 1, np.nan])
    assert values["instances"].tolist() == [2, 2, 1, 1]


def test_groups_hold_their_upper_end(truths):
    groups = split(truths, "activitynet")
    assert [group.members.tolist() for group in groups["length"]] == [
        [True, False, False, False],
        [False, True, True, False],
        [False] * 4,
        [False] * 4,
        [False, False, False, True],
    ]
    assert [group.size for group in groups["length"] if group.members.any()] == ["XS", "S", "XL"]
    assert sum(group.members.astype(int) for group in groups["coverage"]).tolist() == [1, 1, 1, 0]
    assert [(group.size, group.highest) for group in groups["instances"]] == [
        ("XS", 1),
        ("S", 4),
        ("M", 8),
        ("L", np.inf),
    ]


def test_quintiles_are_of_about_the_same_size():
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 9, 100)
    groups = split(
        make_instances(
            ["v"] * 100, ["a"] * 100, np.stack([start, start + rng.uniform(1, 9, 100)], 1)
        ),
        "quintiles",
    )
    assert [group.members.sum() for group in groups["length"]] == [20] * 5
    assert [group.members.sum() for group in groups["instances"]] == [100] and groups[
        "coverage"
    ] == []


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_every_ground_truth_is_in_one_group(small_world, scale):
    rows, _ = small_world(3)
    world = make_instances(
        [row[0] for row in rows], [row[1] for row in rows], [row[2:] for row in rows]
    )
    for name, groups in split(world, scale).items():
        # No durations: nothing has a coverage.
        counts = (
            np.sum([group.members for group in groups], axis=0) if groups else np.zeros(len(world))
        )
        assert (counts == (name != "coverage")).all()


def test_unknown_scale(truths):
    with pytest.raises(InputError, match="activitynet, thumos14, quintiles"):
        split(truths, "kinetics")
