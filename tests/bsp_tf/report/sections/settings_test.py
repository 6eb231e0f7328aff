"""The table of settings."""

from bsp_tf.report.content import Absent, Table
from bsp_tf.report.inputs import load_results
from bsp_tf.report.sections import settings
from bsp_tf.report.sources import Sources


def test_values_of_both_streams(results_root):
    (table,) = settings.section(load_results(Sources.under(results_root))).parts
    assert isinstance(table, Table)
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["width factor"] == ["0.25", "0.25"]
    assert rows["frame strides"] == ["–", "1, 4"]
    assert rows["training time, seconds"] == ["171.4", "171.4"]


def test_without_configs(results_root):
    for task in ("action", "boundary"):
        for name in ("config.json", "evaluation.json"):
            (results_root / "pretrain" / task / name).unlink()
    (part,) = settings.section(load_results(Sources.under(results_root))).parts
    assert isinstance(part, Absent) and {path.name for path in part.paths} == {"config.json"}
