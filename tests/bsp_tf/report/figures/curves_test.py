"""Training curves, also of very short runs."""

from bsp_tf.report.figures import curves, style


def test_curves_of_one_epoch_and_of_none():
    one = [{"epoch": 1, "train_loss": 2.0}]
    for metrics in (one, []):
        svg = style.to_inline_svg(
            curves.draw_train_validation(metrics, "loss", "Loss"), "l", "loss"
        )
        assert "Loss" in svg
    assert "chance" in style.to_inline_svg(
        curves.draw_train_validation(one, "accuracy", "A", 0.25), "l", "accuracy"
    )
