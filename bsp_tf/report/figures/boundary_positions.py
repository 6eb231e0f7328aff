"""Accuracy of the boundary types by the place of the boundary, for each rule of blending."""

from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, PercentFormatter

from bsp_tf.report.figures import style
from bsp_tf.synthesis.boundary_types import COLORS, ids

# Points of the types stand beside each other: they often have the same accuracy.
ASIDE = 0.1
MARKERS = ("o", "s", "^", "D", "v", "P")


def draw_by_position(passes: dict[str, dict[str, list[dict]]], labels: list[str]) -> Figure:
    """A panel for each rule, a curve for each type that has a boundary.

    Args:
        passes: Title -> {position of the boundary in frames: [a cell per type]}, a cell being
            {"num_samples", "accuracy" (fraction, None without samples)}.
        labels: The types in the order of the cells.
    """
    drawn = ids(labels, lambda row: row.has_boundary)
    with style.styled():
        figure = style.new_figure(1.0 + 2.5 * len(passes), 2.9)
        first = None
        for place, (title, table) in enumerate(passes.items()):
            axes = first = figure.add_subplot(1, len(passes), place + 1, sharex=first, sharey=first)
            for rank, kind in enumerate(drawn):
                aside = (rank - (len(drawn) - 1) / 2) * ASIDE
                points = [
                    (float(position) + aside, cells[kind]["accuracy"])
                    for position, cells in table.items()
                    if cells[kind]["num_samples"]
                ]
                if points:
                    axes.plot(
                        *zip(*points, strict=True),
                        color=COLORS[labels[kind]],
                        marker=MARKERS[rank % len(MARKERS)],
                        markersize=5,
                        linewidth=0.8,
                        label=style.readable(labels[kind]),
                    )
            axes.axhline(1 / len(labels), color=style.MUTED, linewidth=1, linestyle=":")
            axes.set_ylim(-0.04, 1.04)
            axes.xaxis.set_major_locator(MultipleLocator(1))
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            axes.set_xlabel("boundary at frame")
            style.keep_horizontal_grid(axes)
            axes.set_title(title)
            if place:
                axes.tick_params(labelleft=False)
            else:
                axes.set_ylabel("accuracy (dotted: chance)")
                handles = axes.get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=len(drawn))
    return figure
