"""The numbers of the report as tables of text: what a run prints last."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bsp_tf.report.figures import style

SHOWN_TIOU = (0.5, 0.75, 0.95)


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text table: cells separated by ` | `, the first column left-aligned, the others
    right-aligned.
    """
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        " | ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def percent(value: float | None) -> str:
    """A fraction as percent with two decimals ("50.01"), or a dash for None."""
    return "–" if value is None else f"{100 * value:.2f}"


def map_row(scores: dict[str, Any]) -> dict[str, float | None]:
    """mAP (fractions) at tIoU .5, .75 and .95 and the average, from an output of `bsp_tf.evaluate`.

    A threshold that was not scored is None. The average is over the thresholds that were scored.
    """
    row: dict[str, float | None] = {}
    for wanted in SHOWN_TIOU:
        found = [
            value
            for tiou, value in zip(scores["tiou"], scores["mAP"], strict=True)
            if abs(tiou - wanted) < 1e-6
        ]
        row[f"{wanted:g}"] = found[0] if found else None
    row["average"] = scores["average_mAP"]
    return row


def map_table(scores_by_stream: dict[str, dict[str, Any]]) -> str:
    """The table `features | mAP@0.5 | 0.75 | 0.95 | average` in percent, a row a stream."""
    rows = [
        [style.STREAM_NAMES[stream], *(percent(value) for value in map_row(scores).values())]
        for stream, scores in scores_by_stream.items()
    ]
    return format_table(["features", "mAP@0.5", "0.75", "0.95", "average"], rows)


def boundary_accuracy_table(evaluation: dict[str, Any]) -> str:
    """Accuracy (recall) of each boundary type in percent, and of all samples, from an
    evaluation.json.
    """
    rows = [
        [style.readable(label), percent(evaluation["per_class"].get(label))]
        for label in evaluation["labels"]
    ]
    return format_table(
        ["boundary type", "accuracy"], [*rows, ["all", percent(evaluation["accuracy"])]]
    )


def auc_table(table: dict[str, dict[str, float | None]], score_names: dict[str, str]) -> str:
    """AUC of "this snippet holds a joint", a row a kind of joint, a column a score; a dash where it
    is not defined.
    """
    rows = [
        [
            style.readable(kind),
            *("–" if row.get(score) is None else f"{row[score]:.3f}" for score in score_names),
        ]
        for kind, row in table.items()
    ]
    return format_table(["kind of joint", *score_names.values()], rows)


def final_summary(
    scores_by_stream: dict[str, dict[str, Any]],
    boundary_evaluation: dict[str, Any] | None,
    auc_text: str,
    page: Path,
) -> str:
    """What the command prints last: the mAP table, the AUC table, the accuracies of the boundary
    task, the page.
    """
    parts = ["Localization, mAP in percent", map_table(scores_by_stream), ""]
    if auc_text:
        parts += ["Does this snippet hold a joint? AUC by kind of joint", auc_text, ""]
    parts.append("Boundary task on validation clips, accuracy in percent")
    parts.append(
        boundary_accuracy_table(boundary_evaluation)
        if boundary_evaluation
        else "(not known: the boundary workdir has no evaluation.json)"
    )
    return "\n".join([*parts, "", f"Report: {page}"])
