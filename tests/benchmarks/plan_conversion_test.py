"""The planning benchmark in small: its world, and what it returns."""

import pytest

from benchmarks.plan_conversion import format_plan, make_plan, measure
from bsp_tf.base.errors import InputError


def test_world_has_missing_and_misplaced_files():
    lines, paths = make_plan(2000, 7)
    assert len(lines) == 2001 and len(set(lines)) == 2001 and 0.9 < len(paths) / 2000 < 0.98
    assert paths == sorted(paths) and len({path.split("/")[0] for path in paths}) == 7


def test_measure():
    result = measure(num_rows=500, num_classes=5, num_files=40, repeats=2)
    index, walk = result["index"], result["walk"]
    assert index["clips"] + index["missing"] == 500 and 0 < index["missing"] < 100
    assert 30 < walk["files"] <= 40 and len(walk["runs"]) == len(index["runs"]) == 2
    assert result["walk_scaled_seconds"] == pytest.approx(walk["seconds"] * 500 / walk["files"])
    assert index["peak_megabytes"] > 10
    table = format_plan(result)
    assert "walk, scaled (*)" in table and f"found {index['clips']} clips" in table
    with pytest.raises(InputError, match="at least 1"):
        measure(repeats=0)
