"""The step benchmark in small: one real row in a process of its own, and the table."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.torch_tsm import make_torch_mobilenet_v2, make_torch_tsm
from benchmarks.train_step import NETWORKS, format_row, measure, measure_row
from bsp_tf.base.errors import InputError
from bsp_tf.models.tsm import TSM
from bsp_tf.torch_import.tsm.names import load_torch_state


@pytest.mark.thorough
def test_one_row():
    row = measure_row("bsp_tf", network="R18", size=32, mode="train", steps=1)
    assert len(row["seconds"]) == 1 and row["seconds"][0] > 0
    assert row["peak_megabytes"] > row["idle_megabytes"] > 50


def test_a_failed_row_tells_why():
    with pytest.raises(RuntimeError, match="KeyError: 'x'"):
        measure_row("bsp_tf", network="x", size=32, mode="train", steps=1)


def test_table():
    ours = {"seconds": 0.5, "peak_megabytes": 900}
    result = {"network": "R18", "size": 112, "mode": "train", "bsp_tf": ours, "torch": None}
    assert format_row(result).split() == ["R18", "112", "train", "0.500", "900", "-", "-", "-"]
    result["torch"] = {"seconds": 0.6, "peak_megabytes": 800}
    assert format_row(result).split()[-3:] == ["0.600", "800", "1.20"]


def test_bad_input():
    with pytest.raises(InputError, match="--steps=0"):
        measure(steps=0)
    with pytest.raises(InputError, match="--networks has R19"):
        measure(["R18", "R19"])


@pytest.mark.parametrize("network", ["R18", "MobileNetV2"])
def test_the_yardstick_is_the_same_network(network):
    """Same weights, same logits: what is timed side by side is the same work."""
    torch = pytest.importorskip("torch", reason="PyTorch (extra `torch`) is not installed")
    theirs = make_torch_tsm(18, 7) if network == "R18" else make_torch_mobilenet_v2(7)
    theirs, ours = theirs.eval(), TSM(7, **NETWORKS[network], dropout=0.0)
    load_torch_state(ours, {name: value.numpy() for name, value in theirs.state_dict().items()})
    frames = np.random.default_rng(0).standard_normal((2, 8, 64, 64, 3), np.float32)
    with torch.no_grad():
        expected = theirs(
            torch.from_numpy(frames.reshape(16, 64, 64, 3)).permute(0, 3, 1, 2)
        ).numpy()
    logits = ours(tf.constant(frames))["logits"].numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-5 * np.abs(expected).max())
