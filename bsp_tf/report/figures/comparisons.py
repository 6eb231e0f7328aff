"""Side-by-side pictures: average precision of each class, and how well joints are noticed."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bsp_tf.report.figures import style

MOST_CLASSES_DRAWN = 30


def classes_to_draw(action: dict[str, float], two_stream: dict[str, float]) -> list[str]:
    """The labels in both, best two-stream first; of more than 30 those that changed most."""
    labels = sorted(set(action) & set(two_stream))
    if len(labels) > MOST_CLASSES_DRAWN:
        labels = sorted(labels, key=lambda label: -abs(two_stream[label] - action[label]))[
            :MOST_CLASSES_DRAWN
        ]
    return sorted(labels, key=lambda label: -two_stream[label])


def draw_class_ap(action: dict[str, float], two_stream: dict[str, float]) -> Figure:
    """Average precision of each class with both feature sets; a line shows the change.

    Args:
        action: Label -> AP (fraction, mean over the tIoU thresholds) with action features only.
        two_stream: The same with action and boundary features.
    """
    labels = classes_to_draw(action, two_stream)
    with style.styled():
        figure = style.new_figure(4.5, 1.1 + 0.25 * len(labels))
        axes = figure.add_subplot()
        rows = np.arange(len(labels))
        before = np.array([action[label] for label in labels])
        after = np.array([two_stream[label] for label in labels])
        better = after >= before
        for won, color in (
            (True, style.STREAM_COLORS["two_stream"]),
            (False, style.STREAM_COLORS["action"]),
        ):
            chosen = better == won
            axes.hlines(
                rows[chosen], before[chosen], after[chosen], color=color, linewidth=3, alpha=0.35
            )
        axes.scatter(
            before,
            rows,
            s=34,
            color=style.STREAM_COLORS["action"],
            marker="s",
            zorder=3,
            label=style.STREAM_NAMES["action"],
        )
        axes.scatter(
            after,
            rows,
            s=40,
            color=style.STREAM_COLORS["two_stream"],
            zorder=3,
            label=style.STREAM_NAMES["two_stream"],
        )
        axes.set_yticks(rows, [style.readable(label) for label in labels], color=style.INK)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.set_xlim(0, min(1.0, 1.12 * max(0.05, float(np.max([before, after], initial=0)))))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("AP, mean over the tIoU thresholds")
        figure.legend(loc="outside upper left", ncols=2, handletextpad=0.2, columnspacing=1.2)
    return figure


def draw_joint_auc(
    table: dict[str, dict[str, float | None]], score_names: dict[str, str]
) -> Figure:
    """AUC of "this snippet holds a joint" for each kind of joint (rows) and each score (markers).

    Args:
        table: Kind of joint -> score -> AUC 0..1 (None where it is not defined).
        score_names: Score -> name in the legend; its order is the order of the markers.
    """
    kinds = list(table)
    with style.styled():
        figure = style.new_figure(5.0, 1.2 + 0.36 * len(kinds))
        axes = figure.add_subplot()
        shifts = np.linspace(-0.2, 0.2, len(score_names))
        for i, (score, name) in enumerate(score_names.items()):
            points = [
                (value, row + shifts[i])
                for row, kind in enumerate(kinds)
                if (value := table[kind].get(score)) is not None
            ]
            axes.scatter(
                [value for value, _ in points],
                [height for _, height in points],
                s=44,
                label=name,
                color=style.SCORE_COLORS[i % 3],
                marker=style.SCORE_MARKERS[i % 3],
                zorder=3,
                clip_on=False,
            )
        axes.axvline(0.5, color=style.MUTED, linewidth=1, linestyle=":")
        axes.set_yticks(
            range(len(kinds)), [style.readable(kind) for kind in kinds], color=style.INK
        )
        axes.set_ylim(len(kinds) - 0.5, -0.5)
        values = [value for row in table.values() for value in row.values() if value is not None]
        axes.set_xlim(min([0.45, *(value - 0.03 for value in values)]), 1)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("AUC (0.5, the dotted line, is guessing)")
        figure.legend(loc="outside upper left", ncols=3, handletextpad=0.2, columnspacing=1.2)
    return figure
