"""The benchmark of scale in small: every stage finds what the tables hold."""

import pytest

from benchmarks.scale import STAGES, format_rows, measure
from bsp_tf.base.errors import InputError


@pytest.mark.thorough
def test_measure(tmp_path):
    rows = measure([1500], tmp_path, clips_per_file=7, clips_per_shard=40)
    found = {row["stage"]: row["found"] for row in rows}
    assert list(found) == list(STAGES)
    assert found["plan"] == found["resume"] == found["done"] == found["index"] == 1500
    # 10,000 units of 1,500 clips show each of them.
    assert found["action order"] == 1500 and found["boundary order"] == 10_000
    assert all(row["peak_megabytes"] > 30 and row["cpu_seconds"] >= 0 for row in rows)
    assert not list(tmp_path.iterdir())


def test_growth_is_that_from_the_size_before():
    row = {"stage": "plan", "seconds": 1.0, "bytes_per_clip": 100.0}
    small = row | {"clips": 1000, "cpu_seconds": 2.0, "peak_megabytes": 50.0}
    large = row | {"clips": 9000, "cpu_seconds": 8.0, "peak_megabytes": 75.0}
    assert format_rows([small, large]).splitlines()[-1].split()[-2:] == ["4.0", "1.5"]


def test_numbers_below_one_are_refused(tmp_path):
    with pytest.raises(InputError, match="--clips"):
        measure([0], tmp_path)
