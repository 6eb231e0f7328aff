"""The scoring benchmark in small: its plain loops, its world, and what it returns."""

import numpy as np
import pytest

from benchmarks.scoring import format_costs, make_world, measure, of_classes, score_in_loops
from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.ground_truth import make_instances


def test_loops_follow_the_official_rule():
    """Hits 1, 0, 1, 0, 1 with four ground truths have an area of 0.5666..."""
    truth = make_instances(["v"] * 3 + ["w"], ["a"] * 4, [[0, 10], [20, 30], [40, 50], [0, 10]])
    segments = [[0, 10], [0, 9], [20, 30], [60, 70], [40, 50]]
    predictions = make_instances(["v"] * 5, ["a"] * 5, segments, [5, 4, 3, 2, 1])
    ap = score_in_loops(truth, predictions, np.array([0.5, 1.0]))
    assert ap == {"a": pytest.approx([(1 + 2 / 3 + 3 / 5) / 4] * 2)}


def test_world_has_the_sizes_asked_for():
    truth, predictions = make_world(videos=40, segments=61, classes=5, predictions_a_video=10)
    assert len(truth) == 61 and len(set(truth.video)) == 40 and set(truth.label) == set(range(5))
    assert np.bincount(predictions.video).tolist() == [10] * 40
    assert len(set(predictions.score)) == 400 and (np.diff(predictions.segment) >= 0).all()
    part = of_classes(truth, 2)
    assert len(part) == (truth.label < 2).sum() and part.class_names == ["class_0", "class_1"]


def test_measure():
    result = measure(videos=60, segments=90, classes=40, predictions_a_video=20, repeats=2)
    assert result["largest_difference"] <= 1e-9 and 0 < result["average_mAP"] < 1
    assert result["ours"]["predictions"] == 1200
    ratio = 1200 / result["loops_on_subset"]["predictions"]
    assert 10 < ratio < 40
    assert result["loops_scaled_seconds"] == pytest.approx(ratio * result["loops_on_subset"]["seconds"])
    assert "plain loops, scaled" in format_costs(result)
    with pytest.raises(InputError, match="--repeats=0"):
        measure(repeats=0)
