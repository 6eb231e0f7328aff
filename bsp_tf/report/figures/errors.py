"""Picture of an error analysis: kinds of false positives, their cost, and missed ground truths."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bsp_tf.evaluation.error_analysis import KINDS
from bsp_tf.report.figures import style

CHARACTERISTICS = {
    "length": "segment length",
    "coverage": "coverage of the video",
    "instances": "instances in the video",
}
KIND_COLORS = ("#2f8a4c", "#a6cbb2", "#1f6fb2", "#e3a02f", "#c4512d", "#8a94a3")


def draw_errors(
    analyses: dict[str, dict[str, Any]], colors: dict[str, str] | None = None
) -> Figure:
    """Kinds of false positives by rank and their cost; below, misses and mAP_N by group.

    Args:
        analyses: Name of a detector -> `ErrorAnalysis.to_json()`, all of the same ground truth and
            scale.
        colors: Name -> hex colour; the colours of the streams if None.
    """
    colors = colors or dict(zip(analyses, reversed(style.STREAM_COLORS.values()), strict=False))
    with style.styled():
        figure = style.new_figure(10, 3.1 * len(analyses) + 4.6)
        heights = [3.1 * len(analyses), 4.6]
        (top,), (bottom,) = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)
        for (profile, gain), (name, analysis) in zip(
            top.subplots(len(analyses), 2, squeeze=False, width_ratios=[1.5, 1]),
            analyses.items(),
            strict=True,
        ):
            _draw_profile(profile, analysis["false_positives"]["profile"])
            _draw_gain(gain, analysis["false_positives"]["average_mAP_N_gain_without"])
            profile.set_title(f"{name}: the best predictions of each class")
        handles, labels = profile.get_legend_handles_labels()
        top.legend(
            handles, labels, loc="outside upper left", ncols=6, handlelength=1, columnspacing=1.2
        )
        axes = bottom.subplots(2, 3, sharex="col", sharey="row")
        for column, (key, title) in enumerate(CHARACTERISTICS.items()):
            for row, value in enumerate(("missed", "average_mAP_N")):
                _draw_groups(axes[row, column], analyses, key, value, colors)
            axes[0, column].set_title(f"By {title}")
        axes[0, 0].set_ylabel("missed")
        axes[1, 0].set_ylabel("average mAP$_N$")
        if len(analyses) > 1:
            bottom.legend(
                *axes[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=2
            )
    return figure


def _draw_profile(axes: Axes, profile: list[dict[str, Any]]) -> None:
    """Stacked shares of the kinds, a bar for each G predictions of a class."""
    base = np.zeros(len(profile))
    for kind, color in zip(KINDS, KIND_COLORS, strict=True):
        shares = np.array([row[kind] for row in profile])
        axes.bar(
            range(len(profile)), shares, 0.85, bottom=base, color=color, label=style.readable(kind)
        )
        base += shares
    axes.set_xticks(range(len(profile)), [row["up_to"] for row in profile])
    axes.set_xlabel("ranked up to G, 2 G, ... (G: ground truths of the class)")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    style.keep_horizontal_grid(axes)


def _draw_gain(axes: Axes, gains: dict[str, float]) -> None:
    kinds = KINDS[1:]
    values = [100 * gains[kind] for kind in kinds]
    bars = axes.barh(range(len(kinds)), values, 0.7, color=KIND_COLORS[1:])
    axes.bar_label(bars, [f"{value:+.1f}" for value in values], padding=3, fontsize=8)
    axes.set_yticks(range(len(kinds)), [style.readable(kind) for kind in kinds], color=style.INK)
    axes.invert_yaxis()
    axes.set_xlim(min(0, *values), 1.25 * max(1, *values))
    axes.set_title("Without them: points of average mAP$_N$")
    axes.grid(axis="y", visible=False)


def _draw_groups(
    axes: Axes, analyses: dict[str, dict[str, Any]], key: str, value: str, colors: dict[str, str]
) -> None:
    """One value of each group, a bar per detector; dotted: all ground truths together."""
    width = 0.8 / len(analyses)
    for index, (name, analysis) in enumerate(analyses.items()):
        truths = analysis["ground_truths"]
        groups = [group for group in truths[key] if group["ground_truths"]]
        places = np.arange(len(groups)) + (index - (len(analyses) - 1) / 2) * width
        axes.bar(
            places, [group[value] for group in groups], 0.9 * width, color=colors[name], label=name
        )
        axes.axhline(truths[value], color=colors[name], linewidth=1, linestyle=":")
        axes.set_xticks(
            range(len(groups)),
            [f"{_span(group, key)}\n{group['ground_truths']}" for group in groups],
        )
        if not groups:
            axes.text(
                0.5, 0.5, "not known", transform=axes.transAxes, ha="center", color=style.MUTED
            )
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylim(0, 1)
    style.keep_horizontal_grid(axes)


def _span(group: dict[str, Any], key: str) -> str:
    """What a group holds as a short text: "≤30 s", "≤40%", "2–4", ">8"."""
    factor, unit = {"length": (1, " s"), "coverage": (100, "%"), "instances": (1, "")}[key]
    low = factor * group["above"]
    if group["up_to"] is None:
        return f">{low:.3g}{unit}"
    high = factor * group["up_to"]
    if key == "instances":
        return f"{high:g}" if low + 1 == high else f"{low + 1:g}–{high:g}"
    return f"≤{high:.3g}{unit}"
