"""The table of mAP."""

from bsp_tf.report.sections.localization import map_row, map_table


def _scores(level: float) -> dict:
    return {
        "tiou": [0.5, 0.75, 0.9500000000000001],
        "mAP": [level, 0.3507, 0.0802],
        "average_mAP": 0.3426,
    }


def test_map_table():
    table = map_table({"action": _scores(0.5001), "two_stream": _scores(1.0)})
    assert table.header[1:] == ["mAP@0.5", "0.75", "0.95", "average"]
    assert table.rows == [
        ["action only", "50.01", "35.07", "8.02", "34.26"],
        ["action + boundary", "100.00", "35.07", "8.02", "34.26"],
    ]
    assert table.best == {(1, 1)}, "equal values are not bold"


def test_threshold_that_was_not_scored():
    row = map_row({"tiou": [0.3, 0.5], "mAP": [0.6, 0.5], "average_mAP": 0.55})
    assert row == [0.5, None, None, 0.55]
    table = map_table({"action": {"tiou": [0.3], "mAP": [0.6], "average_mAP": 0.55}})
    assert table.rows == [["action only", "–", "–", "–", "55.00"]] and table.best == frozenset()
