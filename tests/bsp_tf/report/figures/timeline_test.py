"""Every mark of a timeline is drawn."""

import numpy as np
import pytest

from bsp_tf.report.figures import style
from bsp_tf.report.figures.timeline import Timeline, draw_timeline
from bsp_tf.report.figures.timeline_bars import Bar


@pytest.mark.parametrize("complete", [True, False])
def test_drawing(complete):
    rows = {"ground truth": [Bar(1, 4, "a_b")], "action only": []}
    timeline = Timeline(8.0, [], rows)
    if complete:
        seconds = np.arange(8) + 0.5
        timeline = Timeline(
            8.0,
            [np.zeros((6, 8, 3), np.uint8)] * 4,
            rows,
            (seconds, np.linspace(0, 1, 8)),
            [(1, 1, "hard_cut"), (3.8, 4.2, "cross_fade"), (6, 6, "dissolve")],
            [(5, 5.1, "flash")],
        )
    svg = style.to_inline_svg(
        draw_timeline(timeline, style.class_colors(["a_b"])), "one", "a timeline"
    )
    assert "a b" in svg and "ground truth" in svg and "none" in svg and "seconds" in svg
    for mark in ("hard cut", "cross-fade", "no joint: flash", "1 − p(same-speed)"):
        assert (mark in svg) == complete
    assert ("<image" in svg) == complete
