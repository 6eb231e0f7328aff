"""AR@AN of resamples: the scorer's own numbers, and those of files that repeat the videos."""

import numpy as np
import pytest

from bsp_tf.comparison.resampled_recall import rank_proposals, recall_of_resamples
from bsp_tf.comparison.resamples import draw_weights
from bsp_tf.evaluation.ground_truth import make_instances
from bsp_tf.evaluation.proposal_recall import proposal_recall

TIOU = np.array([0.2, 0.5, 0.75, 1.0])


@pytest.mark.parametrize("most", [100, 8])
def test_all_videos_once_is_the_score_itself(odd_world, most):
    truth, found = odd_world
    once = np.ones((2, len(truth.video_names)), np.int32)
    ours = recall_of_resamples(rank_proposals(truth, found, TIOU, most), once)
    scored = proposal_recall(truth, found, TIOU, most)
    np.testing.assert_allclose(ours, [scored.average_recall] * 2, rtol=1e-14)


@pytest.mark.parametrize("most", [100, 8])
def test_a_resample_is_a_file_that_repeats_the_videos(odd_world, repeated, most):
    truth, found = odd_world
    weights = draw_weights(len(truth.video_names), 30, np.random.default_rng(5))
    ours = recall_of_resamples(rank_proposals(truth, found, TIOU, most), weights)
    for own, weight in zip(ours, weights.tolist(), strict=True):
        count_of = dict(zip(truth.video_names, weight, strict=True))
        slow = proposal_recall(repeated(truth, count_of), repeated(found, count_of), TIOU, most)
        np.testing.assert_allclose(own, slow.average_recall, rtol=1e-13)


def test_nothing_found_and_nothing_to_find():
    truth = make_instances(["v"], ["jump"], [[0, 1]], more_videos=["w"])
    found = make_instances(["w"], [""], [[0, 1]], [0.5])
    ours = recall_of_resamples(
        rank_proposals(truth, found, TIOU), np.array([[1, 1], [0, 2]], np.int32)
    )
    assert not ours[0].any() and np.isnan(ours[1]).all()
