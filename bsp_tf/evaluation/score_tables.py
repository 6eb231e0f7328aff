"""Scores as tables: text for the terminal, Markdown for people, CSV for programs, and JSON."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.evaluation import detection_map, filtering, proposal_recall
from bsp_tf.evaluation.detection_map import DetectionScores
from bsp_tf.evaluation.gebd import boundary_f1
from bsp_tf.evaluation.gebd.boundary_f1 import BoundaryScores
from bsp_tf.evaluation.proposal_recall import RecallScores

SUFFIXES = (".json", ".csv", ".md")
# Columns of the recall tables that people read; a CSV file has every AN.
SHOWN_NUMBERS = (1, 5, 10, 50, 100)
# A table of this many thresholds still fits a terminal.
MOST_COLUMNS = 10

Row = tuple[str, list[float]]
Scores = DetectionScores | RecallScores | BoundaryScores


def check_suffix(path: str | os.PathLike) -> None:
    """Whether the name of an output says its format.

    Raises:
        InputError: it ends with none of SUFFIXES.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise InputError(
            f"--output={path}: the name says the format; end it with {', '.join(SUFFIXES)}."
        )


def write_scores(path: str | os.PathLike, scores: Scores) -> None:
    """Writes scores in the format that the suffix of `path` names, atomically.

    JSON holds `scores.to_json()`; CSV fractions of 1 with all digits; Markdown percent with two
    decimals.

    Raises:
        InputError: another suffix, or a path that cannot be written.
    """
    check_suffix(path)
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        write_json(path, scores.to_json())
        return
    if isinstance(scores, DetectionScores):
        table = class_table(scores)
    elif isinstance(scores, BoundaryScores):
        table = boundary_table(scores)
    else:
        table = recall_table(scores) if suffix == ".csv" else short_recall_table(scores)
    with atomic_write(path, "w") as file:
        file.write(to_csv(*table) if suffix == ".csv" else to_markdown(*table))


def format_scores(scores: Scores, per_class: bool = False) -> str:
    """A table in percent, then one line per warning.

    Args:
        scores: What is shown.
        per_class: One row per class, the best first, before the mean.
    """
    modules = (detection_map, proposal_recall, filtering, boundary_f1)
    texts = {key: text for module in modules for key, text in module.WARNING_TEXT.items()}
    if isinstance(scores, RecallScores):
        lines = [to_text(*short_recall_table(scores))]
    elif isinstance(scores, BoundaryScores):
        header, rows = boundary_table(scores)
        lines = [to_text(header, [(f"{name} %", values) for name, values in rows])]
    else:
        header, rows = class_table(scores)
        classes = sorted(rows[:-1], key=lambda row: -row[1][-1]) if per_class else []
        title = header[0] if per_class else "tIoU"
        rows = [*classes, ("mAP %", rows[-1][1])]
        alone = scores.localization
        if alone is not None:
            rows.append(("true classes %", [*alone.mean_ap.tolist(), float(alone.mean_ap.mean())]))
        lines = [to_text([title, *header[1:]], rows)]
        if alone is not None:
            columns, ((_, values),) = short_recall_table(alone.recall)
            lines.append(to_text(columns, [("recall %", values)]))
    for key, count in scores.warnings.items():
        names = _names_behind(scores, key)
        lines.append(f"note: {count} {texts[key]}{names}")
    return "\n".join(lines)


def _names_behind(scores: Scores, key: str) -> str:
    """The first names that a warning is about, where they are known."""
    names: Sequence[str] = ()
    if isinstance(scores, DetectionScores) and key == "predictions_with_unknown_label":
        names = scores.unknown_labels
    if isinstance(scores, BoundaryScores):
        names = scores.names.get(key, ())
    if not names:
        return ""
    return ": " + ", ".join(map(ascii, names[:5])) + (", ..." if len(names) > 5 else "")


def class_table(scores: DetectionScores) -> tuple[list[str], list[Row]]:
    """Header and rows: average precision of each class by threshold, and mean; the last is mAP."""
    names = [*scores.class_names, "mAP"]
    values = [*scores.ap.tolist(), scores.mean_ap.tolist()]
    header = ["class", *(f"{threshold:.4g}" for threshold in scores.tiou), "average"]
    return header, [
        (name, [*row, sum(row) / len(row)]) for name, row in zip(names, values, strict=True)
    ]


def recall_table(scores: RecallScores) -> tuple[list[str], list[Row]]:
    """Header and rows: average recall and recall by threshold at each AN; the last is the AUC."""
    header = ["AN", "AR", *(f"{threshold:.4g}" for threshold in scores.tiou)]
    rows = [
        (f"{number:g}", [average, *column])
        for number, average, column in zip(
            scores.proposals_per_video,
            scores.average_recall.tolist(),
            scores.recall.T.tolist(),
            strict=True,
        )
    ]
    return header, [*rows, ("AUC", [scores.area])]


def short_recall_table(scores: RecallScores) -> tuple[list[str], list[Row]]:
    """Header and one row: average recall at some AN, where there is one, and the AUC."""
    least, *_, most = scores.proposals_per_video
    numbers = [number for number in SHOWN_NUMBERS if least - 1e-9 <= number <= most + 1e-9]
    values = [scores.at(number) for number in numbers]
    return ["", *(f"AR@{number}" for number in numbers), "AUC"], [
        ("percent", [*values, scores.area])
    ]


def boundary_table(scores: BoundaryScores) -> tuple[list[str], list[Row]]:
    """Header and rows: precision, recall and F1 by relative distance, and mean; the last is F1."""
    header = ["distance", *(f"{distance:.4g}" for distance in scores.distances), "average"]
    parts = {"precision": scores.precision, "recall": scores.recall, "F1": scores.f1}
    return header, [
        (name, [*values.tolist(), float(values.mean())]) for name, values in parts.items()
    ]


def to_csv(header: list[str], rows: list[Row]) -> str:
    """Comma-separated text; numbers with all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([name, *map(repr, values)] for name, values in rows)
    return text.getvalue()


def to_markdown(header: list[str], rows: list[Row]) -> str:
    """A Markdown table in percent; the last row is bold if there are several."""
    lines = [f"| {' | '.join(header)} |", "|---" + "|---:" * (len(header) - 1) + "|"]
    for index, (name, values) in enumerate(rows):
        mark = "**" if len(rows) > 1 and index == len(rows) - 1 else ""
        name = " ".join(name.split()).replace("|", "\\|")
        cells = [name, *(f"{100 * value:.2f}" for value in values)]
        lines.append("| " + " | ".join(f"{mark}{cell}{mark}" for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def to_text(header: list[str], rows: list[Row]) -> str:
    """The same for a terminal; of more than MOST_COLUMNS thresholds only their average."""
    narrow = len(header) - 2 > MOST_COLUMNS
    names = [" ".join(name.split()) for name, _ in rows]
    width = max(len(name) for name in [header[0], *names])
    columns = [max(8, len(title) + 1) for title in header[1:]]
    lines = []
    for name, cells in [
        (header[0], header[1:]),
        *(
            (name, [f"{100 * value:.2f}" for value in row])
            for name, (_, row) in zip(names, rows, strict=True)
        ),
    ]:
        cells = [cell.rjust(size) for cell, size in zip(cells, columns, strict=True)]
        lines.append(name.ljust(width) + "".join(cells[-1:] if narrow else cells))
    return "\n".join(lines)
