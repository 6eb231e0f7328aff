"""Candidate segments out of score maps: the rule, its borders, and the reference's list."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.gtad.decode import boundary_candidates, decode_proposals


def decode_one(start, end, score_map):
    """The proposals of one video."""
    start, end, score_map = (np.asarray(array)[np.newaxis] for array in (start, end, score_map))
    (proposals,) = decode_proposals(score_map, start, end)
    return proposals


def test_candidates_are_strict_peaks_or_above_half_of_the_maximum():
    probability = np.array([0.3, 0.2, 0.3, 0.3, 0.1, 0.2, 0.1, 0.8, 0.4, 0.41, 0.45])
    # 2 and 3 are a plateau (no strict peak), 5 is a peak, 8 is half of the maximum, 9 and 10 more.
    assert np.flatnonzero(boundary_candidates(probability)).tolist() == [5, 7, 9, 10]


def test_the_ends_of_the_video_are_no_peaks():
    assert np.flatnonzero(boundary_candidates(np.array([0.4, 0.1, 1.0, 0.1, 0.4]))).tolist() == [2]


def test_equal_probabilities_are_all_candidates():
    assert boundary_candidates(np.full(5, 0.2)).all()
    assert not boundary_candidates(np.zeros(5)).any()


def test_first_start_and_last_end_are_always_there():
    scores = np.ones((2, 4, 4))
    segments = decode_one(np.zeros(4), np.zeros(4), scores).segments
    np.testing.assert_array_equal(segments, [[0, 0.75]])


def test_all_cells_that_end_inside_the_video_can_come_through():
    segments, scores, _ = decode_one(np.ones(100), np.ones(100), np.ones((2, 100, 100)))
    assert len(segments) == len(scores) == 4950
    assert segments.max() == 0.99
    assert (segments[:, 1] > segments[:, 0]).all()


def test_score_is_the_product_and_the_order_by_duration_then_start():
    rng = np.random.default_rng(0)
    score_map = rng.random((2, 3, 6)).astype(np.float32)
    segments, scores, _ = decode_one(np.ones(6), np.ones(6), score_map)
    expected = [
        (s / 6, (s + d + 1) / 6, float(score_map[0, d, s]) * float(score_map[1, d, s]))
        for d in range(3)
        for s in range(6)
        if s + d + 1 < 6
    ]
    np.testing.assert_allclose(np.column_stack([segments, scores]), expected, rtol=1e-12)


def test_inputs_are_left_alone():
    start, end = np.linspace(0, 1, 8), np.linspace(1, 0, 8)
    before = start.copy(), end.copy()
    decode_one(start, end, np.ones((2, 8, 8)))
    np.testing.assert_array_equal((start, end), before)


@pytest.mark.parametrize(
    "shapes",
    [
        ((8,), (8,), (2, 8, 7)),
        ((8,), (7,), (2, 8, 8)),
        ((8,), (8,), (8, 8)),
        ((8,), (8,), (3, 8, 8)),
        ((), (), (2, 1, 1)),
    ],
)
def test_wrong_shapes_are_refused(shapes):
    with pytest.raises(InputError, match="shapes"):
        decode_one(*map(np.ones, shapes))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", [0, 1, 2])
def test_nan_is_refused(where, bad):
    arrays = [np.ones(8), np.ones(8), np.ones((2, 8, 8))]
    arrays[where].flat[3] = bad
    with pytest.raises(InputError, match="NaN"):
        decode_one(*arrays)


def test_same_list_as_the_reference(testdata):
    golden = np.load(testdata / "gtad_post.npz")
    for video in range(2):
        segments, scores, _ = decode_one(
            golden["start"][video], golden["end"][video], golden["iou_map"][video]
        )
        cells = np.round(segments * 100)
        np.testing.assert_array_equal(cells, golden[f"proposal_cells{video}"])
        np.testing.assert_allclose(segments, cells / 100, atol=1e-15)
        assert scores.max() == pytest.approx(golden["soft_nms"][video, 0, 0], abs=1e-15)


def test_many_videos_at_once_are_as_one_by_one():
    rng = np.random.default_rng(1)
    maps = rng.random((5, 2, 4, 9)).astype(np.float32), *rng.random((2, 5, 9)).astype(np.float32)
    for video, found in enumerate(decode_proposals(*maps)):
        alone = decode_one(maps[1][video], maps[2][video], maps[0][video])
        np.testing.assert_array_equal(found.segments, alone.segments)
        np.testing.assert_array_equal(found.scores, alone.scores)
    assert decode_proposals(*(array[:0] for array in maps)) == []


def test_without_boundaries_all_cells_inside_the_video_come_through():
    maps = np.arange(24.0).reshape(1, 2, 3, 4)
    (alone,) = decode_proposals(maps)
    (gated,) = decode_proposals(maps, np.ones((1, 4)), np.ones((1, 4)))
    np.testing.assert_array_equal(alone.segments, gated.segments)
    np.testing.assert_array_equal(alone.scores, [0 * 12, 1 * 13, 2 * 14, 4 * 16, 5 * 17, 8 * 20])
    with pytest.raises(InputError, match="start and end"):
        decode_proposals(maps, np.ones((1, 4)))


def test_same_list_as_the_reference_on_all_videos(shared):
    inputs = np.load(shared / "golden" / "gtad_post_inputs.npz")
    golden = np.load(shared / "golden" / "gtad_post_proposals.npz")
    found = decode_proposals(inputs["iou_map"], inputs["start"], inputs["end"])
    for video, (segments, scores, _) in enumerate(found):
        expected = golden[f"v{video}"]
        np.testing.assert_array_equal(segments, expected[:, :2])
        np.testing.assert_allclose(scores, expected[:, 2] * expected[:, 3], rtol=1e-14)
    assert len(found) == 5
