"""Which clip of a quad goes where, and which types share frames."""

import dataclasses
import itertools

import pytest
import tensorflow as tf

from bsp_tf.synthesis import deals
from bsp_tf.synthesis.boundary_types import BOUNDARY_TYPES
from bsp_tf.synthesis.settings import Settings
from configs.base import get_config

DIFF_CLASS, SAME_CLASS, DIFF_SPEED, SAME_SPEED = range(4)
SETTINGS = Settings.from_config(get_config())


def test_roles_use_every_clip_and_give_each_type_its_classes():
    dealt = set()
    for seed in range(200):
        roles = deals.deal_roles((seed, 0), SETTINGS).numpy()
        classes = roles // 2
        assert set(roles.ravel().tolist()) == {0, 1, 2, 3}
        assert classes[DIFF_CLASS, 0] != classes[DIFF_CLASS, 1]
        assert (
            classes[SAME_CLASS, 0] == classes[SAME_CLASS, 1]
            and roles[SAME_CLASS, 0] != roles[SAME_CLASS, 1]
        )
        assert (
            roles[DIFF_CLASS] == roles[SAME_CLASS]
        ).sum() == 1  # the twins' common clip, on the same side
        assert (
            roles[DIFF_SPEED, 0]
            == roles[DIFF_SPEED, 1]
            != roles[SAME_SPEED, 0]
            == roles[SAME_SPEED, 1]
        )
        dealt.add(tuple(roles.ravel()))
    assert len(dealt) == 32


def test_the_table_of_deals_is_the_one_that_seeds_have_always_chosen_from():
    """Written out from the rule; another order would give every seed other samples."""
    expected = []
    for a, common, guest, side, speed in itertools.product((0, 1), repeat=5):
        b = 1 - a
        joined = [[2 * a + common, 2 * b + guest], [2 * a + common, 2 * a + 1 - common]]
        joined = [pair[::-1] if side else pair for pair in joined]
        expected.append([*joined, [2 * b + speed] * 2, [2 * b + 1 - speed] * 2])
    for seed in range(100):
        place = tf.random.stateless_uniform([], (seed, 0), 0, 32, tf.int32).numpy()
        assert deals.deal_roles((seed, 0), SETTINGS).numpy().tolist() == expected[place]


def test_a_type_has_its_clips_whichever_others_are_in_use():
    """The deal of a seed is cut down and put in order; a fifth type has one clip of class A."""
    types = ("diff_motion", "same_speed", "diff_class")
    few = dataclasses.replace(SETTINGS, types=types)
    for seed in range(50):
        roles = deals.deal_roles((seed, 0), few).numpy()
        whole = deals.deal_roles((seed, 0), SETTINGS).numpy()
        assert roles[1:].tolist() == whole[[SAME_SPEED, DIFF_CLASS]].tolist()
        common = set(whole[DIFF_CLASS]) & set(whole[SAME_CLASS])
        assert set(roles[0]) == set(whole[SAME_CLASS]) - common


@pytest.mark.parametrize(
    "changes, first",
    [
        ({}, (0, 0, 2, 3)),
        ({"twins": False}, (0, 1, 2, 3)),
        ({"types": BOUNDARY_TYPES}, (0, 0, 2, 3, 4, 5)),
        ({"types": ("same_speed", "same_class", "diff_speed", "diff_class")}, (0, 1, 2, 1)),
        ({"types": ("same_class", "same_speed")}, (0, 1)),
    ],
)
def test_joined_types_are_twins(changes, first):
    assert deals.first_twins(dataclasses.replace(SETTINGS, **changes)) == first
