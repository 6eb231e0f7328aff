"""Pictures of the boundary task, also of passes with holes."""

import numpy as np
import pytest

from bsp_tf.report.figures import boundary_positions, matrices, style

TYPES = ["diff_class", "same_class", "diff_speed", "same_speed"]


def cells(*accuracies):
    return [{"num_samples": 0 if value is None else 5, "accuracy": value} for value in accuracies]


@pytest.mark.parametrize(
    "passes",
    [
        {
            "blended": {"3": cells(1.0, 0.5, 0.2, None), "3.5": cells(1.0, None, None, None)},
            "cut": {"3": cells(0.0, 1.0, None, None)},
        },
        {"cut": {"4": cells(0.5, None, None, None)}},
    ],
)
def test_curves_of_types_that_have_samples(passes):
    figure = boundary_positions.draw_by_position(passes, TYPES)
    svg = style.to_inline_svg(figure, "p", "accuracy by position")
    assert all(title in svg for title in passes) and "diff-class" in svg and "same-speed" not in svg
    assert ("same-class" in svg) == ("blended" in passes)


def test_confusions_stand_side_by_side():
    svg = style.to_inline_svg(
        matrices.draw_confusions({"one": np.eye(4), "two": np.zeros([4, 4])}, TYPES), "c", "c"
    )
    assert (
        ">one<" in svg
        and ">two<" in svg
        and svg.count(">100<") == 4
        and svg.count("same-speed") == 3
    )
