"""The numbers of the boundary task."""

import pytest

from bsp_tf.report.content import Table
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


def test_without_evaluation(results_root):
    (results_root / "pretrain" / "boundary" / "evaluation.json").unlink()
    results = load_results(Sources.under(results_root))
    section = boundary.section(results, Gallery(results_root / "figures"))
    assert section.tiles == [] and "evaluation.json" in section.closing[0][1]
