"""Tables of the boundary task for networks whose way of answering is known."""

import json

import numpy as np
import pytest

from bsp_tf.evaluation.boundary_accuracy import BoundarySamples, blend_or_class, summarize
from bsp_tf.synthesis.boundary_types import PAPER_TYPES

NUM = 40


def samples(rule, answer):
    """NUM samples of each type; `answer(label, blended)` -> prediction."""
    label = np.repeat(np.arange(4), NUM)
    blended = {"diff_class": label == 0, "both": label <= 1, "none": label < 0}[rule]
    boundary = np.where(label == 3, -1.0, 3.0 + np.arange(4 * NUM) % 3)
    strides = np.stack([np.where(np.arange(4 * NUM) % 2, 1, 4), np.where(label == 2, 2, 4)], axis=1)
    predicted = np.array(
        [answer(*pair) for pair in zip(label.tolist(), blended.tolist(), strict=True)]
    )
    return BoundarySamples(label, predicted, boundary, strides, np.where(blended, 4, 0))


def sees_blends_only(label, blended):
    return label if label > 1 else int(not blended)


def sees_classes(label, blended):
    return label


@pytest.mark.parametrize(
    "answer, rule, by_class, by_blend",
    [
        (sees_blends_only, "diff_class", 1.0, 1.0),
        (sees_blends_only, "both", 0.5, 1.0),
        (sees_blends_only, "none", 0.5, 1.0),
        (sees_classes, "diff_class", 1.0, 1.0),
        (sees_classes, "both", 1.0, 0.5),
        (sees_classes, "none", 1.0, 0.5),
    ],
)
def test_blend_and_class_are_told_apart(answer, rule, by_class, by_blend):
    told = blend_or_class(samples(rule, answer), PAPER_TYPES)
    assert told == {"num_samples": 2 * NUM, "by_class": by_class, "by_blend": by_blend}


def test_pairs_stand_apart_and_every_table_holds_every_sample():
    shown = samples("both", lambda label, blended: min(label, 2))
    result = summarize(shown, PAPER_TYPES)
    assert result["accuracy"] == 0.75
    assert result["pairs"] == {
        "joined": {"accuracy": 1.0, "kept": 1.0},
        "speed": {"accuracy": 0.5, "kept": 1.0},
    }
    totals = {
        key: sum(cell["num_samples"] for cells in result[key].values() for cell in cells)
        for key in ("by_position", "by_speeds", "by_transition_length")
    }
    assert totals == {"by_position": 3 * NUM, "by_speeds": 4 * NUM, "by_transition_length": 2 * NUM}
    assert list(result["by_position"]) == ["3", "4", "5"]
    assert result["by_speeds"]["1->2 (x2)"][2] == {"num_samples": NUM // 2, "accuracy": 1.0}
    assert result["by_speeds"]["1->2 (x2)"][0] == {"num_samples": 0, "accuracy": None}
    assert list(result["by_transition_length"]) == ["4"]
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_nothing_joined_is_no_number():
    told = blend_or_class(samples("none", lambda label, blended: 3), PAPER_TYPES)
    assert told == {"num_samples": 0, "by_class": None, "by_blend": None}


def test_tables_of_other_types_in_another_order():
    types = ("diff_motion", "same_class", "same_speed")
    shown = BoundarySamples(
        label=np.array([0, 1, 2, 0]),
        predicted=np.array([0, 1, 0, 2]),
        boundary=np.array([3.0, 4.0, -1.0, 3.0]),
        strides=np.array([[1, -1], [-1, -1], [0, 0], [0, 1]]),
        transition_length=np.array([0, 4, 0, 0]),
    )
    result = summarize(shown, types)
    assert result["confusion"] == [[1, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert result["pairs"] == {
        "joined": {"accuracy": 1.0, "kept": 1.0},
        "speed": {"accuracy": 1 / 3, "kept": 1.0},
    }
    assert list(result["by_speeds"]) == ["-1->-1", "0->0", "0->1", "1->-1"]
    assert list(result["by_position"]) == ["3", "4"]
    assert blend_or_class(shown, types) == {"num_samples": 1, "by_class": 1.0, "by_blend": 0.0}
