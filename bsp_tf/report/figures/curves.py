"""Training curves."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bsp_tf.report.figures import style

PANEL_INCHES = (4.5, 2.7)


def _series(metrics: Sequence[dict[str, Any]], key: str) -> tuple[list[float], list[float]]:
    rows = [(row["epoch"], row[key]) for row in metrics if row.get(key) is not None]
    return [epoch for epoch, _ in rows], [value for _, value in rows]


def _draw(axes: Axes, epochs: list[float], values: list[float], label: str, **look: Any) -> None:
    # A run of one epoch is a point, which a line alone would not show.
    axes.plot(
        epochs, values, label=label, marker="o" if len(values) < 3 else None, markersize=4, **look
    )


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    style.keep_horizontal_grid(axes)
    axes.margins(x=0.02)
    axes.legend(loc="best", handlelength=1.4)


def draw_train_validation(
    metrics: Sequence[dict[str, Any]], quantity: str, title: str, chance: float | None = None
) -> Figure:
    """Train and validation curve of one quantity over the epochs.

    Args:
        metrics: One dict per epoch with "epoch" and, where known, `train_<quantity>` and
            `validation_<quantity>`.
        quantity: "loss" or "accuracy" (accuracies are fractions, shown as percent from 0 to 100).
        title: Title of the picture.
        chance: Accuracy of guessing, drawn as a dotted line.
    """
    with style.styled():
        figure = style.new_figure(*PANEL_INCHES)
        axes = figure.add_subplot()
        for split in ("train", "validation"):
            epochs, values = _series(metrics, f"{split}_{quantity}")
            _draw(axes, epochs, values, split, color=style.SPLIT_COLORS[split])
        if quantity == "accuracy":
            axes.set_ylim(0, 1.02)
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            if chance:
                axes.axhline(chance, color=style.MUTED, linewidth=1, linestyle=":", label="chance")
        else:
            axes.set_ylim(bottom=0)
        _finish(axes, title)
    return figure


def draw_localization_loss(
    metrics_by_stream: Mapping[str, Sequence[dict[str, Any]]], head: str
) -> Figure:
    """A head's total loss over the epochs, dashed on training and solid on validation data.

    Args:
        metrics_by_stream: "action" and/or "two_stream" -> one dict per epoch ("epoch",
            "train_loss", "validation_loss").
        head: What it is called.
    """
    with style.styled():
        figure = style.new_figure(*PANEL_INCHES)
        axes = figure.add_subplot()
        for stream, metrics in metrics_by_stream.items():
            for split, line in (("train", (0, (2.5, 1.5))), ("validation", "-")):
                epochs, values = _series(metrics, f"{split}_loss")
                _draw(
                    axes,
                    epochs,
                    values,
                    f"{style.STREAM_NAMES[stream]}, {split}",
                    linestyle=line,
                    color=style.STREAM_COLORS[stream],
                )
        axes.set_ylim(bottom=0)
        _finish(axes, f"{head}, total loss")
    return figure
