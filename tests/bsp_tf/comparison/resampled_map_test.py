"""mAP of resamples: the scorer's own numbers, and those of files that repeat the videos."""

import numpy as np
import pytest

from bsp_tf.comparison import resampled_map as module
from bsp_tf.comparison.resampled_map import map_of_resamples, match_detections
from bsp_tf.comparison.resamples import draw_weights
from bsp_tf.evaluation.detection_map import detection_map
from bsp_tf.evaluation.ground_truth import make_instances
from bsp_tf.evaluation.thresholds import ACTIVITYNET_TIOU

TIOU = np.array([0.2, 0.5, 0.75, 1.0])


def test_all_videos_once_is_the_score_itself(odd_world):
    truth, found = odd_world
    matched = match_detections(truth, found, TIOU)
    scored = detection_map(truth, found, TIOU)
    once = np.ones((2, len(truth.video_names)), np.int32)
    np.testing.assert_array_equal(map_of_resamples(matched, once), [scored.mean_ap] * 2)
    of_video = np.ones((matched.num_videos + 1, 1), np.int32)
    for ranked, ap in zip(matched.classes, scored.ap, strict=True):
        areas = module._areas(ranked, of_video)[:, 0] / len(ranked.truth_video)
        np.testing.assert_array_equal(areas, ap)


def test_a_resample_is_a_file_that_repeats_the_videos(odd_world, repeated):
    truth, found = odd_world
    weights = draw_weights(len(truth.video_names), 40, np.random.default_rng(3))
    ours = map_of_resamples(match_detections(truth, found, TIOU), weights)
    assert weights.max() >= 2 and weights.min() == 0
    for own, weight in zip(ours, weights.tolist(), strict=True):
        count_of = dict(zip(truth.video_names, weight, strict=True))
        slow = detection_map(repeated(truth, count_of), repeated(found, count_of), TIOU)
        np.testing.assert_allclose(own, slow.mean_ap, rtol=1e-12, atol=1e-15)


def test_blocks_do_not_change_the_numbers(odd_world, monkeypatch):
    truth, found = odd_world
    weights = draw_weights(len(truth.video_names), 11, np.random.default_rng(0))
    matched = match_detections(truth, found, TIOU)
    whole = map_of_resamples(matched, weights)
    monkeypatch.setattr(module, "WEIGHTS_AT_ONCE", 200)
    np.testing.assert_array_equal(map_of_resamples(matched, weights), whole)


def test_many_detections_give_the_scorers_numbers(world):
    truth, (found,) = world(np.random.default_rng(1), 300, (1.0,))
    matched = match_detections(truth, found, ACTIVITYNET_TIOU)
    ours = map_of_resamples(matched, np.ones((1, 300), np.int32))[0]
    np.testing.assert_array_equal(ours, detection_map(truth, found, ACTIVITYNET_TIOU).mean_ap)


def test_without_ground_truth_there_is_no_score():
    truth = make_instances(["v"], ["jump"], [[0, 1]], more_videos=["w"])
    found = make_instances(["v", "w"], ["jump"] * 2, [[0, 1], [2, 3]], [0.5, 0.9])
    matched = match_detections(truth, found, np.array([0.5]))
    ours = map_of_resamples(matched, np.array([[0, 2], [2, 0], [1, 1]], np.int32))
    np.testing.assert_array_equal(ours[:, 0], [np.nan, 1, 0.5])


@pytest.mark.parametrize("known", [True, False])
def test_without_detections_the_score_is_0(known):
    truth = make_instances(["v", "w"], ["jump"] * 2, [[0, 1]] * 2)
    found = make_instances(["v"] * known, ["run"] * known, [[0, 1]] * known, [0.5] * known)
    matched = match_detections(truth, found, TIOU)
    assert not map_of_resamples(matched, np.array([[2, 0]], np.int32)).any()
