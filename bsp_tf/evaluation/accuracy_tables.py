"""Accuracies of clips and of boundary samples as Markdown tables that also read in a terminal."""

from collections.abc import Sequence
from typing import Any

from bsp_tf.synthesis.boundary_types import TRANSITIONS, pair_ids, pair_title

MOST_CLASSES_PRINTED = 20


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of aligned columns, the first one left-aligned, the others right-aligned."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(header))]
    lines = [
        "| "
        + " | ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in cells
    ]
    lines.insert(
        1,
        "|"
        + "|".join("-" * (width + 1) + (":" if i else "-") for i, width in enumerate(widths))
        + "|",
    )
    return "\n".join(lines) + "\n"


def percent(fraction: float | None) -> str:
    """A fraction as percent with one decimal, or a dash for None."""
    return "–" if fraction is None else f"{100 * fraction:.1f}"


def action_tables(views: dict[str, dict[str, Any]], most_classes: int | None = None) -> str:
    """Top-1 and top-5 of each way of looking at the clips, and a row per class for the last.

    Args:
        views: Name ("10 clips x 3 crops") -> result of `clip_accuracy.summarize`.
        most_classes: at most this number of classes, the worst ones; None: all, the worst first.
    """
    rows = [
        [
            name,
            str(result["num_clips"]),
            percent(result["top1"]),
            percent(result["top5"]),
            percent(result["mean_class_recall"]),
        ]
        for name, result in views.items()
    ]
    text = markdown_table(
        ["views", "validation clips", "top-1 %", "top-5 %", "mean class recall %"], rows
    )
    last = list(views)[-1]
    classes = [(name, row) for name, row in views[last]["per_class"].items() if row["num_clips"]]
    classes = sorted(classes, key=lambda item: item[1]["recall"])
    shown = classes[:most_classes]
    title = (
        f"the worst {len(shown)} of {len(classes)} classes"
        if len(shown) < len(classes)
        else "class by class"
    )
    rows = [
        [
            name,
            str(row["num_clips"]),
            percent(row["recall"]),
            f"{row['most_taken_for']} ({row['times']})" if row["times"] else "–",
        ]
        for name, row in shown
    ]
    table = markdown_table(["class", "clips", "recall %", "most often taken for"], rows)
    return f"{text}\n{last}, {title}:\n\n{table}"


def boundary_tables(passes: dict[str, dict[str, Any]], type_names: Sequence[str]) -> str:
    """All tables of the boundary task, the rules of blending side by side.

    Args:
        passes: Rule (of TRANSITIONS) -> result of `boundary_accuracy.summarize`, with
            the result of `blend_or_class` under "told_by".
        type_names: The types in the order of their ids.
    """
    names = [name.replace("_", "-") for name in type_names]
    parts = [_rule_table(passes, type_names), _told_by_table(passes)]
    for key, title in (
        ("by_position", "boundary at frame"),
        ("by_speeds", "strides, before->after"),
        ("by_transition_length", "blended frames (0 = cut)"),
    ):
        for rule, result in passes.items():
            rows = [
                [
                    value,
                    *(
                        f"{percent(cell['accuracy'])} ({cell['num_samples']})"
                        if cell["num_samples"]
                        else "–"
                        for cell in cells
                    ),
                ]
                for value, cells in result[key].items()
            ]
            parts.append(
                f"{TRANSITIONS[rule].description}: accuracy % "
                f"(samples)\n\n{markdown_table([title, *names], rows)}"
            )
    return "\n".join(parts)


def _rule_table(passes: dict[str, dict[str, Any]], types: Sequence[str]) -> str:
    rows, pairs = [], list(pair_ids(types))
    for rule, result in passes.items():
        recalls = [
            row[i] / sum(row) if sum(row) else None for i, row in enumerate(result["confusion"])
        ]
        rows.append(
            [
                TRANSITIONS[rule].description,
                *map(percent, recalls),
                *(percent(result["pairs"][pair]["accuracy"]) for pair in pairs),
                percent(result["accuracy"]),
            ]
        )
    names = [name.replace("_", "-") for name in types]
    titles = [pair_title(pair, types) for pair in pairs]
    table = markdown_table(["shown", *names, *titles, "all types"], rows)
    total = next(iter(passes.values()))["num_samples"]
    return f"Accuracy in percent, {total} samples of the same clips for each rule\n\n{table}"


def _told_by_table(passes: dict[str, dict[str, Any]]) -> str:
    rows = []
    for rule, result in passes.items():
        told = result["told_by"]
        rows.append(
            [
                TRANSITIONS[rule].description,
                str(told["num_samples"]),
                percent(told["by_class"]),
                percent(told["by_blend"]),
            ]
        )
    table = markdown_table(
        ["shown", "joined samples", "answer fits the classes %", "answer fits blend or cut %"], rows
    )
    return (
        "What do the answers to joined types follow? (Of the joined samples that were answered "
        f"with a joined type; 50 is guessing.)\n\n{table}"
    )
