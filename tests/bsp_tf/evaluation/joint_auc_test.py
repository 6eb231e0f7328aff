"""AUC against counting all pairs; which snippets count as joints, by hand."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.joint_auc import (
    SCORE_NAMES,
    VideoSnippets,
    auc,
    collect_snippets,
    joint_auc_table,
    label_snippets,
    neighbour_distance,
    snippet_spans,
)


@pytest.mark.parametrize("seed", range(8))
def test_auc_equals_counting_all_pairs(seed):
    rng = np.random.default_rng(seed)
    # Few distinct values: many ties.
    positive, negative = (
        rng.integers(0, 6, rng.integers(1, 30)) + 1.0,
        rng.integers(0, 6, rng.integers(1, 60)) * 1.0,
    )
    wins = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    assert auc(positive, negative) == pytest.approx(np.mean(wins), abs=1e-12)


def test_auc_borders():
    assert auc(np.array([2.0, 3]), np.array([0.0, 1])) == 1
    assert auc(np.array([0.0]), np.array([1.0, 2])) == 0
    assert auc(np.ones(3), np.ones(5)) == 0.5
    assert auc(np.zeros(0), np.ones(5)) is None and auc(np.ones(5), np.zeros(0)) is None
    assert auc(np.array([np.inf]), np.array([1.0])) == 1
    with pytest.raises(InputError, match="NaN"):
        auc(np.array([np.nan]), np.array([1.0]))


def test_spans():
    assert snippet_spans(3, 8, 1, 8).tolist() == [[0, 7], [8, 15], [16, 23]]
    assert snippet_spans(2, 8, 2, 8).tolist() == [[0, 14], [8, 22]]
    assert snippet_spans(3, 8, 1, 8, num_frames=19).tolist() == [[0, 7], [8, 15], [16, 18]]
    assert snippet_spans(0, 8, 1, 8).shape == (0, 2)


SPANS = snippet_spans(
    8, 8, 1, 8
)  # 64 frames at 10 a second: snippet i shows .8 i to .8 (i + 1) seconds


def test_a_cut_inside_a_snippet():
    positive, negative = label_snippets(SPANS, 10.0, [(2.0, 2.0, "hard_cut")])
    assert np.flatnonzero(positive["hard_cut"]).tolist() == [2]
    # The neighbours 1 and 3 are left out.
    assert np.flatnonzero(negative).tolist() == [0, 4, 5, 6, 7]


def test_a_cut_between_two_snippets_is_in_neither():
    positive, negative = label_snippets(SPANS, 10.0, [(2.4, 2.4, "hard_cut")])
    assert not positive["hard_cut"].any()
    assert np.flatnonzero(negative).tolist() == [0, 1, 4, 5, 6, 7]


@pytest.mark.parametrize("fps", [10.0, 25.0, 29.97, 30.0])
def test_first_and_last_position_that_shows_both_sides(fps):
    for frame, inside in ((16, False), (17, True), (23, True), (24, False)):
        positive, _ = label_snippets(SPANS, fps, [(frame / fps, frame / fps, "x")])
        assert positive["x"][2] == inside, frame


def test_a_long_fade_leaves_out_all_it_touches():
    positive, negative = label_snippets(SPANS, 10.0, [(1.5, 3.3, "cross_fade")])
    assert not positive["cross_fade"].any()  # its middle, 2.4 s, lies between two snippets
    assert np.flatnonzero(negative).tolist() == [0, 5, 6, 7]
    positive, negative = label_snippets(SPANS, 10.0, [(1.7, 2.7, "cross_fade")])
    assert np.flatnonzero(positive["cross_fade"]).tolist() == [2]
    assert np.flatnonzero(negative).tolist() == [0, 4, 5, 6, 7]


def test_two_kinds_side_by_side():
    positive, negative = label_snippets(
        SPANS, 10.0, [(2.0, 2.0, "a"), (2.9, 2.9, "b"), (6.0, 6.0, "a")]
    )
    assert np.flatnonzero(positive["a"]).tolist() == [2, 7]
    assert np.flatnonzero(positive["b"]).tolist() == [3]
    assert np.flatnonzero(negative).tolist() == [0, 5]


def test_no_joints_all_negative():
    positive, negative = label_snippets(SPANS, 10.0, [])
    assert positive == {} and negative.all()


def test_table_by_kind_over_videos():
    good = np.zeros(8)
    good[2] = 1.0
    first = VideoSnippets(
        SPANS, 10.0, [(2.0, 2.0, "hard_cut")], {"good": good, "flat": np.zeros(8)}
    )
    second = VideoSnippets(
        SPANS, 10.0, [(2.0, 2.0, "motion_change")], {"good": -good, "flat": np.zeros(8)}
    )
    assert joint_auc_table([first, second]) == {
        "hard_cut": {"good": 1.0, "flat": 0.5},
        "motion_change": {"good": 0.0, "flat": 0.5},
        "all": {"good": 0.5, "flat": 0.5},
    }


def test_table_without_joints_or_positives():
    assert joint_auc_table([]) == {}
    assert joint_auc_table([VideoSnippets(SPANS, 10.0, [], {"s": np.zeros(8)})]) == {}
    between = VideoSnippets(SPANS, 10.0, [(2.4, 2.4, "hard_cut")], {"s": np.zeros(8)})
    assert joint_auc_table([between]) == {"hard_cut": {"s": None}, "all": {"s": None}}


def test_scores_must_fit():
    with pytest.raises(InputError, match=r"8 snippets .*'s': 7"):
        joint_auc_table([VideoSnippets(SPANS, 10.0, [], {"s": np.zeros(7)})])


def test_neighbour_distance():
    centre = np.array([1.0, 1.0])
    features = np.array([[2, 1], [2, 1], [1, 1], [0, 1], [0, 1]], float)
    # Centred: right, right, nothing, left, left. The snippet in the middle has right before and
    # left after.
    np.testing.assert_allclose(neighbour_distance(features, centre), [0, 0, 2, 0, 0])
    assert neighbour_distance(features[:1], centre) == [0]
    assert neighbour_distance(np.zeros((0, 2)), centre).shape == (0,)


class FakeStore:
    """Two videos; the second has no annotated joints."""

    metadata = {
        "window": 8, "frame_step": 1, "stride": 8, "boundary_labels": ["same_speed", "diff_class"],
        "videos": {name: {"fps": 10.0, "num_frames": 62} for name in ("one", "two")},
    }  # fmt: skip

    def load(self, video_id, streams):
        assert streams == ("action",)
        features = np.ones((8, 3), np.float32)
        features[3:, 0] = -1
        return features

    def load_probabilities(self, video_id):
        boundary = np.full((8, 2), [1.0, 0.0])
        boundary[2] = 0.5
        return {"boundary": boundary, "pixel_change": np.arange(8.0)}


def test_collects_the_three_scores():
    joint = {"segment": [2.0, 2.0], "kind": "hard_cut", "place": "background"}
    database = {"one": {"joints": [joint]}, "two": {}, "three": {"joints": []}}
    (video,) = collect_snippets(FakeStore(), database)
    assert list(video.scores) == list(SCORE_NAMES)
    assert video.scores["boundary"].tolist() == [0, 0, 0.5, 0, 0, 0, 0, 0]
    assert video.spans[-1].tolist() == [56, 61]
    assert video.joints == [(2.0, 2.0, "hard_cut")]
    table = joint_auc_table([video])
    assert table["hard_cut"]["boundary"] == 1.0 and table["hard_cut"]["action_distance"] == 1.0
    assert table["hard_cut"]["pixel_change"] == pytest.approx(1 / 5)


def test_features_of_another_model_are_refused():
    store = FakeStore()
    store.metadata = store.metadata | {"boundary_labels": ["a"]}
    with pytest.raises(InputError, match="same_speed"):
        collect_snippets(store, {})
