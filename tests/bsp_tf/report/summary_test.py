"""The tables that a run prints last."""

from pathlib import Path

from bsp_tf.report import summary


def _scores(level: float) -> dict:
    return {
        "tiou": [0.5, 0.75, 0.9500000000000001],
        "mAP": [level, 0.3507, 0.0802],
        "average_mAP": 0.3426,
    }


def test_map_table():
    table = summary.map_table({"action": _scores(0.5001), "two_stream": _scores(1.0)})
    assert table.splitlines() == [
        "features          | mAP@0.5 |  0.75 | 0.95 | average",
        "------------------+---------+-------+------+--------",
        "action only       |   50.01 | 35.07 | 8.02 |   34.26",
        "action + boundary |  100.00 | 35.07 | 8.02 |   34.26",
    ]


def test_threshold_that_was_not_scored():
    row = summary.map_row({"tiou": [0.3, 0.5], "mAP": [0.6, 0.5], "average_mAP": 0.55})
    assert row == {"0.5": 0.5, "0.75": None, "0.95": None, "average": 0.55}
    assert summary.percent(None) == "–"


def test_final_summary_without_boundary_evaluation():
    text = summary.final_summary({"action": _scores(0.5)}, None, "", Path("x/index.html"))
    assert "not known" in text and text.endswith("Report: x/index.html")
    assert "AUC" not in text


def test_boundary_accuracy_table():
    evaluation = {
        "labels": ["diff_class", "same_speed"],
        "per_class": {"diff_class": 0.9, "same_speed": 0.125},
        "accuracy": 0.5125,
    }
    assert summary.boundary_accuracy_table(evaluation).splitlines()[2:] == [
        "diff-class    |    90.00",
        "same-speed    |    12.50",
        "all           |    51.25",
    ]
