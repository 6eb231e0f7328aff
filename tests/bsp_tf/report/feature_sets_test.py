"""The comparison is of the detections that were scored, or there is none."""

import pytest

from bsp_tf.evaluation.detection_map import detection_map
from bsp_tf.evaluation.ground_truth import load_ground_truth
from bsp_tf.evaluation.predictions import load_predictions
from bsp_tf.evaluation.thresholds import ACTIVITYNET_TIOU
from bsp_tf.report.feature_sets import compare_feature_sets
from bsp_tf.report.sources import Sources


@pytest.fixture
def sources(results_root):
    return Sources.under(results_root)


@pytest.fixture
def averages(sources):
    """Average mAP of each stream, scored from its detections."""
    truths = load_ground_truth(sources.annotations, "validation")
    return {
        stream: detection_map(truths, load_predictions(path)).average
        for stream, path in sources.detections.items()
    }


def test_difference_of_the_scores(sources, averages):
    found = compare_feature_sets(sources, ACTIVITYNET_TIOU.tolist(), averages)
    value = averages["two_stream"] - averages["action"]
    assert found["average mAP"].value == pytest.approx(value) and found.num_videos == 3


def test_scores_of_other_detections(sources, averages):
    averages["action"] += 0.001
    assert compare_feature_sets(sources, ACTIVITYNET_TIOU.tolist(), averages) is None


def test_without_detections(sources, averages):
    sources.detections["action"].unlink()
    assert compare_feature_sets(sources, ACTIVITYNET_TIOU.tolist(), averages) is None
