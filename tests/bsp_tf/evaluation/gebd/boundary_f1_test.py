"""F1 of boundaries: the definition worked out by hand, and a slow scorer on random data."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.gebd.boundary_f1 import RELATIVE_DISTANCES, VideoTruth, boundary_f1


def truth(*annotators, duration=10.0, consistency=1.0):
    columns = tuple(np.array(times, np.float64) for times in annotators)
    return VideoTruth(columns, duration, consistency)


def times(**found):
    return {name: np.array(column, np.float64) for name, column in found.items()}


def test_the_definition_by_hand():
    truths = {
        "two": truth([2, 5, 8], [2]),
        "silent": truth([5], [1, 2], duration=20.0),
        "missing": truth([3, 4], []),
        "unclear": truth([1], consistency=0.29),
        "just_clear": truth([], consistency=0.3),
    }
    found = times(two=[2.4, 4.0, 11.0], silent=[], unclear=[1.0, 2.0], stranger=[1.0])
    scores = boundary_f1(truths, found, np.array([0.05, 0.1]))
    # At .05 the reach in "two" is .5 s: 2.4 finds 2 of either annotator; 11 lies outside. The first
    # has P = 1/2, R = 1/3, F1 = .4, the second P = 1/2, R = 1, F1 = 2/3 and counts. At .1 it is
    # 1 s: 4.0 finds 5 too; the first has P = 1, R = 2/3, F1 = .8 and counts, the second still 2/3.
    # "silent" and "missing" lack what their first annotator has: 1 and 2 boundaries.
    assert scores.hits.tolist() == [1, 2]
    assert scores.num_truths.tolist() == [1 + 1 + 2, 3 + 1 + 2]
    assert (scores.num_predictions, scores.num_videos) == (2, 4)
    assert scores.precision.tolist() == [1 / 2, 1]
    assert scores.recall.tolist() == [1 / 4, 1 / 3]
    assert scores.f1.tolist() == pytest.approx([1 / 3, 1 / 2], abs=1e-15)
    assert scores.warnings == {
        "videos_of_low_consistency": 1,
        "videos_without_predictions": 2,
        "unknown_videos": 1,
        "predictions_outside_video": 1,
    }
    assert scores.names["videos_without_predictions"] == ["missing", "just_clear"]
    assert scores.names["predictions_outside_video"] == ["two"]
    written = scores.to_json()
    assert written["average_f1"] == pytest.approx(5 / 12)
    assert written["num_boundaries"] == [4, 6]


def test_the_grid_is_the_published_one():
    assert RELATIVE_DISTANCES.tolist() == [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]


def test_the_ends_of_a_video_belong_to_it():
    scores = boundary_f1({"v": truth([0, 10])}, times(v=[0, 10, 10.001, -0.001]))
    assert scores.num_predictions == 2 and scores.f1.tolist() == [1.0] * 10


def test_nothing_annotated_and_nothing_predicted():
    scores = boundary_f1({"v": truth([])}, times(v=[]))
    assert scores.recall.tolist() == [1.0] * 10
    assert scores.precision.tolist() == scores.f1.tolist() == [0.0] * 10


def test_an_annotation_outside_its_video_counts_and_is_told():
    scores = boundary_f1({"v": truth([5, 12])}, times(v=[5]))
    assert scores.num_truths[0] == 2
    assert scores.warnings == {"truths_outside_video": 1}


def test_what_cannot_be_scored():
    with pytest.raises(InputError, match="2 videos"):
        boundary_f1({"v": truth([1], consistency=0.2), "w": truth([1], consistency=0)}, {})
    with pytest.raises(InputError, match="annotator"):
        boundary_f1({"v": truth()}, {})


def score_in_loops(truths, found, distance):
    """(hits, truths, predictions) summed over the videos, straight from the rule."""
    sums = np.zeros(3, int)
    for name, video in truths.items():
        if video.consistency < 0.3:
            continue
        inside = [t for t in found.get(name, ()) if 0 <= t <= video.duration_seconds]
        best = None
        for annotated in video.annotators:
            free, hits = list(inside), 0
            for time in annotated:
                gaps = [abs(time - place) for place in free]
                if gaps and min(gaps) <= distance * video.duration_seconds:
                    del free[gaps.index(min(gaps))]
                    hits += 1
            precision = hits / len(inside) if inside else 0
            recall = hits / len(annotated) if len(annotated) else 1
            f1 = 2 * recall * precision / (recall + precision) if recall + precision else 0
            if best is None or f1 > best[0]:
                best = f1, hits, len(annotated)
        sums += [*best[1:], len(inside)]
    return sums


# Many equally near ones and gaps as long as the reach; some outside the video, some beyond numbers.
TIMES = st.lists(st.integers(-1, 23).map(lambda tick: tick / 2) | st.floats(0, 11), max_size=6)
TRUTHS = st.builds(
    lambda annotators, duration, consistency: truth(
        *annotators, duration=duration, consistency=consistency
    ),
    st.lists(TIMES, min_size=1, max_size=4),
    st.integers(8, 22).map(lambda tick: tick / 2) | st.floats(0.01, 11),
    st.sampled_from([0.2, 0.3, 0.9]),
)
VIDEOS = st.sampled_from("abcdef")


@given(st.dictionaries(VIDEOS, TRUTHS), TRUTHS, st.dictionaries(VIDEOS, TIMES))
def test_as_a_slow_scorer(truths, another, found):
    truths = truths | {"clear": dataclasses.replace(another, consistency=0.5)}
    found = times(**found)
    scores = boundary_f1(truths, found)
    for values in (scores.precision, scores.recall, scores.f1):
        assert (values >= 0).all() and (values <= 1).all()
    for place, distance in enumerate(RELATIVE_DISTANCES):
        hits, annotated, predicted = score_in_loops(truths, found, distance)
        assert scores.hits[place] == hits and scores.num_truths[place] == annotated
        assert scores.num_predictions == predicted


def test_ids_of_activitynets_files_are_those_of_the_ground_truth():
    truths = {"a": truth([2.0]), "b": truth([3.0])}
    scores = boundary_f1(truths, {"v_a": np.array([2.0]), "b": np.array([3.0])})
    assert scores.f1.tolist() == [1.0] * 10 and not scores.warnings
