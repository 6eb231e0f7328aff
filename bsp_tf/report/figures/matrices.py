"""Confusion matrices, and recall of the boundary types."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from bsp_tf.report.figures import style
from bsp_tf.synthesis.boundary_types import COLORS, pair_ids, pair_title

_MOST_CLASSES_WITH_NUMBERS = 16
_MOST_CLASSES_WITH_NAMES = 40


def row_shares(confusion: np.ndarray) -> np.ndarray:
    """Counts [K, K] (rows = truth) -> float64 [K, K], each row divided by its sum (or 1 if 0)."""
    counts = np.asarray(confusion, np.float64)
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)


def pair_summary(confusion: np.ndarray, labels: list[str]) -> dict[str, dict[str, float]]:
    """How each pair of boundary types does: the joined pair and the speed pair.

    An accuracy of .75 over the four types often means that the joined pair is solved and the speed
    pair is still at chance, so the pairs are never averaged here.

    Args:
        confusion: Counts [K, K], rows = truth, in the order of `labels`.
        labels: The boundary types in use, in any order.

    Returns:
        "joined" and "speed" -> {"recall": mean recall of its types, "kept": share of its
        samples that were predicted as one of them}, fractions.
    """
    shares = row_shares(confusion)
    summary = {}
    for pair, members in pair_ids(labels).items():
        rows = list(members)
        summary[pair] = {
            "recall": float(np.mean([shares[i, i] for i in rows])),
            "kept": float(np.mean([shares[i, rows].sum() for i in rows])),
        }
    return summary


def draw_confusion(confusion: np.ndarray, labels: list[str], title: str) -> Figure:
    """Confusion matrix with the share of each truth (percent) in the cells.

    Args:
        confusion: Counts [K, K], rows = truth. Numbers are left out above 16 classes, names above
            40.
        labels: K names.
        title: Title of the picture.
    """
    shares = row_shares(confusion)
    size = len(labels)
    names = [style.readable(label) for label in labels]
    cell = 0.62 if size <= 6 else max(0.42 * min(1, 14 / size), 4.2 / size)
    with style.styled():
        margin = 1.25 if size <= _MOST_CLASSES_WITH_NAMES else 0.5
        figure = style.new_figure(
            max(cell * size + margin, 4.2), max(cell * size + margin * 0.9, 3.0)
        )
        axes = figure.add_subplot(aspect="equal")
        axes.grid(False)
        # Transparency instead of a colour map: an empty cell has the colour of the page, light or
        # dark.
        if size <= _MOST_CLASSES_WITH_NUMBERS:
            _draw_cells(axes, shares)
        else:
            cells = np.empty((size, size, 4))
            cells[..., :3] = to_rgb(style.HEAT)
            cells[..., 3] = 0.06 + 0.94 * shares
            axes.imshow(cells, extent=(0, size, size, 0), interpolation="nearest")
        axes.set_xlim(0, size)
        axes.set_ylim(size, 0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        if size <= _MOST_CLASSES_WITH_NAMES:
            ticks = np.arange(size) + 0.5
            slant = size > 4
            axes.set_xticks(
                ticks,
                names,
                rotation=40 if slant else 0,
                ha="right" if slant else "center",
                rotation_mode="anchor" if slant else None,
            )
            axes.set_yticks(ticks, names)
            if size <= 6:
                axes.tick_params(labelsize=7.5)
        else:
            axes.set_xticks([])
            axes.set_yticks([])
        axes.set_xlabel("predicted")
        axes.set_ylabel("truth")
        axes.set_title(title)
    return figure


def draw_confusions(confusions: dict[str, np.ndarray], labels: list[str]) -> Figure:
    """Small confusion matrices of the same few classes side by side.

    Args:
        confusions: Title -> counts [K, K], rows = truth; K at most 6.
        labels: K names.
    """
    names = [style.readable(label) for label in labels]
    size = len(labels)
    with style.styled():
        figure = style.new_figure(1.0 + len(confusions) * 0.72 * size, 0.72 * size + 0.9)
        for place, (title, confusion) in enumerate(confusions.items()):
            axes = figure.add_subplot(1, len(confusions), place + 1, aspect="equal")
            axes.grid(False)
            _draw_cells(axes, row_shares(confusion))
            axes.set_xlim(0, size)
            axes.set_ylim(size, 0)
            for spine in axes.spines.values():
                spine.set_visible(False)
            axes.set_xticks(
                np.arange(size) + 0.5, names, rotation=30, ha="right", rotation_mode="anchor"
            )
            axes.set_yticks(np.arange(size) + 0.5, names if place == 0 else [])
            axes.set_xlabel("predicted")
            if place == 0:
                axes.set_ylabel("truth")
            axes.set_title(title)
    return figure


def _draw_cells(axes: Axes, shares: np.ndarray) -> None:
    size = len(shares)
    for (row, column), share in np.ndenumerate(shares):
        axes.add_patch(
            Rectangle(
                (column + 0.02, row + 0.02),
                0.96,
                0.96,
                linewidth=0,
                facecolor=style.HEAT,
                alpha=0.06 + 0.94 * share,
            )
        )
        if round(100 * share) > 0:
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{100 * share:.0f}",
                ha="center",
                va="center",
                fontsize=10 if size <= 6 else 7.5,
                color="#ffffff" if share > 0.45 else style.INK,
            )


def draw_boundary_recall(recall: dict[str, float | None]) -> Figure:
    """Recall of the boundary types as bars, the joined pair above, the speed pair below.

    Args:
        recall: Boundary type -> fraction 0..1, or None for a type without samples.
    """
    types, chance = list(recall), 1 / len(recall)
    with style.styled():
        figure = style.new_figure(4.5, 0.6 + 0.6 * len(recall))
        axes = figure.add_subplot()
        places: dict[str, float] = {}
        titles: dict[str, float] = {}
        for pair, members in pair_ids(types).items():
            space = 0.8 * len(titles)
            titles[pair] = len(places) + space - 0.7
            for i in members:
                places[types[i]] = len(places) + space
        for name, place in places.items():
            value, color = recall[name], COLORS[name]
            length = value or 0.0
            axes.barh(place, length, height=0.72, color=color)
            inside = length > 0.2
            axes.text(
                length - 0.02 if inside else length + 0.02,
                place,
                "no samples" if value is None else f"{100 * value:.1f}",
                va="center",
                fontweight="bold",
                ha="right" if inside else "left",
                color=style.text_color_on(color) if inside else style.INK,
            )
        axes.axvline(chance, color=style.MUTED, linewidth=1, linestyle=":")
        words = [(0, place, pair_title(pair, types)) for pair, place in titles.items()]
        for x, y, word in [*words, (chance + 0.01, titles[pair], "chance")]:
            axes.text(x, y, word, fontsize=8, color=style.MUTED, va="center")
        axes.set_yticks(
            list(places.values()), [style.readable(name) for name in places], color=style.INK
        )
        axes.set_ylim(max(places.values()) + 0.5, -1.0)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_title("Recall of each boundary type")
    return figure
