"""Section "Localization": mAP with and without boundary features, by class, and the training."""

from typing import Any

from bsp_tf.comparison.bootstrap import Comparison
from bsp_tf.comparison.measures import AVERAGE_MAP
from bsp_tf.report.content import (
    Details,
    Part,
    Picture,
    Section,
    SideBySide,
    Table,
    Text,
    Tile,
    absent,
)
from bsp_tf.report.feature_sets import interval
from bsp_tf.report.figures import comparisons, curves, forest, style
from bsp_tf.report.formats import percent, signed
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import Results

SHOWN_TIOU = (0.5, 0.75, 0.95)


def section(results: Results, gallery: Gallery) -> Section:
    """mAP of both feature sets, AP of each class, and the loss of the localization head."""
    table = map_table(results.scores, results.comparison)
    means = _mean_ap(results)
    labels = sorted(set(means["action"]) & set(means["two_stream"]))
    head = results.head or "the localization head"
    pictures = []
    if results.comparison is not None:
        pictures.append(_difference_picture(results.comparison, gallery))
    if labels:
        pictures.append(_class_picture(means, len(labels), gallery))
    metrics = {
        stream: results.metrics[f"gtad_{stream}"]
        for stream in results.sources.gtad
        if f"gtad_{stream}" in results.metrics
    }
    if metrics:
        figure = curves.draw_localization_loss(metrics, head)
        heading = "Training of the localization head"
        pictures.append(
            gallery.add("gtad_loss", figure, f"Loss of {head} over the epochs", heading=heading)
        )
    tiou = _describe(results.scores["two_stream"]["tiou"])
    parts: list[Part] = [
        Text(
            f"{head[0].upper()}{head[1:]} on frozen features; mean average precision in percent at "
            f"three tIoU thresholds, and the average over {tiou}."
        ),
        table,
        SideBySide(pictures),
        Details("Average precision of every class", _class_table(means, labels)),
        *absent(*(workdir / "metrics.jsonl" for workdir in results.sources.gtad.values())),
    ]
    before, after = (
        100 * results.scores[stream]["average_mAP"] for stream in ("action", "two_stream")
    )
    against = f"{signed(after - before, 1)} against action only"
    notes = [
        f"Checkpoints were chosen by their loss or accuracy on validation data, those of {head} "
        "on the videos that are scored here; this favours both rows of the table."
    ]
    if results.comparison is None:
        notes.append(
            "The detections that were scored, of both feature sets, are not there: the difference "
            "has no interval."
        )
    else:
        against += f" (95% interval {interval(results.comparison[AVERAGE_MAP], 1)})"
        notes.append(
            "The intervals of the differences cover the choice of videos, not of seeds; "
            "python -m bsp_tf.compare takes several runs of each side."
        )
    return Section(
        "localization",
        "Localization",
        "Localization",
        parts,
        tiles=[
            Tile(
                f"{after:.1f}",
                "average mAP, action + boundary",
                against,
            )
        ],
        notes=notes,
        closing=[("Localization, mAP in percent", table.as_text())],
    )


def map_row(scores: dict[str, Any]) -> list[float | None]:
    """mAP (fractions) at tIoU .5, .75, .95 and the average, from an output of `bsp_tf.evaluate`.

    A threshold that was not scored is None. The average is over the thresholds that were scored.
    """
    row: list[float | None] = []
    for wanted in SHOWN_TIOU:
        found = [
            value
            for tiou, value in zip(scores["tiou"], scores["mAP"], strict=True)
            if abs(tiou - wanted) < 1e-6
        ]
        row.append(found[0] if found else None)
    return [*row, scores["average_mAP"]]


def map_table(
    scores_by_stream: dict[str, dict[str, Any]], comparison: Comparison | None = None
) -> Table:
    """mAP of each feature set in percent; with a comparison the differences and their intervals.

    Where an interval leaves out 0, the better one of the column is bold.
    """
    rows = {stream: map_row(scores) for stream, scores in scores_by_stream.items()}
    texts = [
        [style.STREAM_NAMES[stream], *(percent(value) for value in row)]
        for stream, row in rows.items()
    ]
    best = set()
    if comparison is not None:
        known = {item.name: item for item in comparison.differences}
        names = [*(f"mAP@{tiou:.4g}" for tiou in SHOWN_TIOU), AVERAGE_MAP]
        chosen = [known.get(name) for name in names]
        values = [signed(100 * item.value, 2) if item else percent(None) for item in chosen]
        intervals = [interval(item, 2) if item else percent(None) for item in chosen]
        texts += [["difference", *values], ["95% interval", *intervals]]
        best = {
            (int(item.value > 0), column)
            for column, item in enumerate(chosen, 1)
            if item and not item.holds_zero
        }
    header = ["features", "mAP@0.5", "0.75", "0.95", "average"]
    return Table(header, texts, frozenset(best), look="main")


def _mean_ap(results: Results) -> dict[str, dict[str, float]]:
    """Stream -> label -> AP, the mean over the tIoU thresholds."""
    return {
        stream: {label: sum(values) / max(1, len(values)) for label, values in scores["ap"].items()}
        for stream, scores in results.scores.items()
    }


def _class_table(means: dict[str, dict[str, float]], labels: list[str]) -> Table:
    rows = [
        [
            style.readable(label),
            *(percent(means[stream][label]) for stream in means),
            signed(100 * (means["two_stream"][label] - means["action"][label]), 2),
        ]
        for label in labels
    ]
    return Table(["class", *(style.STREAM_NAMES[stream] for stream in means), "change"], rows)


def _difference_picture(comparison: Comparison, gallery: Gallery) -> Picture:
    rows = [(item.name, item.value, item.low, item.high) for item in comparison.differences]
    figure = forest.draw_forest(rows, "action + boundary − action only, percentage points")
    caption = (
        f"Lines are 95% intervals, from {comparison.num_resamples:,} resamples of the "
        f"{comparison.num_videos:,} videos. Grey ones hold 0: these videos do not tell which "
        "feature set is better."
    )
    description = "Differences of the two feature sets with their intervals"
    return gallery.add("differences", figure, description, caption, heading="Differences")


def _class_picture(
    means: dict[str, dict[str, float]], num_labels: int, gallery: Gallery
) -> Picture:
    caption = ""
    if num_labels > comparisons.MOST_CLASSES_DRAWN:
        caption = (
            f"Of {num_labels} classes, the {comparisons.MOST_CLASSES_DRAWN} that changed most, up "
            "or down."
        )
    figure = comparisons.draw_class_ap(means["action"], means["two_stream"])
    description = "Average precision of each class with both feature sets"
    return gallery.add("class_ap", figure, description, caption, heading="By class")


def _describe(tiou: list[float]) -> str:
    """The thresholds in a few words."""
    if len(tiou) == 1:
        return f"{tiou[0]:g} alone"
    return f"{len(tiou)} thresholds from {min(tiou):g} to {max(tiou):g}"
