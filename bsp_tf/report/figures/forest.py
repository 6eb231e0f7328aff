"""Forest plot: differences with their intervals, one below the other, against the line of 0."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from bsp_tf.report.figures import style


def draw_forest(rows: Sequence[tuple[str, float, float, float]], label: str) -> Figure:
    """A dot and a line for each difference; those whose interval holds 0 are grey and hollow.

    Args:
        rows: Name, difference, and both ends of its interval, fractions; the first is at the top.
        label: What the horizontal axis shows; its numbers are percentage points.
    """
    with style.styled():
        figure = style.new_figure(5.0, 0.7 + 0.22 * len(rows))
        axes = figure.add_subplot()
        values = 100 * np.array([row[1:] for row in rows], float)
        for place, (value, low, high) in enumerate(values):
            holds_zero = low <= 0 <= high
            color = style.STREAM_COLORS["action" if holds_zero else "two_stream"]
            axes.hlines(place, low, high, color=color, linewidth=2.2)
            axes.scatter(
                value,
                place,
                s=30,
                color="white" if holds_zero else color,
                edgecolors=color,
                linewidths=1.5,
                zorder=3,
            )
        axes.axvline(0, color=style.MUTED, linewidth=1, linestyle=":")
        axes.set_yticks(range(len(rows)), [row[0] for row in rows], color=style.INK)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(label)
    return figure
