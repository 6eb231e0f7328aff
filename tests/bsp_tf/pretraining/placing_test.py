"""Scores of positions that are read off maps."""

import numpy as np

from bsp_tf.pretraining.placing import placing_scores


def test_scores_are_those_of_the_samples_with_a_boundary():
    maps = np.array([[0, 9, 0, 0], [0, 0, 0, 8], [0, 0.5, 0, 0], [7, 0, 0, 0]], float)
    scores = placing_scores(maps, np.array([2.0, 2.0, -1.0, -1.0]))
    # 1.5 for 2, 3.5 for 2; both higher than one of the others, the higher one than both.
    assert scores == {"num_boundaries": 2, "median_error": 1.0, "within_1_frame": 0.5, "auc": 1.0}
    scores = placing_scores(maps, np.array([2.0, -1.0, 1.5, -1.0]))
    assert scores["median_error"] == 0.25 and scores["auc"] == 0.5
    nothing = placing_scores(maps, np.full(4, -1.0))
    assert nothing["median_error"] is nothing["within_1_frame"] is nothing["auc"] is None
