"""The section on joints."""

from bsp_tf.report.content import Table
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import load_results
from bsp_tf.report.sections import joints
from bsp_tf.report.sources import Sources


def test_table_note_and_file_hold_the_same_numbers(results_root):
    section = joints.section(
        load_results(Sources.under(results_root)), Gallery(results_root / "figures")
    )
    measured = section.files["joint_auc.json"]
    (table,) = [part for part in section.parts if isinstance(part, Table)]
    for i, (row, (kind, auc)) in enumerate(zip(table.rows, measured["auc"].items(), strict=True)):
        assert row[1:] == [
            f"{measured['num_positive'][kind]:,}",
            *(f"{value:.3f}" for value in auc.values()),
        ]
        bold = {row[column] for line, column in table.best if line == i}
        assert bold == {f"{max(auc.values()):.3f}"}
        assert f"({max(auc.values()):.2f})" in section.notes[0]


def test_undefined_values_are_dashes():
    table = joints.auc_table({"hard_cut": {"boundary": 0.75, "pixel_change": None}})
    assert table.rows == [["hard cut", "0.750", "–", "–"]]
