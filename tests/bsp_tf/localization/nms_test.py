"""Soft-NMS against a plain loop and against the reference's lists."""

import math

import numpy as np
import pytest

from bsp_tf.localization.nms import soft_nms
from bsp_tf.localization.proposals import decode_proposals


def plain_soft_nms(segments, scores, width, limit):
    """The definition, one proposal at a time; returns [(index, score)]."""
    left = {i: float(score) for i, score in enumerate(scores)}
    picks = []
    while left and len(picks) < limit:
        best = max(left, key=lambda i: (left[i], -i))
        picks.append((best, left.pop(best)))
        for i in left:
            inter = max(min(segments[i][1], segments[best][1]) - max(segments[i][0], segments[best][0]), 0)
            union = segments[i][1] - segments[i][0] + segments[best][1] - segments[best][0] - inter
            left[i] *= math.exp(-((inter / union) ** 2) / width) if union > 0 else 1
    return picks


@pytest.mark.parametrize("count", [1, 2, 7, 99, 100, 101, 300])
def test_equals_the_plain_loop(count):
    rng = np.random.default_rng(count)
    segments = np.sort(rng.random((count, 2)), axis=1)
    # Rounded scores make ties.
    scores = rng.random(count).round(2)
    expected = plain_soft_nms(segments.tolist(), scores, 0.8, 100)
    index, faded = soft_nms(segments, scores)
    assert index.tolist() == [i for i, _ in expected]
    np.testing.assert_allclose(faded, [score for _, score in expected], rtol=1e-12)


def test_no_proposal_is_dropped():
    """The reference stops at one proposal left, so a video with up to 100 of them loses its last one."""
    segments = np.array([[0.0, 0.3], [0.1, 0.4], [0.6, 0.9]])
    index, _ = soft_nms(segments, np.array([0.2, 0.5, 0.9]))
    assert index.tolist() == [2, 1, 0]
    index, scores = soft_nms(segments[:1], np.array([0.7]))
    assert index.tolist() == [0] and scores.tolist() == [0.7]


def test_nothing_in_nothing_out():
    index, scores = soft_nms(np.zeros((0, 2)), np.zeros(0))
    assert index.shape == scores.shape == (0,)


def test_limit_and_falling_scores():
    rng = np.random.default_rng(3)
    segments = np.sort(rng.random((50, 2)), axis=1)
    index, scores = soft_nms(segments, rng.random(50), max_proposals=10)
    assert len(index) == len(set(index.tolist())) == 10
    assert (np.diff(scores) <= 0).all()


def test_zero_length_proposals_fade_nothing():
    segments = np.array([[0.5, 0.5], [0.5, 0.5], [0.2, 0.8]])
    index, scores = soft_nms(segments, np.array([0.9, 0.8, 0.7]))
    assert index.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(scores, [0.9, 0.8, 0.7])


def test_wider_gaussian_fades_less():
    segments, scores = np.array([[0.0, 1.0], [0.0, 0.9]]), np.array([1.0, 0.9])
    narrow, wide = (soft_nms(segments, scores, width=width)[1][1] for width in (0.4, 0.8))
    assert narrow == pytest.approx(0.9 * math.exp(-0.81 / 0.4))
    assert wide == pytest.approx(0.9 * math.exp(-0.81 / 0.8))


def check_golden(segments, scores, golden):
    """The reference's first 100. Its lost proposal never shows here: each of the videos has 500 or more."""
    index, faded = soft_nms(segments, scores)
    assert len(golden) == 100
    np.testing.assert_array_equal(np.round(segments[index] * 100), np.round(golden[:, 1:] * 100))
    np.testing.assert_allclose(faded, golden[:, 0], rtol=0, atol=1e-15)


def test_same_list_as_the_reference(testdata):
    golden = np.load(testdata / "gtad_post.npz")
    for video in range(2):
        maps = (golden[key][video] for key in ("start", "end", "iou_map"))
        check_golden(*decode_proposals(*maps), golden["soft_nms"][video])


def test_same_list_as_the_reference_on_all_videos(shared):
    inputs = np.load(shared / "golden" / "gtad_post_inputs.npz")
    golden = np.load(shared / "golden" / "gtad_post_softnms.npz")
    for video in range(5):
        maps = (inputs[key][video] for key in ("start", "end", "iou_map"))
        check_golden(*decode_proposals(*maps), golden[f"v{video}"])
