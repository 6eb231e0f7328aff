"""Numbers behind the figures, figures with unusual inputs, and the look they share."""

import re

import matplotlib
import numpy as np
import pytest

from bsp_tf.report.figures import comparisons, curves, matrices, style
from bsp_tf.synthesis.boundary_types import COLORS

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


def test_many_classes_show_those_that_changed_most():
    action = {f"c{i:02d}": 0.5 for i in range(40)}
    two_stream = {label: 0.5 + (0.01 * i if i % 2 else -0.01 * i) for i, label in enumerate(action)}
    drawn = comparisons.classes_to_draw(action, two_stream)
    assert len(drawn) == comparisons.MOST_CLASSES_DRAWN
    assert "c39" in drawn and "c38" in drawn and "c00" not in drawn
    assert drawn[0] == "c39" and drawn[-1] == "c38"


def test_auc_without_a_value():
    table = {"hard_cut": {"boundary": 0.9, "pixel_change": None}}
    figure = comparisons.draw_joint_auc(table, {"boundary": "ours", "pixel_change": "pixels"})
    assert "hard cut" in style.to_inline_svg(figure, "a", "auc")


def test_curves_of_one_epoch_and_of_none():
    one = [{"epoch": 1, "train_loss": 2.0}]
    for metrics in (one, []):
        svg = style.to_inline_svg(
            curves.draw_train_validation(metrics, "loss", "Loss"), "l", "loss"
        )
        assert "Loss" in svg
    assert "chance" in style.to_inline_svg(
        curves.draw_train_validation(one, "accuracy", "A", 0.25), "l", "accuracy"
    )


def test_svg_follows_the_page():
    figure = curves.draw_train_validation([{"epoch": 1, "train_loss": 2.0}], "loss", "Loss")
    svg = style.to_inline_svg(figure, "unique", 'a "quoted" <name>')
    assert svg.startswith('<svg id="unique" role="img" aria-label="a &quot;quoted&quot; &lt;name>"')
    assert (
        "var(--ink)" in svg
        and "var(--type)" in svg
        and style.INK not in svg
        and "DejaVu" not in svg
    )
    assert all(name.startswith("unique") for name in re.findall(r'\sid="([^"]*)"', svg))
    assert "xmlns" not in svg and "<text" in svg


def test_settings_of_the_caller_are_kept():
    before = dict(matplotlib.rcParams)
    curves.draw_train_validation([], "loss", "Loss")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    "background",
    [*COLORS.values(), *style.class_colors(list("abcdefghij")).values()],
)
def test_text_on_colour_is_readable(background):
    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        return sum(
            w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
            for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True)
        )

    low, high = sorted([luminance(background), luminance(style.text_color_on(background))])
    assert (high + 0.05) / (low + 0.05) >= 3


def test_class_colours_do_not_depend_on_order():
    assert style.class_colors(["b", "a", "b"]) == style.class_colors(["a", "b"])
    assert len(style.class_colors([f"{i}" for i in range(25)])) == 25
