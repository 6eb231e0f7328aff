"""Samples of the boundary types, a row each: frames, which clip they show, the boundary."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from bsp_tf.report.figures.style import INK, MUTED, class_colors, new_figure, readable, styled
from bsp_tf.synthesis.boundary_types import BoundaryType

# All lengths in frame widths.
GAP = 0.07
LEFT = 1.75
STRIP = 0.055
ROW_SPACE = 0.62
BLOCK_SPACE = 0.3
INCHES_A_FRAME = 0.95

Samples = dict[str, np.ndarray]


def draw_samples(samples: Samples, types: Sequence[BoundaryType], labels: Sequence[str]) -> Figure:
    """The picture of a boundary batch, a block of rows per type.

    Args:
        samples: a NumPy boundary batch of `pipelines.dataset_for`.
        types: the types in use, by id.
        labels: class names by class index.
    """
    order = [np.flatnonzero(samples["label"] == number) for number in range(len(types))]
    _, num_frames, height, width, _ = samples["frames"].shape
    tile = height / width
    row = tile + ROW_SPACE
    total_height = len(samples["label"]) * row + (len(order) - 1) * BLOCK_SPACE
    total_width = LEFT + num_frames * (1 + GAP)
    colors = class_colors(list(labels))
    figure = new_figure(total_width * INCHES_A_FRAME, (total_height + 0.3) * INCHES_A_FRAME)
    with styled():
        axes = figure.add_subplot()
        axes.set(xlim=(-LEFT, total_width - LEFT), ylim=(total_height - 0.1, -0.4), aspect="equal")
        axes.axis("off")
        top = 0.0
        for kind, members in zip(types, order, strict=True):
            if len(members):
                _draw_title(axes, kind, top, top + len(members) * row - ROW_SPACE)
            for member in members:
                sample = {key: value[member] for key, value in samples.items()}
                _draw_row(axes, sample, kind, labels, colors, top, tile)
                top += row
            top += BLOCK_SPACE
    return figure


def _draw_title(axes: Axes, kind: BoundaryType, top: float, bottom: float) -> None:
    axes.plot(
        [-0.2, -0.2],
        [top, bottom],
        color=kind.color,
        linewidth=3.5,
        solid_capstyle="butt",
    )
    middle = (top + bottom) / 2
    axes.text(
        -0.34,
        middle - 0.04,
        readable(kind.name),
        ha="right",
        va="bottom",
        color=INK,
        fontsize=11,
        weight="bold",
    )
    axes.text(-0.34, middle + 0.04, kind.caption, ha="right", va="top", color=MUTED, fontsize=8)


def _draw_row(
    axes: Axes,
    sample: Samples,
    kind: BoundaryType,
    labels: Sequence[str],
    colors: dict[str, str],
    top: float,
    tile: float,
) -> None:
    """Frames, the strip that says which clip each shows, and the boundary."""
    for place, frame in enumerate(sample["frames"]):
        left = place * (1 + GAP)
        axes.imshow(
            frame, extent=(left, left + 1, top + tile, top), interpolation="bilinear", zorder=2
        )
    num_frames = len(sample["frames"])
    end = num_frames * (1 + GAP) - GAP
    strip = top + tile + GAP
    before, after = (labels[index] for index in sample["source_classes"])
    if not kind.has_boundary:
        _draw_strip(axes, 0, end, strip, [colors[before]] * 2)
        _write(axes, end / 2, strip, before, sample["strides"][0])
        return
    joint, half = float(sample["boundary"]), float(sample["transition_length"]) / 2
    start, stop = max(_x_of(joint - half), 0), min(_x_of(joint + half), end)
    _draw_strip(axes, 0, start, strip, [colors[before]] * 2)
    _draw_strip(axes, start, stop, strip, [colors[before], colors[after]])
    _draw_strip(axes, stop, end, strip, [colors[after]] * 2)
    _write(axes, _x_of(joint) / 2, strip, before, sample["strides"][0])
    _write(axes, (_x_of(joint) + end) / 2, strip, after, sample["strides"][1])
    _draw_boundary(axes, joint, top, strip, kind.color)


def _x_of(position: float) -> float:
    """Where a position in frames lies: whole ones amid a gap, halves amid a frame."""
    return position * (1 + GAP) - GAP / 2


def _draw_strip(axes: Axes, left: float, right: float, top: float, colors: list[str]) -> None:
    if right > left:
        gradient = LinearSegmentedColormap.from_list("strip", colors)(np.linspace(0, 1, 256))[
            np.newaxis
        ]
        axes.imshow(gradient, extent=(left, right, top + STRIP, top), aspect="auto", zorder=1)


def _draw_boundary(axes: Axes, position: float, top: float, strip: float, color: str) -> None:
    bottom = strip + STRIP
    x = _x_of(position)
    # In the middle of a frame the line would hide it, so it stays outside.
    parts = (
        [(top - 0.06, bottom + 0.06)]
        if position.is_integer()
        else [(top - 0.06, top), (strip, bottom + 0.06)]
    )
    for upper, lower in parts:
        axes.plot(
            [x, x],
            [upper + 0.04, lower],
            color="white",
            linewidth=5,
            zorder=3,
            solid_capstyle="butt",
        )
        axes.plot(
            [x, x], [upper, lower], color=color, linewidth=2.2, zorder=4, solid_capstyle="butt"
        )
    axes.plot(
        [x],
        [top - 0.09],
        marker="v",
        color=color,
        markersize=7,
        markeredgewidth=0,
        zorder=5,
        clip_on=False,
    )


def _write(axes: Axes, x: float, strip: float, label: str, stride: int) -> None:
    step = abs(int(stride))
    suffix = {2: "nd", 3: "rd"}.get(step, "th")
    pace = {0: "one frame held", 1: "every frame"}.get(step, f"every {step}{suffix} frame")
    pace += ", backwards" if stride < 0 else ""
    axes.text(
        x,
        strip + STRIP + 0.06,
        f"{readable(label)} · {pace}",
        ha="center",
        va="top",
        fontsize=8,
        color=INK,
    )
