"""Suppression against plain loops and against the reference's lists."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.gtad.decode import decode_proposals
from bsp_tf.localization.nms import METHODS, Suppression, suppress
from bsp_tf.localization.proposals import Proposals

# Few distinct numbers, so that ties, equal segments and segments of no length are common.
TIMES = st.integers(0, 12).map(lambda tick: tick / 12) | st.floats(0, 1)
SCORES = st.integers(0, 4).map(lambda tick: tick / 4) | st.floats(0, 1)
RULES = st.builds(
    Suppression,
    st.sampled_from(METHODS),
    width=st.floats(1e-3, 10),
    threshold=st.sampled_from([0, 0.25, 1 / 3, 0.5, 1]) | st.floats(0, 1),
    max_proposals=st.integers(1, 12),
    min_score=st.sampled_from([0, 0, 0.25]),
)
VOTING = st.sampled_from([0.25, 1 / 3, 0.5, 1]) | st.floats(1e-6, 1)


@st.composite
def proposals(draw, labelled=None):
    """A video's proposals; with labels or without, if that is not said."""
    rows = draw(st.lists(st.tuples(TIMES, TIMES, SCORES, st.integers(0, 2)), max_size=10))
    columns = np.array(rows, np.float64).reshape(-1, 4)
    has_labels = draw(st.booleans()) if labelled is None else labelled
    labels = columns[:, 3].astype(np.int64) if has_labels else None
    return Proposals(np.sort(columns[:, :2], axis=1), columns[:, 2], labels)


def plain_tiou(one, other):
    shared = max(min(one[1], other[1]) - max(one[0], other[0]), 0)
    union = (one[1] - one[0]) + (other[1] - other[0]) - shared
    return shared / union if union > 0 else 0


def plain_suppression(segments, scores, rule):
    """The definitions, one proposal at a time; returns [(index, score)]."""
    left = {i: float(score) for i, score in enumerate(scores)}
    picks = []
    while left and len(picks) < rule.max_proposals:
        best = max(left, key=lambda i: (left[i], -i))
        picks.append((best, left.pop(best)))
        for i in list(left):
            overlap = plain_tiou(segments[i], segments[best])
            length = segments[best][1] - segments[best][0]
            if rule.method == "hard":
                if overlap > rule.threshold:
                    del left[i]
            elif rule.method == "gaussian" or overlap > 0.5 + 0.4 * length:
                left[i] *= math.exp(-(overlap**2) / rule.width)
            if i in left and left[i] < rule.min_score:
                del left[i]
    return picks


def random_proposals(count, seed=0):
    rng = np.random.default_rng([count, seed])
    # Rounded scores make ties, rounded ends make segments of no length.
    return Proposals(np.sort(rng.random((count, 2)).round(2), axis=1), rng.random(count).round(2))


def check_against_plain_loops(videos, rule):
    for video, found in zip(videos, suppress(videos, rule), strict=True):
        picks = plain_suppression(video.segments.tolist(), video.scores, rule)
        np.testing.assert_array_equal(
            found.segments, video.segments[[i for i, _ in picks]].reshape(-1, 2)
        )
        np.testing.assert_allclose(found.scores, [score for _, score in picks], rtol=1e-12)


@given(st.lists(proposals(labelled=False), max_size=20), RULES)
def test_any_proposals_by_any_rule_are_as_in_the_plain_loop(videos, rule):
    check_against_plain_loops(videos, rule)


@given(st.lists(proposals(labelled=True), max_size=20), RULES)
def test_any_labels_are_as_if_each_were_a_video_of_its_own(videos, rule):
    for video, found in zip(videos, suppress(videos, rule), strict=True):
        merged = []
        for label in np.unique(video.labels):
            own = video.take(video.labels == label)
            for row, score in plain_suppression(own.segments.tolist(), own.scores, rule):
                merged.append((-score, label, *own.segments[row]))
        merged.sort(key=lambda one: one[:2])
        merged = np.array(merged[: rule.max_proposals]).reshape(-1, 4)
        np.testing.assert_allclose(found.scores, -merged[:, 0], rtol=1e-12)
        if rule.method == "hard":  # No score is lowered: equal ones have an order.
            np.testing.assert_array_equal(found.labels, merged[:, 1])
            np.testing.assert_array_equal(found.segments, merged[:, 2:])


@given(proposals(), RULES)
def test_scores_never_rise_and_nothing_is_made_up(video, rule):
    (found,) = suppress([video], rule)
    assert len(found.scores) <= min(rule.max_proposals, len(video.scores))
    assert (np.diff(found.scores) <= 0).all()
    labels = [None] * len(video.scores) if video.labels is None else video.labels.tolist()
    left = list(zip(video.segments.tolist(), labels, video.scores.tolist(), strict=True))
    labels = [None] * len(found.scores) if found.labels is None else found.labels.tolist()
    for segment, label, score in zip(found.segments.tolist(), labels, found.scores, strict=True):
        before = [row for row in left if row[:2] == (segment, label) and row[2] >= score]
        # The lowest that can be it: the others stay for those that lost less.
        left.remove(min(before, key=lambda row: row[2]))


@given(proposals(), RULES, VOTING)
def test_votes_are_counted_as_by_hand(video, rule, voting):
    (picked,) = suppress([video], rule)
    (moved,) = suppress([video], dataclasses.replace(rule, voting=voting))
    np.testing.assert_array_equal(moved.scores, picked.scores)
    for row, segment in enumerate(picked.segments):
        same = np.full(len(video.scores), True)
        if video.labels is not None:
            same = video.labels == picked.labels[row]
            assert moved.labels[row] == picked.labels[row]
        voters = [
            (plain_tiou(other, segment), score, other)
            for other, score in zip(video.segments[same], video.scores[same], strict=True)
        ]
        votes = [(overlap * score, other) for overlap, score, other in voters if overlap >= voting]
        total = sum(vote for vote, _ in votes)
        expected = segment if total == 0 else sum(vote * other for vote, other in votes) / total
        np.testing.assert_allclose(moved.segments[row], expected, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 2, 7, 99, 100, 101, 300])
def test_equals_the_plain_loop(method, count):
    check_against_plain_loops([random_proposals(count)], Suppression(method, width=0.4))
    check_against_plain_loops([random_proposals(count)], Suppression(method, threshold=0.3))


@pytest.mark.parametrize("method", METHODS)
def test_many_videos_of_all_sizes_at_once(method):
    videos = [random_proposals(count, seed=1) for count in (0, 40, 3, 0, 120, 1, *range(20, 60))]
    check_against_plain_loops(videos, Suppression(method, max_proposals=50))
    rule = Suppression(method)
    for video, found in zip(videos, suppress(videos, rule), strict=True):
        alone = suppress([video], rule)[0]
        np.testing.assert_array_equal(found.segments, alone.segments)
        np.testing.assert_array_equal(found.scores, alone.scores)


def test_no_proposal_is_dropped():
    """The reference stops at one proposal left: a video with up to 100 of them loses its last."""
    segments = np.array([[0.0, 0.3], [0.1, 0.4], [0.6, 0.9]])
    three, one = suppress(
        [Proposals(segments, np.array([0.2, 0.5, 0.9])), Proposals(segments[:1], np.array([0.7]))],
        Suppression(),
    )
    np.testing.assert_array_equal(three.segments, segments[::-1])
    assert one.segments.tolist() == [[0.0, 0.3]] and one.scores.tolist() == [0.7]


def test_nothing_in_nothing_out():
    (found,) = suppress([Proposals(np.zeros((0, 2)), np.zeros(0))], Suppression())
    assert found.segments.shape == (0, 2) and found.scores.shape == (0,)
    assert suppress([], Suppression()) == []


def test_a_score_of_zero_comes_through_however_narrow_the_gaussian():
    segments = np.tile([[0.2, 0.8]], (5, 1))
    (found,) = suppress(
        [Proposals(segments, np.array([0.5, 0.5, 0, 0.5, 0.5]))], Suppression(width=1e-4)
    )
    assert found.scores.tolist() == [0.5, 0, 0, 0, 0]


def test_inputs_are_left_alone():
    video = random_proposals(50)
    before = video.segments.copy(), video.scores.copy()
    suppress([video], Suppression())
    np.testing.assert_array_equal(video.segments, before[0])
    np.testing.assert_array_equal(video.scores, before[1])


def test_limit_and_falling_scores():
    (found,) = suppress([random_proposals(50)], Suppression(max_proposals=10))
    assert found.segments.shape == (10, 2) and (np.diff(found.scores) <= 0).all()


def test_zero_length_proposals_fade_nothing():
    segments = np.array([[0.5, 0.5], [0.5, 0.5], [0.2, 0.8]])
    (found,) = suppress([Proposals(segments, np.array([0.9, 0.8, 0.7]))], Suppression())
    np.testing.assert_array_equal(found.segments, segments)
    np.testing.assert_array_equal(found.scores, [0.9, 0.8, 0.7])


def test_wider_gaussian_fades_less():
    video = Proposals(np.array([[0.0, 1.0], [0.0, 0.9]]), np.array([1.0, 0.9]))
    narrow, wide = (
        suppress([video], Suppression(width=width))[0].scores[1] for width in (0.4, 0.8)
    )
    assert narrow == pytest.approx(0.9 * math.exp(-0.81 / 0.4))
    assert wide == pytest.approx(0.9 * math.exp(-0.81 / 0.8))


def test_long_proposals_spare_others_under_the_adaptive_rule():
    for begin, fades in ((0.0, False), (0.9, True)):
        video = Proposals(
            np.array([[begin, 1.0], [begin, begin + (1 - begin) * 0.8]]), np.array([1.0, 0.9])
        )
        assert (suppress([video], Suppression("adaptive"))[0].scores[1] < 0.9) == fades


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "none"},
        {"width": 0},
        {"width": math.inf},
        {"width": math.nan},
        {"threshold": 1.1},
        {"threshold": math.nan},
        {"max_proposals": 0},
    ],
)
def test_impossible_rules_are_refused(fields):
    with pytest.raises(InputError):
        Suppression(**fields)


def check_golden(found, golden):
    """The reference's first 100; it loses none here, since each video has 500 or more."""
    assert len(golden) == 100
    np.testing.assert_array_equal(np.round(found.segments * 100), np.round(golden[:, 1:] * 100))
    # NumPy 1.26 and 2 differ in the last digit of exp.
    np.testing.assert_allclose(found.scores, golden[:, 0], rtol=0, atol=4e-15)


def test_same_list_as_the_reference(testdata):
    golden = np.load(testdata / "gtad_post.npz")
    maps = (golden[key][:2] for key in ("iou_map", "start", "end"))
    for video, found in enumerate(suppress(decode_proposals(*maps), Suppression())):
        check_golden(found, golden["soft_nms"][video])


def test_same_list_as_the_reference_on_all_videos(shared):
    inputs = np.load(shared / "golden" / "gtad_post_inputs.npz")
    golden = np.load(shared / "golden" / "gtad_post_softnms.npz")
    maps = (inputs[key] for key in ("iou_map", "start", "end"))
    for video, found in enumerate(suppress(decode_proposals(*maps), Suppression())):
        check_golden(found, golden[f"v{video}"])


def test_labels_are_suppressed_apart_and_ranked_together():
    """As if each label were a video of its own, but for the number that is kept."""
    rng = np.random.default_rng(0)
    segments, scores = np.sort(rng.random((40, 2)), axis=1), rng.random(40)
    labels = rng.integers(0, 3, 40)
    rule = Suppression(max_proposals=12)
    (found,) = suppress([Proposals(segments, scores, labels)], rule)
    apart = [
        suppress([Proposals(segments[labels == k], scores[labels == k])], rule)[0] for k in range(3)
    ]
    everything = np.concatenate([part.scores for part in apart])
    np.testing.assert_array_equal(found.scores, np.sort(everything)[::-1][:12])
    for label, part in enumerate(apart):
        own = found.take(found.labels == label)
        np.testing.assert_array_equal(own.segments, part.segments[: len(own.scores)])
    (nothing,) = suppress([Proposals(segments[:0], scores[:0], labels[:0])], rule)
    assert len(nothing.scores) == 0


def test_voting_is_a_weighted_mean_of_all_that_overlap():
    video = Proposals(np.array([[0, 10], [0, 8], [5, 20]]), np.array([0.9, 0.5, 0.4]))
    (found,) = suppress([video], Suppression("hard", threshold=0.5, voting=0.8))
    expected = (0.9 * np.array([0, 10]) + 0.5 * 0.8 * np.array([0, 8])) / (0.9 + 0.5 * 0.8)
    np.testing.assert_allclose(found.segments, [expected, [5, 20]])
    assert found.scores.tolist() == [0.9, 0.4]
    labels = np.array([0, 1, 0])
    (found,) = suppress([video._replace(labels=labels)], Suppression("hard", voting=0.5))
    np.testing.assert_allclose(found.segments, video.segments)
    with pytest.raises(InputError, match="voting"):
        Suppression(voting=1.5)


def test_scores_that_fall_too_low_are_removed():
    video = Proposals(np.array([[0, 10], [0, 10], [20, 30]]), np.array([0.9, 0.5, 0.2]))
    (found,) = suppress([video], Suppression(width=0.5, min_score=0.1))
    assert found.scores.tolist() == [0.9, 0.2]


@pytest.mark.parametrize("unit", [0.125, 1, 300])
def test_the_adaptive_rule_holds_in_any_unit(unit):
    segments = np.array([[0.1, 0.2], [0.105, 0.205], [0.6, 0.9]])
    video = Proposals(segments * unit, np.array([0.9, 0.8, 0.5]))
    (found,) = suppress([video], Suppression("adaptive", video_length=unit))
    (expected,) = suppress([video._replace(segments=segments)], Suppression("adaptive"))
    assert expected.scores[-1] < 0.3
    np.testing.assert_allclose(found.scores, expected.scores)
