"""The text that says what a folder of records holds."""

from tests.fixtures.small_records import (
    LABELS,
)
from tfrecords_tools.inspection.folder_check import check_folder
from tfrecords_tools.inspection.record_statistics import statistics_text


def test_statistics(records):
    text = statistics_text(check_folder(records).clips, LABELS, 2)
    assert "6 clips, 30 frames" in text and "32x24 (6)" in text
    assert "3 classes, 1 of them without a clip" in text
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line}
    assert lines["seconds"] == ["0.2"] * 5 and lines["frames"][:1] == ["5"]
    assert lines["jump"] == ["3", "#" * 30] and lines["never"] == ["0"]
    many = [f"class {i}" for i in range(700)]
    shown = statistics_text([], many, 1)
    assert "0 clips" in shown and "... 650 more ..." in shown and len(shown.splitlines()) < 60
