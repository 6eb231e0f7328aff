"""The comparison benchmark runs."""

from benchmarks.compare import time_comparison


def test_a_small_comparison():
    row = time_comparison(videos=12, segments=20, classes=3, resamples=100)
    assert row["resamples"] == 100 and 0 < row["cpu_seconds"]
