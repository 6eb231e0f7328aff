"""The numbers of the boundary task."""

import json

import pytest

from bsp_tf.report.content import Table, Text
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import load_results
from bsp_tf.report.sections import boundary
from bsp_tf.report.sources import Sources


def test_accuracy_table():
    evaluation = {
        "labels": ["diff_class", "same_speed"],
        "per_class": {"diff_class": 0.9, "same_speed": 0.125},
        "accuracy": 0.5125,
    }
    assert boundary.accuracy_table(evaluation).rows == [
        ["diff-class", "90.00"],
        ["same-speed", "12.50"],
        ["all", "51.25"],
    ]


def test_pairs_stand_apart(results_root):
    results = load_results(Sources.under(results_root))
    section = boundary.section(results, Gallery(results_root / "figures"))
    (table,) = [part for part in section.parts if isinstance(part, Table)]
    assert [row[0] for row in table.rows] == [
        "diff-class",
        "same-class",
        "diff-speed",
        "same-speed",
    ]
    for name, *shares in table.rows:
        recall = results.evaluations["boundary"]["per_class"][name.replace("-", "_")]
        assert shares[0] == f"{100 * recall:.1f}"
        assert sum(map(float, shares)) == pytest.approx(100, abs=0.2)


def test_the_types_of_the_run(results_root):
    """Other types in another order: their number, their chance, no word of what is not there."""
    workdir = results_root / "pretrain" / "boundary"
    labels = ["same_speed", "diff_motion", "diff_class"]
    evaluation = json.loads((workdir / "evaluation.json").read_text())
    evaluation |= {
        "labels": labels,
        "confusion": [[3, 1, 0], [1, 3, 0], [0, 0, 4]],
        "per_class": dict(zip(labels, (0.75, 0.75, 1.0), strict=True)),
    }
    (workdir / "evaluation.json").write_text(json.dumps(evaluation))
    config = json.loads((workdir / "config.json").read_text())
    config["boundary"]["types"] = labels
    (workdir / "config.json").write_text(json.dumps(config))
    results = load_results(Sources.under(results_root))
    section = boundary.section(results, Gallery(results_root / "figures"))
    (table,) = [part for part in section.parts if isinstance(part, Table)]
    assert table.rows == [
        ["diff-class", "100.0", "0.0", "0.0"],
        ["same-speed", "75.0", "25.0", "0.0"],
        ["diff-motion", "75.0", "25.0", "0.0"],
    ]
    assert "one of 3" in section.tiles[0].name and section.notes == []
    sentence = next(part for part in section.parts if isinstance(part, Text))
    assert "chance 33%" in sentence.text and "speed pair" in sentence.text


def test_without_evaluation(results_root):
    (results_root / "pretrain" / "boundary" / "evaluation.json").unlink()
    results = load_results(Sources.under(results_root))
    section = boundary.section(results, Gallery(results_root / "figures"))
    assert section.tiles == [] and "evaluation.json" in section.closing[0][1]
