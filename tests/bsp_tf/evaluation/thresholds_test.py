"""Grids of thresholds as a user writes them."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.thresholds import check_tiou, parse_tiou


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5:0.05:0.95", np.linspace(0.5, 0.95, 10)),
        ("0.3:0.1:0.7", np.linspace(0.3, 0.7, 5)),
        ("0.1:0.1:1", np.linspace(0.1, 1, 10)),
        ("0.5,0.75,0.95", [0.5, 0.75, 0.95]),
        ("0.5", [0.5]),
        ("0.5:0.1:0.5", [0.5]),
    ],
)
def test_grids(text, expected):
    np.testing.assert_array_equal(parse_tiou(text), expected)


@pytest.mark.parametrize(
    "text",
    ["", "a", "0.5:0.95", "0.5:0:0.9", "0.5:-0.1:0.3", "0.9:0.1:0.5", "0:0.1:0.5", "0.5:0.1:1.5",
     "0.5:0.2:0.8", "0.5,,0.7", "0.5,1.2", "nan", "0.5:nan:0.9", "0.1:0.000001:0.9",
     "0.5:0.1:0.7:0.8", "inf"],
)  # fmt: skip
def test_impossible_grids_are_refused(text):
    with pytest.raises(InputError, match="--tiou"):
        parse_tiou(text)


def test_thresholds_are_checked():
    assert check_tiou(0.5).tolist() == [0.5]
    for tiou in ([], [0.5, 0], [1.1], [float("nan")]):
        with pytest.raises(InputError, match="tIoU"):
            check_tiou(tiou)
