"""The G-TAD benchmark in small: both formulations are one network, and a row has its figures."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.gtad import DirectGTAD, format_rows, make_step, measure, measure_row
from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.gtad.network import GTAD

SMALL = {
    "feature_dim": 8,
    "num_segments": 20,
    "max_duration": 20,
    "base_width": 16,
    "branch_width": 8,
    "map_widths": (12, 8),
    "groups": 4,
}
THUMOS = SMALL | {
    "num_segments": 40,
    "max_duration": 12,
    "inner_bins": 16,
    "context_bins": 16,
    "map_kernel": 3,
}


@pytest.mark.parametrize("sizes", [SMALL, THUMOS])
def test_both_formulations_give_the_same_scores_and_gradients(sizes):
    tf.keras.utils.set_random_seed(0)
    ours, direct = GTAD(**sizes), DirectGTAD(**sizes)
    ours.build(), direct.build()
    for variable, value in zip(direct.trainable_variables, ours.trainable_variables, strict=True):
        variable.assign(value)
    features = tf.random.stateless_normal([3, sizes["num_segments"], 8], seed=[0, 1])

    def scores_and_gradients(model):
        with tf.GradientTape() as tape:
            scores = model(features)
            loss = tf.add_n([tf.reduce_sum(value**2) for value in scores.values()])
        return scores, tape.gradient(loss, model.trainable_variables)

    (found, gradients), (expected, expected_gradients) = map(scores_and_gradients, (ours, direct))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5)
    for value, other in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-3, atol=1e-4 * np.abs(other).max())


@pytest.fixture
def eagerly():
    """Op by op: the graphs of a few steps take far longer to make than to run."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_training_steps_of_both_lower_the_same_loss(eagerly):
    losses = []
    for kind in (GTAD, DirectGTAD):
        tf.keras.utils.set_random_seed(0)
        model = kind(**SMALL)
        model.build()
        step = make_step(model, "train", 2)
        losses.append([float(step()) for _ in range(3)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    assert losses[0][2] < losses[0][0]


def test_row(eagerly):
    row = measure_row("direct", "inference", 2, repeats=2, sizes=SMALL)
    assert (row["variant"], row["task"], row["batch"]) == ("direct", "inference", 2)
    assert len(row["runs"]) == 2 and row["seconds"] > 0 and row["peak_megabytes"] >= 0


def test_table():
    row = {"task": "train", "batch": 4, "runs": []}
    table = format_rows(
        [
            row | {"variant": "direct", "seconds": 30.0, "peak_megabytes": 6000.0},
            row | {"variant": "ours", "seconds": 0.5, "peak_megabytes": 300.0},
            row | {"variant": "direct", "batch": 16, "seconds": None, "peak_megabytes": 24000.0},
        ]
    )
    assert "60.0x" in table and "20.0th" in table and "does not fit: about 24,000 MB" in table


@pytest.mark.thorough
def test_rows_run_in_processes_of_their_own():
    (row,) = measure(1, rows=[("ours", "graphs", 1)])
    assert row["seconds"] > 0
    with pytest.raises(InputError, match="--repeats=0"):
        measure(0)
