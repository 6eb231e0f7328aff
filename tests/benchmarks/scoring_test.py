"""The scoring benchmark in small: its plain loops, its world, and what it returns."""

import importlib.util
import json

import numpy as np
import pytest

from benchmarks.scoring import format_costs, measure
from benchmarks.scoring_loops import map_in_frames, map_in_loops, recall_in_loops
from benchmarks.scoring_world import make_ground_truth, make_predictions, part_of
from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.ground_truth import make_instances

HAS_PANDAS = importlib.util.find_spec("pandas") is not None


@pytest.fixture
def world():
    """Hits 1, 0, 1, 0, 1 with four ground truths have an area of 0.5666..."""
    truth = make_instances(["v"] * 3 + ["w"], ["a"] * 4, [[0, 10], [20, 30], [40, 50], [0, 10]])
    segments = [[0, 10], [0, 9], [20, 30], [60, 70], [40, 50]]
    return truth, make_instances(["v"] * 5, ["a"] * 5, segments, [5, 4, 3, 2, 1])


def test_loops_follow_the_official_rule(world):
    assert map_in_loops(*world, np.array([0.5, 1.0])) == {
        "a": pytest.approx([(1 + 2 / 3 + 3 / 5) / 4] * 2)
    }


@pytest.mark.skipif(not HAS_PANDAS, reason="pandas is not installed")
def test_frames_follow_the_official_rule(world):
    assert map_in_frames(*world, np.array([0.5, 1.0])) == {
        "a": pytest.approx([(1 + 2 / 3 + 3 / 5) / 4] * 2)
    }


def test_recall_loops_by_hand(world):
    recall = recall_in_loops(*world, np.array([0.5]), most=1)
    # One proposal a video on average and all five in one of two: two are looked at, in steps; the
    # first finds one.
    assert recall[0, 0] == 0 and recall[0, 49] == recall[0, 99] == 0.25


def test_world_has_the_sizes_asked_for():
    truth = make_ground_truth(videos=40, segments=61, classes=5)
    predictions = make_predictions(truth, 399)
    assert len(truth) == 61 and len(set(truth.video)) == 40 and set(truth.label) == set(range(5))
    assert sorted(set(np.bincount(predictions.video))) == [9, 10] and len(predictions) == 399
    assert len(set(predictions.score)) == 399 and (np.diff(predictions.segment) > 0).all()
    part = part_of(truth, "label", 2)
    assert len(part) == (truth.label < 2).sum() and part.class_names == ["class_0", "class_1"]
    assert set(part_of(predictions, "video", 3).video) == {0, 1, 2}


def test_measure():
    result = measure(make_ground_truth(60, 90, 40), num_predictions=1200, repeats=2, scale=3)
    assert (
        result["largest_difference"] <= 1e-9
        and 0 < result["average_mAP"] < 1
        and 0 < result["AUC"] < 1
    )
    rows = result["rows"]
    assert (
        rows["detection_map"]["predictions"] == 1200
        and rows["detection_map, x3"]["predictions"] == 3600
    )
    assert result["growth"]["predictions"] == 3
    assert rows["python -m bsp_tf.evaluate"]["process_peak_megabytes"] > 10
    assert set(result["times_faster"]) == {"map in plain loops", "recall in plain loops"} | (
        {"map in pandas rows"} if HAS_PANDAS else set()
    )
    assert result["times_faster_scaled"]["recall in plain loops"] > 1
    assert "recall in plain loops" in format_costs(json.loads(json.dumps(result)))


def test_bad_repeats():
    with pytest.raises(InputError, match="--repeats=0"):
        measure(make_ground_truth(4, 4, 2), 100, repeats=0)
