"""The benchmark of heads in small: both frameworks lower one loss, and the loops give our lists."""

import numpy as np
import pytest

from benchmarks.heads import CLASSES, format_step, make_batch, run_row
from benchmarks.suppression import compare_suppression, format_suppression
from configs import actionformer_thumos


@pytest.fixture
def config():
    small = actionformer_thumos.get_config()
    small.num_segments, small.width, small.attention_windows = 128, 16, (5, 5, 5)
    small.learning_rate, small.warmup_epochs = 1e-3, 0
    return small


def test_loops_and_arrays_give_the_same_lists(monkeypatch):
    monkeypatch.setattr("benchmarks.suppression.CANDIDATES", 200)
    results = compare_suppression(videos=2, repeats=1)
    assert set(results) == {"each class", "with voting"}
    assert all(row["largest_difference"] < 1e-9 < row["ratio"] for row in results.values())
    assert "loops" in format_suppression(results)


@pytest.mark.thorough
def test_a_row_of_ours(config):
    row = run_row("bsp_tf", "infer", 1, config, 8)
    assert len(row["seconds"]) == 1 and min(row["peak_megabytes"], row["idle_megabytes"]) > 50


def test_a_line_of_the_table():
    row = {"seconds": 2.0, "peak_megabytes": 900.0}
    line = format_step({"mode": "train", "bsp_tf": row, "torch": row | {"seconds": 3.0}})
    assert "1.50x" in line and "900 MB" in line


def test_pytorch_has_the_same_weights_outputs_and_loss(config):
    torch = pytest.importorskip("torch", reason="PyTorch is an extra")
    from benchmarks import torch_actionformer as theirs
    from bsp_tf.localization.heads.actionformer.head import HEAD
    from bsp_tf.localization.heads.actionformer.losses import point_losses
    from bsp_tf.torch_import.actionformer.names import load_torch_state, torch_plan
    from bsp_tf.torch_import.actionformer.reference import torch_forward

    batch = make_batch(2, config, 8)
    model = HEAD.build(config, 8, CLASSES)
    shapes = theirs.weight_shapes(8, CLASSES, config)
    assert shapes == {name: place.shape for name, place in torch_plan(model).items()}
    weights = theirs.draw_weights(shapes)
    load_torch_state(model, {name: weight.detach().numpy() for name, weight in weights.items()})
    outputs = HEAD.forward(model, batch["features"], batch["inside"])
    tensors = {name: torch.from_numpy(values) for name, values in batch.items()}
    found = torch_forward(
        weights, tensors["features"], tensors["inside"], config, theirs.block_attention
    )
    for name, values in found.items():
        np.testing.assert_allclose(values.detach(), outputs[name], atol=1e-4)
    np.testing.assert_array_equal(batch["points_inside"], outputs["inside"])
    targets = {name: batch[name] for name in ("classes", "offsets")}
    expected = point_losses(outputs, targets, 100.0, 0.0, 1.0)["total"]
    points = [tensors[name] for name in ("points_inside", "classes", "offsets")]
    assert float(theirs.losses(found, *points, 100.0).detach()) == pytest.approx(
        float(expected), rel=1e-4
    )

    step = theirs.make_step(batch, CLASSES, config, training=True)
    losses = [step() for _ in range(5)]
    assert losses[-1] < losses[0]
    assert np.isfinite(theirs.make_step(batch, CLASSES, config, training=False)())
