"""Parts of the page as text."""

from bsp_tf.report.content import Absent, Table, absent


def test_table_as_text():
    table = Table(["features", "mAP"], [["action only", "7.50"], ["all", "100.00"]])
    assert table.as_text().splitlines() == [
        "features    |    mAP",
        "------------+-------",
        "action only |   7.50",
        "all         | 100.00",
    ]


def test_absent_names_only_what_does_not_exist(tmp_path):
    assert absent(tmp_path) == []
    assert absent(tmp_path, tmp_path / "a", tmp_path / "b") == [
        Absent([tmp_path / "a", tmp_path / "b"])
    ]
