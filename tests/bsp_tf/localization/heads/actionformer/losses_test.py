"""The losses, their gradients and the running mean of positives, against the reference's own."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.localization.heads.actionformer.losses import (
    count_positives,
    diou_loss,
    focal_loss,
    next_normalizer,
    point_losses,
)
from bsp_tf.localization.heads.actionformer.pyramid import make_points
from bsp_tf.localization.heads.actionformer.targets import point_targets

SIZES = {
    "small_thumos_like": (256, 4, 5),
    "small_autobalance": (256, 4, 5),
    "anet": (192, 6, 1),
    "thumos": (2304, 6, 20),
}


def relative_error(found, expected, scale=None):
    return (
        np.abs(np.asarray(found) - expected).max()
        / np.abs(expected if scale is None else scale).max()
    )


def predictions(golden, case, step, batch, columns):
    """Logits and offsets: stored, or by rule."""
    name = f"{case}/step{step}"
    if f"{name}/cls_logits" in golden:
        return golden[f"{name}/cls_logits"], golden[f"{name}/offsets"]
    draw = [
        np.random.default_rng(2100 + extra + step).standard_normal((batch, 4536, last))
        for extra, last in ((0, 20), (50, 2))
    ]
    logits, offsets = (values.astype(np.float32) * np.float32(2) for values in draw)
    return logits - np.float32(3), np.maximum(offsets + np.float32(1.5), 0)


def check_case(golden, case):
    columns, levels, num_classes = SIZES[case]
    points = make_points(columns, levels)
    valid = golden[f"{case}/valid_lens"]
    inside = (points.positions < valid[:, np.newaxis]).astype(np.float32)
    smoothing, weight = (golden[f"{case}/{key}"] for key in ("label_smoothing", "loss_weight"))
    normalizer, step = float(golden[f"{case}/init_loss_norm"]), 0
    while (name := f"{case}/step{step}") + "/num_pos" in golden:
        made = [
            point_targets(
                points, golden[f"{name}/segments{i}"], golden[f"{name}/labels{i}"], num_classes
            )
            for i in range(len(valid))
        ]
        classes, offsets = (np.stack(part) for part in zip(*made, strict=True))
        positives = count_positives(inside, classes)
        assert int(positives) == golden[f"{name}/num_pos"]
        before, after = golden[f"{name}/normalizer_before_after"]
        assert normalizer == pytest.approx(before, rel=1e-6)
        normalizer = float(next_normalizer(normalizer, positives))
        assert normalizer == pytest.approx(after, rel=1e-6)
        found = [tf.constant(v) for v in predictions(golden, case, step, len(valid), columns)]
        with tf.GradientTape() as tape:
            tape.watch(found)
            outputs = {"logits": found[0], "offsets": found[1], "inside": inside}
            losses = point_losses(
                outputs,
                {"classes": classes, "offsets": offsets},
                normalizer,
                float(smoothing),
                float(weight),
            )
        expected = golden[f"{name}/losses_cls_reg_final"]
        values = [losses[key].numpy() for key in ("classes", "offsets", "total")]
        np.testing.assert_allclose(values, expected, rtol=1e-5)
        for kind, gradient in zip(
            ("cls", "off"), tape.gradient(losses["total"], found), strict=True
        ):
            gradient, key = gradient.numpy(), f"{name}/grad_{kind}"
            places = golden.get(f"{key}_idx")
            gradient = gradient if places is None else gradient.ravel()[places]
            scale = max(np.abs(golden[key]).max(), 1e-12)
            assert np.abs(gradient - golden[key]).max() < 1e-4 * scale
        step += 1
    assert step > 0


@pytest.mark.parametrize("case", ["small_thumos_like", "anet"])
def test_consecutive_losses(testdata, case):
    check_case(np.load(testdata / "actionformer_losses.npz"), case)


@pytest.mark.parametrize("case", SIZES)
def test_consecutive_losses_of_every_case(shared, case):
    check_case(np.load(shared / "golden/af_losses.npz"), case)


def test_every_element(testdata):
    golden = np.load(testdata / "actionformer_losses.npz")
    logits = tf.constant(golden["bare/focal_logits"])
    found, wanted = tf.constant(golden["bare/pred"]), golden["bare/target"]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([logits, found])
        focal = focal_loss(logits, golden["bare/focal_targets"])
        diou = diou_loss(found, wanted)
    np.testing.assert_allclose(focal, golden["bare/focal"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(diou, golden["bare/diou"], rtol=1e-5, atol=1e-6)
    gradient = tape.gradient(focal, logits)
    assert relative_error(gradient, golden["bare/focal_grad"]) < 1e-4
    # Where both are equal, the gradients of the smaller and the larger one are not defined.
    clear = np.all(found.numpy() != wanted, 1)
    gradient = tape.gradient(diou, found).numpy()
    assert clear.sum() > 2
    np.testing.assert_allclose(gradient[clear], golden["bare/diou_grad"][clear], atol=1e-4)
