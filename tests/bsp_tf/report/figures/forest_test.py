"""The forest plot shows each difference, and which intervals hold 0."""

import matplotlib.colors
import pytest

from bsp_tf.report.figures import style
from bsp_tf.report.figures.forest import draw_forest

ROWS = [("mAP@0.5", 0.02, 0.01, 0.03), ("average mAP", -0.01, -0.03, 0.01)]


def test_each_row_has_its_line_its_dot_and_its_colour():
    (axes,) = draw_forest(ROWS, "points").axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["mAP@0.5", "average mAP"]
    lines, dots = axes.collections[::2], axes.collections[1::2]
    for place, (line, dot, row) in enumerate(zip(lines, dots, ROWS, strict=True)):
        ends = line.get_segments()[0]
        assert ends.ravel().tolist() == pytest.approx([100 * row[2], place, 100 * row[3], place])
        assert dot.get_offsets()[0].tolist() == pytest.approx([100 * row[1], place])
    colors = [matplotlib.colors.to_hex(line.get_color()[0]) for line in lines]
    assert colors == [style.STREAM_COLORS["two_stream"], style.STREAM_COLORS["action"]]
