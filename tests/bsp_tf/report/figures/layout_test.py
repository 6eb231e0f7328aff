"""Equal figures are equal in every byte, whatever the last bits of the solver's numbers are."""

import numpy as np
import pytest
from matplotlib.layout_engine import ConstrainedLayoutEngine

from bsp_tf.report.figures import style
from bsp_tf.report.figures.layout import RepeatableLayout


def draw():
    """Subfigures with shared axes and a title, as the picture of the mistakes has them."""
    with style.styled():
        figure = style.new_figure(10, 7.7)
        top, bottom = figure.subfigures(2, 1, height_ratios=[3.1, 4.6])
        for part, columns in ((top, 2), (bottom, 3)):
            for axes in part.subplots(1, columns, sharey=True):
                axes.set_title("title")
                axes.bar([0, 1], [0.3, 0.7])
        top.legend(["bars"], loc="outside upper left")
    return figure


def nudged(box, rng):
    """The same box with every coordinate one bit up, one bit down, or as it is."""
    points = box.get_points()
    return np.nextafter(points, points + rng.integers(-1, 2, points.shape))


@pytest.fixture
def noisy_solver(monkeypatch):
    """Sums in another order each time: what memory addresses do to the solver, only more often."""
    rng = np.random.default_rng(0)
    solve = ConstrainedLayoutEngine.execute

    def execute(self, figure):
        grids = solve(self, figure)
        for part in figure.subfigs:
            part.bbox_relative.set_points(nudged(part.bbox_relative, rng))
        for axes in figure.get_axes():
            box = axes.get_position(original=True)
            box.set_points(nudged(box, rng))
            axes.set_position(box)
            axes.set_in_layout(True)
        return grids

    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", execute)


def test_last_bits_of_the_solver_do_not_show(noisy_solver):
    pages = {style.to_inline_svg(draw(), "p", "bars") for _ in range(4)}
    assert len(pages) == 1


def test_without_the_grid_they_would_show(noisy_solver, monkeypatch):
    monkeypatch.setattr(RepeatableLayout, "execute", ConstrainedLayoutEngine.execute)
    assert len({style.to_inline_svg(draw(), "p", "bars") for _ in range(4)}) > 1


def test_a_second_layout_gives_the_same():
    figure = draw()
    first = style.to_inline_svg(figure, "p", "bars")
    assert style.to_inline_svg(figure, "p", "bars") == first
