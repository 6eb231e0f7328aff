"""matplotlib's constrained layout, with the same result each time."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

# Positions are fractions of the figure; a power of two leaves what is exact exact.
STEPS = 2.0**30


def on_grid(box: Bbox) -> Bbox:
    """`box` with its corners on a grid of 2^-30, far finer than any pixel.

    >>> on_grid(Bbox([[0.25, 0.5 + 1e-16], [0.75, 1 - 1e-16]]))
    Bbox([[0.25, 0.5], [0.75, 1.0]])
    """
    return Bbox(np.round(box.get_points() * STEPS) / STEPS)


class RepeatableLayout(ConstrainedLayoutEngine):
    """Constrained layout whose positions are put on a grid.

    The solver adds its terms in the order of their memory addresses, so that equal figures differ
    in the last bits. The SVG writer makes the ids of clip paths from all bits, and would show them.
    """

    def execute(self, fig: Figure) -> Any:
        """Lays the figure out and rounds the places of its subfigures and axes."""
        grids = super().execute(fig)
        for part in fig.subfigs:
            box = on_grid(part.bbox_relative)
            part.bbox_relative.set_points(box.get_points())
        for axes in fig.get_axes():
            in_layout = axes.get_in_layout()
            axes.set_position(on_grid(axes.get_position(original=True)))
            axes.set_in_layout(in_layout)
        return grids
