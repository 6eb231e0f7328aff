"""Section "Boundary task": accuracy of the boundary stream, with the pairs of types apart."""

from typing import Any

from bsp_tf.report.content import Part, Section, SideBySide, Table, Text, Tile
from bsp_tf.report.figures import matrices, style
from bsp_tf.report.formats import percent
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import Results
from bsp_tf.report.sections import pretraining
from bsp_tf.synthesis.boundary_types import (
    PAIRS,
    PAPER_TRANSITION,
    PAPER_TYPES,
    pair_ids,
    pair_title,
)


def section(results: Results, gallery: Gallery) -> Section:
    """Synthesized samples, recall by type and pair, confusion matrix and training curves."""
    evaluation = results.evaluations.get("boundary")
    parts: list[Part] = []
    if results.sources.preview.exists():
        parts.append(
            gallery.embed(
                results.sources.preview,
                "Synthesized clips of the boundary types",
                "Synthesized training clips of each boundary type; the mark is the boundary.",
            )
        )
    pictures = pretraining.confusion(results, "boundary", gallery)
    if evaluation:
        parts += [Text(_sentence(evaluation)), _pair_table(evaluation)]
        figure = matrices.draw_boundary_recall(evaluation["per_class"])
        pictures.append(gallery.add("boundary_recall", figure, "Recall of each boundary type"))
    pictures += pretraining.training_curves(results, "boundary", gallery)
    if pictures:
        parts.append(SideBySide(pictures))
    parts += pretraining.batch_and_absent(results, "boundary", gallery)
    return Section(
        "boundary",
        "Boundary task",
        "The boundary task",
        parts,
        tiles=[_tile(evaluation)] if evaluation else [],
        notes=_transition_notes(results),
        closing=[
            (
                "Boundary task on validation clips, accuracy in percent",
                accuracy_table(evaluation).as_text()
                if evaluation
                else "(not known: the boundary workdir has no evaluation.json)",
            )
        ],
    )


def accuracy_table(evaluation: dict[str, Any]) -> Table:
    """Accuracy (recall) of each boundary type in percent, and of all samples."""
    rows = [
        [style.readable(label), percent(evaluation["per_class"].get(label))]
        for label in evaluation["labels"]
    ]
    rows.append(["all", percent(evaluation["accuracy"])])
    return Table(["boundary type", "accuracy"], rows)


def _pair_table(evaluation: dict[str, Any]) -> Table:
    labels = evaluation["labels"]
    shares = matrices.row_shares(evaluation["confusion"])
    rows = []
    for columns in map(list, pair_ids(labels).values()):
        for column in columns:
            own, within = shares[column, column], shares[column, columns].sum()
            numbers = (own, within - own, max(0, 1 - within))
            rows.append(
                [style.readable(labels[column]), *(percent(number, 1) for number in numbers)]
            )
    header = [
        "percent of each type",
        "recall",
        "taken for another type of its pair",
        "for another pair",
    ]
    return Table(header, rows)


def _tile(evaluation: dict[str, Any]) -> Tile:
    labels = evaluation["labels"]
    pairs = matrices.pair_summary(evaluation["confusion"], labels)
    return Tile(
        f"{100 * evaluation['accuracy']:.1f}%",
        f"boundary type, one of {len(labels)}",
        ", ".join(
            f"{pair_title(pair, labels)} {100 * scores['recall']:.0f}%"
            for pair, scores in pairs.items()
        ),
    )


def _sentence(evaluation: dict[str, Any]) -> str:
    labels, accuracy = evaluation["labels"], evaluation["accuracy"]
    pairs = matrices.pair_summary(evaluation["confusion"], labels)
    recalls = "; ".join(
        f"the {pair_title(pair, labels)} ({PAIRS[pair]}) {100 * scores['recall']:.1f}%"
        for pair, scores in pairs.items()
    )
    sentence = (
        f"Accuracy over the {len(labels)} types is {100 * accuracy:.1f}% on validation clips "
        f"(chance {100 / len(labels):.0f}%). An average can hide a pair that is at chance, so the "
        f"pairs are listed separately, with their mean recall: {recalls}."
    )
    if evaluation.get("static_accuracy") is not None:
        sentence += (
            f" With one frame repeated, accuracy is {100 * evaluation['static_accuracy']:.1f}%."
        )
    return sentence


def _transition_notes(results: Results) -> list[str]:
    settings = results.configs.get("boundary", {}).get("boundary", {})
    if not {"diff_class", "same_class"} <= set(settings.get("types", PAPER_TYPES)):
        return []
    rule = settings.get("transition", PAPER_TRANSITION)
    if rule == PAPER_TRANSITION:
        return [
            "Diff-class and same-class differ in the transition: only a diff-class boundary has "
            "one, as in the paper. Their recall does not show that the network compares classes."
        ]
    return [
        f"With the transition rule {rule!r} both joined types look alike at the boundary, so "
        "diff-class against same-class measures a comparison of classes."
    ]
