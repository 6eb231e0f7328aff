"""The table of the boundary types: what the paper says, and what the rest relies on."""

import re

import pytest

from bsp_tf.synthesis import boundary_types
from bsp_tf.synthesis.boundary_types import COINS, PAIRS, TABLE, TRANSITIONS, Change, QuadClip
from configs.base import get_config


def test_ids_of_existing_runs():
    """Labels of checkpoints, features and SavedModels: a type never gets another id or name."""
    names = ("diff_class", "same_class", "diff_speed", "same_speed")
    assert boundary_types.BOUNDARY_TYPES[:4] == boundary_types.PAPER_TYPES == names
    assert get_config().boundary.types == names


def test_the_rules_of_the_paper():
    diff_class, same_class, diff_speed, same_speed = TABLE[:4]
    assert diff_class.joins_classes and diff_class.change is None
    assert same_class.is_joined and not same_class.joins_classes and same_class.change is None
    assert not diff_speed.is_joined and diff_speed.change is Change.ANY
    assert not same_speed.is_joined and same_speed.change is None
    assert "diff_class" in diff_class.blended_by and "diff_class" not in same_class.blended_by


@pytest.mark.parametrize("row", TABLE, ids=boundary_types.BOUNDARY_TYPES)
def test_every_row_is_possible(row):
    assert row.pair in PAIRS
    assert set(row.blended_by) <= set(TRANSITIONS)
    assert row.is_joined or not row.blended_by  # one clip cannot blend into itself
    assert re.fullmatch("#[0-9a-f]{6}", row.color)
    assert len(row.caption.splitlines()) <= 2


def test_a_quad_uses_each_of_its_clips_and_coins():
    used = {clip for row in TABLE for clip in row.clips}
    assert {clip.value[0] for clip in used} == {True, False}
    assert {clip.value[1] for clip in QuadClip} | {"class_a", "side"} == set(COINS)


def test_what_follows_from_the_table():
    assert boundary_types.NO_BOUNDARY_TYPE == "same_speed"
    assert len(set(boundary_types.COLORS.values())) == len(TABLE)
    pairs = boundary_types.pair_ids(boundary_types.BOUNDARY_TYPES)
    assert pairs == {"joined": (0, 1), "speed": (2, 3, 4, 5)}
    assert boundary_types.pair_ids(("same_speed", "diff_motion")) == {"speed": (0, 1)}
