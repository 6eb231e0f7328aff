"""Draws of videos."""

import numpy as np

from bsp_tf.comparison.resamples import draw_weights


def test_each_resample_has_as_many_videos_and_favours_none():
    weights = draw_weights(20, 5000, np.random.default_rng(0))
    assert weights.shape == (5000, 20) and (weights.sum(axis=1) == 20).all()
    # The multiplicity of a video is binomial: mean 1, variance 0.95.
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=4 * np.sqrt(0.95 / 5000))
    np.testing.assert_allclose(weights.var(), 0.95, rtol=0.03)
    assert (weights[0] != weights[1]).any()
