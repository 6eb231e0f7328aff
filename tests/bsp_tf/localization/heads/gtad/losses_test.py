"""Losses and their gradients against the reference's, and on batches where the reference is NaN."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.localization.heads.gtad.losses import LOSS_VARIANTS, gtad_losses, regression_weights
from bsp_tf.localization.heads.gtad.targets import valid_mask, video_targets, window_targets
from tests.fixtures import warm_python


def losses_and_gradients(predictions, targets, valid, draws, **kwargs):
    predictions = {name: tf.constant(value, tf.float32) for name, value in predictions.items()}
    with tf.GradientTape() as tape:
        tape.watch(predictions)
        losses = gtad_losses(
            predictions, targets, tf.constant(valid), tf.constant(draws, tf.float32), **kwargs
        )
    return losses, tape.gradient(losses["total"], predictions)


def check_losses(losses, expected):
    found = [float(losses[name]) for name in ("total", "boundary", "regression", "classification")]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_small_golden(testdata):
    golden = np.load(testdata / "gtad_losses.npz")
    losses, gradients = losses_and_gradients(
        {"start": golden["pred_start"], "end": golden["pred_end"], "map": golden["pred_bm"]},
        {
            "start": golden["gt_start"],
            "end": golden["gt_end"],
            "map": golden["gt_iou_map"] * golden["mask"],
        },
        golden["mask"],
        np.stack([golden["draw_m"], golden["draw_l"]]),
    )
    check_losses(losses, golden["losses"])
    found = gradients["map"].numpy().ravel()[golden["grad_bm_index"]]
    np.testing.assert_allclose(found, golden["grad_bm_values"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(gradients["start"], golden["grad_start"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(gradients["end"], golden["grad_end"], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["anet_b4", "anet_b16", "anet_b1_three"])
def test_full_golden(shared, name):
    golden = np.load(shared / "golden/gtad_labels_losses.npz")
    count = len(golden[f"{name}_pred_start"])
    losses, gradients = losses_and_gradients(
        {
            "start": golden[f"{name}_pred_start"],
            "end": golden[f"{name}_pred_end"],
            "map": golden[f"{name}_pred_bm"],
        },
        {
            "start": golden["gt_start"][:count],
            "end": golden["gt_end"][:count],
            "map": golden["gt_iou_map"][:count] * golden["mask"],
        },
        golden["mask"],
        np.stack([golden[f"{name}_draw_m"], golden[f"{name}_draw_l"]]),
    )
    check_losses(losses, golden[f"{name}_losses"])
    for key, expected in (("map", "bm"), ("start", "start"), ("end", "end")):
        np.testing.assert_allclose(
            gradients[key], golden[f"{name}_grad_{expected}"], rtol=1e-5, atol=1e-7
        )


def test_full_golden_of_thumos(shared):
    golden = np.load(shared / "golden/gtad_labels_losses.npz")
    losses, gradients = losses_and_gradients(
        {
            "start": golden["thumos_b3_pred_start"],
            "end": golden["thumos_b3_pred_end"],
            "map": golden["thumos_b3_pred_bm"],
        },
        {
            "start": golden["thumos_gt_start"],
            "end": golden["thumos_gt_end"],
            "map": golden["thumos_gt_iou_map"] * golden["thumos_mask"],
        },
        golden["thumos_mask"],
        np.stack([golden["thumos_b3_draw_m"], golden["thumos_b3_draw_l"]]),
        variant=LOSS_VARIANTS["thumos"],
    )
    subgraph = losses["regression"] + 10 * losses["classification"]
    np.testing.assert_allclose(
        [losses["total"], losses["boundary"], subgraph], golden["thumos_b3_losses"], rtol=1e-5
    )
    for key, expected in (("map", "bm"), ("start", "start"), ("end", "end")):
        np.testing.assert_allclose(
            gradients[key], golden[f"thumos_b3_grad_{expected}"], rtol=1e-5, atol=1e-7
        )


def random_segments(rng):
    """Ordinary, tiny, zero-length, covering and out-of-range ones, from none to many."""
    begin = rng.uniform(-0.5, 1.5, rng.integers(0, 6))
    return np.stack([begin, begin + rng.choice([0.0, 1e-9, 0.01, 0.3, 2.0], len(begin))], 1)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("variant", LOSS_VARIANTS)
def test_finite_for_random_batches(seed, variant):
    rng = np.random.default_rng(seed)
    make_targets = video_targets if variant == "activitynet" else window_targets
    predictions, targets, valid, draws = batch(
        [random_segments(rng) for _ in range(rng.integers(1, 4))],
        seed=seed,
        make_targets=make_targets,
    )
    # Sigmoids saturate: some probabilities are 0 or 1 exactly.
    predictions = {
        name: np.clip(rng.uniform(0.2, 3) * (value - 0.5) + 0.5, 0, 1)
        for name, value in predictions.items()
    }
    losses, gradients = losses_and_gradients(
        predictions, targets, valid, draws, variant=LOSS_VARIANTS[variant]
    )
    assert all(np.isfinite(float(value)) and value >= 0 for value in losses.values())
    assert all(np.isfinite(value.numpy()).all() for value in gradients.values())


def batch(segments_by_video, length=16, seed=0, make_targets=video_targets):
    rng = np.random.default_rng(seed)
    rows = [
        make_targets(np.array(segments).reshape(-1, 2), length, length)
        for segments in segments_by_video
    ]
    count = len(rows)
    predictions = {
        "start": rng.random((count, length)),
        "end": rng.random((count, length)),
        "map": rng.random((count, 2, length, length)),
    }
    targets = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return predictions, targets, valid_mask(length, length), rng.random((2, count, length, length))


@pytest.mark.parametrize(
    "segments", [[[]], [[], []], [[[0, 1]]], [[[0.5, 0.5]]], [[[1, 1]]], [[[0.4, 0.45]]]]
)
@pytest.mark.parametrize("extreme", [None, 0.0, 1.0])
def test_finite_for_every_batch(segments, extreme):
    predictions, targets, valid, draws = batch(segments)
    if extreme is not None:
        predictions = {name: np.full_like(value, extreme) for name, value in predictions.items()}
    losses, gradients = losses_and_gradients(predictions, targets, valid, draws)
    assert all(np.isfinite(float(value)) for value in losses.values())
    assert all(np.isfinite(value.numpy()).all() for value in gradients.values())


def test_no_positives_leave_half_the_mean_over_the_negatives():
    predictions, targets, valid, draws = batch([[]])
    losses, _ = losses_and_gradients(predictions, targets, valid, draws)
    expected = -0.5 * sum(np.log(1 - predictions[name] + 1e-6).mean() for name in ("start", "end"))
    np.testing.assert_allclose(losses["boundary"], expected, rtol=1e-5)
    assert float(losses["regression"]) == 0


def test_all_positives_leave_half_the_mean_over_the_positives():
    predictions, targets, valid, draws = batch([[[0, 1]]])
    targets = {name: np.ones_like(value) for name, value in targets.items()}
    losses, _ = losses_and_gradients(predictions, targets, valid, draws)
    expected = -0.5 * np.log(predictions["map"][:, 1] + 1e-6).mean()
    np.testing.assert_allclose(losses["classification"], expected, rtol=1e-5)


def test_more_high_than_middle_anchors_take_the_whole_band_and_nothing_else():
    """Here the reference's sampling takes every cell of the map."""
    iou = np.zeros((1, 8, 8), np.float32)
    iou[0, 0, :5], iou[0, 1, :2], iou[0, 2, :3] = 0.8, 0.5, 0.1
    weights = regression_weights(tf.constant(iou), tf.fill([2, 1, 8, 8], 1e-6)).numpy()
    np.testing.assert_array_equal(weights, iou > 0)


def test_sampling_keeps_the_expected_share():
    iou = np.zeros((1, 100, 100), np.float32)
    iou[0, :10], iou[0, 10:30], iou[0, 30:70] = 0.8, 0.5, 0.1
    draws = np.random.default_rng(0).random((2, 1, 100, 100)).astype(np.float32)
    weights = regression_weights(tf.constant(iou), tf.constant(draws)).numpy()[0]
    assert weights[:10].all() and not weights[70:].any()
    assert weights[10:30].mean() == pytest.approx(1 / 2, abs=0.05)
    assert weights[30:70].mean() == pytest.approx(1 / 4, abs=0.03)


SCRIPT = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import numpy as np
from bsp_tf.localization.heads.gtad.losses import LOSS_VARIANTS, gtad_losses
saved = dict(np.load(sys.argv[1]))
valid = tf.constant(saved.pop("valid"), tf.float32)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2

# Three videos for one replica, one for the other: counts of a replica are not half of the whole.
def part(context):
    rows = slice(0, 3) if context.replica_id_in_sync_group == 0 else slice(3, 4)
    own = {n: v[:, rows] if n == "draws" else v[rows] for n, v in saved.items()}
    return {n: tf.constant(v, tf.float32) for n, v in own.items()}

@tf.function
def step(batch, variant):
    predictions = {name: batch["predicted_" + name] for name in ("start", "end", "map")}
    with tf.GradientTape() as tape:
        tape.watch(predictions)
        losses = gtad_losses(predictions, batch, valid, batch["draws"], LOSS_VARIANTS[variant])
    return losses, tape.gradient(losses["total"], predictions)

batch = strategy.experimental_distribute_values_from_function(part)
found = {}
for variant in LOSS_VARIANTS:
    losses, gradients = strategy.run(step, (batch, variant))
    for name, value in losses.items():
        found[f"{variant}_{name}"] = strategy.reduce("sum", value, axis=None)
    for name, value in gradients.items():
        shares = strategy.experimental_local_results(value)
        found[f"{variant}_gradient_{name}"] = np.concatenate(shares)
np.savez(sys.argv[2], **found)
"""


def test_two_replicas_equal_one_device(tmp_path):
    """Under MirroredStrategy shares and gradients add up to those of the whole batch."""
    predictions, targets, valid, draws = batch(
        [[[0.1, 0.6]], [], [[0.0, 0.9], [0.2, 0.3]], [[0.5, 1.0]]]
    )
    np.savez(
        tmp_path / "batch.npz",
        valid=valid,
        draws=draws,
        **targets,
        **{f"predicted_{name}": value for name, value in predictions.items()},
    )
    process = warm_python.run("-c", SCRIPT, tmp_path / "batch.npz", tmp_path / "found.npz")
    assert process.returncode == 0, process.stderr
    found = np.load(tmp_path / "found.npz")
    for name, variant in LOSS_VARIANTS.items():
        losses, gradients = losses_and_gradients(
            predictions, targets, valid, draws, variant=variant
        )
        for part, value in losses.items():
            np.testing.assert_allclose(found[f"{name}_{part}"], value, rtol=1e-5, err_msg=part)
        for part, value in gradients.items():
            np.testing.assert_allclose(
                found[f"{name}_gradient_{part}"], value, rtol=1e-4, atol=1e-9
            )
