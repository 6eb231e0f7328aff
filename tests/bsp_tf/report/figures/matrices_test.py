"""Confusion matrices and the numbers behind them."""

import numpy as np
import pytest

from bsp_tf.report.figures import matrices, style

TYPES = ["diff_class", "same_class", "diff_speed", "same_speed"]


def test_pairs_stand_apart():
    # Joints solved, speed pair at chance: the plateau that a accuracy of .75 over four types hides.
    confusion = np.array([[10, 0, 0, 0], [0, 10, 0, 0], [0, 0, 5, 5], [0, 0, 5, 5]])
    summary = matrices.pair_summary(confusion, TYPES)
    assert summary == {
        "joined": {"recall": 1.0, "kept": 1.0},
        "speed": {"recall": 0.5, "kept": 1.0},
    }
    order = [3, 1, 0, 2]
    assert (
        matrices.pair_summary(confusion[np.ix_(order, order)], [TYPES[i] for i in order]) == summary
    )


def test_pairs_of_the_types_in_use():
    types = ["diff_motion", "same_class", "same_speed"]
    summary = matrices.pair_summary(np.array([[3, 0, 1], [0, 4, 0], [0, 2, 2]]), types)
    assert summary == {
        "joined": {"recall": 1.0, "kept": 1.0},
        "speed": {"recall": 0.625, "kept": 0.75},
    }
    svg = style.to_inline_svg(matrices.draw_boundary_recall(dict.fromkeys(types, 0.5)), "r", "r")
    assert "joined types" in svg and "speed pair" in svg and "diff-motion" in svg


def test_row_shares_of_an_empty_class():
    np.testing.assert_array_equal(matrices.row_shares([[3, 1], [0, 0]]), [[0.75, 0.25], [0, 0]])


@pytest.mark.parametrize(
    "size, names, numbers", [(4, True, True), (20, True, False), (60, False, False)]
)
def test_confusion_leaves_out_what_would_not_fit(size, names, numbers):
    labels = [f"class_{i}" for i in range(size)]
    svg = style.to_inline_svg(
        matrices.draw_confusion(np.eye(size) * 7, labels, "title"), "c", "confusion"
    )
    assert ("class 3" in svg) == names
    assert (">100<" in svg) == numbers


def test_recall_of_nothing_is_still_drawn():
    recall = {"diff_class": 0.0, "same_class": None, "diff_speed": 1.0, "same_speed": 0.1}
    svg = style.to_inline_svg(matrices.draw_boundary_recall(recall), "r", "recall")
    assert (
        ">0.0<" in svg
        and ">100.0<" in svg
        and "no samples" in svg
        and "joined pair" in svg
        and "speed pair" in svg
    )
