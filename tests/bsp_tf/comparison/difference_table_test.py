"""The table says which intervals hold 0, and what they rest on."""

from bsp_tf.comparison.bootstrap import Comparison, Difference
from bsp_tf.comparison.difference_table import format_comparison

DIFFERENCES = [
    Difference("mAP@0.5", 0.5, 0.525, 0.01, 0.04),
    Difference("average mAP", 0.4, 0.39, -0.021, 0.001),
]


def test_rows():
    lines = format_comparison(Comparison(DIFFERENCES, 24, 60, 10_000, (1, 3), 0)).splitlines()
    assert lines[1].split() == ["mAP@0.5", "50.00", "52.50", "+2.50", "[+1.00,", "+4.00]"]
    assert lines[2].split()[1:] == "mAP 40.00 39.00 -1.00 [-2.10, +0.10] holds 0".split()
    assert "10,000 resamples of 24 videos with 60 segments" in lines[3]
    assert "not of seeds" in lines[4]


def test_seeds_of_both_sides():
    text = format_comparison(Comparison(DIFFERENCES, 24, 60, 10_000, (2, 3), 0))
    assert "of seeds (2 and 3)" in text and "not of seeds" not in text
