"""Pictures that compare classes and scores."""

from bsp_tf.report.figures import comparisons, style


def test_many_classes_show_those_that_changed_most():
    action = {f"c{i:02d}": 0.5 for i in range(40)}
    two_stream = {label: 0.5 + (0.01 * i if i % 2 else -0.01 * i) for i, label in enumerate(action)}
    drawn = comparisons.classes_to_draw(action, two_stream)
    assert len(drawn) == comparisons.MOST_CLASSES_DRAWN
    assert "c39" in drawn and "c38" in drawn and "c00" not in drawn
    assert drawn[0] == "c39" and drawn[-1] == "c38"


def test_auc_without_a_value():
    table = {"hard_cut": {"boundary": 0.9, "pixel_change": None}}
    figure = comparisons.draw_joint_auc(table, {"boundary": "ours", "pixel_change": "pixels"})
    assert "hard cut" in style.to_inline_svg(figure, "a", "auc")
