"""The ceiling's features: where the joints are, told to the snippets that hold them."""

import numpy as np
import pytest

from benchmarks.experiments.grid import HANDMADE, ROWS
from benchmarks.experiments.true_joints import CHANNELS, true_joints
from benchmarks.experiments.worlds import hard_world
from bsp_tf.base.errors import InputError
from bsp_tf.video.snippets import snippet_batches

# Snippets are 15 frames long and begin at 0, 4, 8, ...
JOINTS = [
    {"kind": "hard_cut", "segment": [1.0, 1.0]},
    {"kind": "motion_passage", "segment": [2.0, 2.8]},
]


def test_a_joint_is_told_to_each_snippet_that_holds_its_middle():
    rows = true_joints(JOINTS, ["motion_passage", "hard_cut"], num_frames=100, fps=10.0, stride=4)
    starts = 4 * np.arange(len(rows))
    for column, middle in enumerate([24, 10]):
        holding = (starts < middle) & (middle < starts + 15)
        np.testing.assert_array_equal(rows[:, column], holding)
    assert not rows[:, 2:].any()


def test_a_column_can_be_of_any_kind():
    rows = true_joints(JOINTS, ["all", "hard_cut", "motion_passage"], 100, 10.0, 4)
    np.testing.assert_array_equal(rows[:, 0], np.maximum(rows[:, 1], rows[:, 2]))
    assert not true_joints([], ["all"], 100, 10.0, 4).any()


def test_a_kind_that_was_not_asked_for_is_not_told():
    rows = true_joints(JOINTS, ["cross_fade"], num_frames=100, fps=10.0, stride=4)
    assert rows.shape[1] == CHANNELS and not rows.any()


@pytest.mark.parametrize("num_frames", [1, 15, 16, 97, 100])
def test_as_many_rows_as_there_are_snippets(num_frames):
    frames = np.zeros((num_frames, 2, 2, 3), np.uint8)
    batches = snippet_batches(iter(frames), 8, 2, 4, 64)
    assert len(true_joints(JOINTS, [], num_frames, 10.0, 4)) == sum(
        len(batch.frames) for batch in batches
    )


def test_every_row_of_the_grid_can_be_planned(tmp_path):
    world = hard_world(tmp_path)
    for row, parts in ROWS.items():
        step = world.scores(row, 0, "testing")
        assert step.stage.output.name == "testing_scores.json"
        training = world.localization(row, 0)
        given = dict(part[2:].split("=", 1) for part in training.stage.arguments)
        assert len(given["config.features_dir"].split(",")) == len(parts)
        assert set(given["config.streams"].split(",")) <= {"action", "boundary"}
        by_hand = any(name in HANDMADE for name, _ in parts)
        assert ("config.feature_layout" in given) == by_hand


def test_columns_can_be_places():
    joints = [
        {"kind": "hard_cut", "place": "action_start", "segment": [1.0, 1.0]},
        {"kind": "hard_cut", "place": "inside_action", "segment": [4.0, 4.0]},
    ]
    rows = true_joints(joints, ["action_start", "action_end"], 100, 10.0, 4, by="place")
    alone = true_joints(joints[:1], ["hard_cut"], 100, 10.0, 4)
    np.testing.assert_array_equal(rows, alone)
    assert rows.any()


def test_what_cannot_be_told_is_refused():
    with pytest.raises(InputError, match="5"):
        true_joints(JOINTS, list("abcde"), 100, 10.0, 4)
    with pytest.raises(InputError, match="place"):
        true_joints(JOINTS, ["action_start"], 100, 10.0, 4, by="place")
