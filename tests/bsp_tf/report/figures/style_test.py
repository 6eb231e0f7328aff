"""The look that all figures share."""

import re

import matplotlib
import pytest

from bsp_tf.report.figures import curves, style
from bsp_tf.synthesis.boundary_types import COLORS


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
