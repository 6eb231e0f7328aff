"""The scorer against the official rule in plain loops, its traps, and the official numbers."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scoring_loops import map_in_loops
from benchmarks.scoring_world import make_predictions
from bsp_tf.base.errors import InputError
from bsp_tf.evaluation import matching as module
from bsp_tf.evaluation.detection_map import (
    average_precision,
    detection_map,
    distinct_segments,
    localization_alone,
    with_true_classes,
)
from bsp_tf.evaluation.ground_truth import load_ground_truth, make_instances
from bsp_tf.evaluation.predictions import load_predictions
from bsp_tf.evaluation.thresholds import ACTIVITYNET_TIOU, THUMOS_TIOU


def truths(*rows):
    """Rows (video, label, start, end)."""
    return make_instances([r[0] for r in rows], [r[1] for r in rows], [r[2:4] for r in rows])


def predicted(*rows):
    """Rows (video, label, start, end, score)."""
    return make_instances(
        [r[0] for r in rows], [r[1] for r in rows], [r[2:4] for r in rows], [r[4] for r in rows]
    )


def plain_tiou(a, b):
    inter = max(min(a[1], b[1]) - max(a[0], b[0]), 0)
    union = (a[1] - a[0]) + (b[1] - b[0]) - inter
    return inter / union if union > 0 else 0.0


def plain_ap(truth_rows, predicted_rows, threshold):
    """Average precision of one class by the official procedure, one prediction at a time."""
    order = sorted(range(len(predicted_rows)), key=lambda i: (-predicted_rows[i][4], -i))
    taken, hits = set(), []
    for i in order:
        video, _, start, end, _ = predicted_rows[i]
        candidates = [
            (plain_tiou(row[2:4], (start, end)), j)
            for j, row in enumerate(truth_rows)
            if row[0] == video
        ]
        hit = False
        for value, j in sorted(candidates, reverse=True):
            if value < threshold:
                break
            if j not in taken:
                taken.add(j)
                hit = True
                break
        hits.append(hit)
    area = best = 0.0
    for rank in range(len(hits), 0, -1):
        best = max(best, sum(hits[:rank]) / rank)
        area += best / len(truth_rows) if hits[rank - 1] else 0
    return area


# Equal overlaps, exact thresholds, duplicates, unknown labels and videos, no length, reversed.
TICKS = st.integers(0, 12)
TRUTH_ROWS = st.tuples(st.sampled_from("uv"), st.sampled_from("ab"), TICKS, TICKS)
PREDICTED_ROWS = st.tuples(
    st.sampled_from("uvw"),
    st.sampled_from("abc"),
    TICKS,
    TICKS,
    st.integers(0, 4) | st.floats(0, 1),
)


@given(
    st.lists(TRUTH_ROWS, min_size=1, max_size=12),
    st.lists(PREDICTED_ROWS, max_size=25),
    st.lists(st.sampled_from([0.2, 0.25, 1 / 3, 0.5, 0.75, 1.0]), min_size=1, max_size=4),
    st.sampled_from([1, 3, 10]),
)
def test_any_world_is_scored_as_by_the_plain_procedure(truth_rows, predicted_rows, tiou, grid):
    truth_rows = [(*row[:2], *(tick / grid for tick in sorted(row[2:]))) for row in truth_rows]
    predicted_rows = [
        (*row[:2], row[2] / grid, row[3] / grid, float(row[4])) for row in predicted_rows
    ]
    scores = detection_map(truths(*truth_rows), predicted(*predicted_rows), np.array(tiou))
    assert set(scores.class_names) == {row[1] for row in truth_rows}
    for label, ap in zip(scores.class_names, scores.ap, strict=True):
        own = [[row for row in rows if row[1] == label] for rows in (truth_rows, predicted_rows)]
        assert ap == pytest.approx([plain_ap(*own, threshold) for threshold in tiou], abs=1e-12)
        # A stricter threshold finds no more.
        assert (np.diff(ap[np.argsort(tiou, kind="stable")]) <= 1e-12).all()
    assert scores.warnings.get("reversed_predictions", 0) == sum(
        row[3] < row[2] and row[1] in scores.class_names for row in predicted_rows
    )


def random_world(seed, videos=4, labels="abc", num_truths=30, num_predictions=150, grid=1):
    """Times on a coarse grid: equal overlaps, exact thresholds and duplicates are common."""
    rng = np.random.default_rng(seed)

    def rows(count, scored):
        for _ in range(count):
            start, length = rng.integers(0, 12), rng.integers(1, 6)
            row = (
                f"v{rng.integers(videos)}",
                str(rng.choice(list(labels))),
                start / grid,
                (start + length) / grid,
            )
            yield (*row, float(rng.integers(0, 40))) if scored else row

    return list(rows(num_truths, False)), list(rows(num_predictions, True))


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_plain_procedure(seed):
    truth_rows, predicted_rows = random_world(seed, grid=(1, 10)[seed % 2])
    tiou = np.array([0.2, 0.25, 1 / 3, 0.5, 0.75, 1.0])
    scores = detection_map(truths(*truth_rows), predicted(*predicted_rows), tiou)
    for label, ap in zip(scores.class_names, scores.ap, strict=True):
        own = [[row for row in rows if row[1] == label] for rows in (truth_rows, predicted_rows)]
        assert ap == pytest.approx([plain_ap(*own, threshold) for threshold in tiou], abs=1e-12)
    assert scores.mean_ap == pytest.approx(scores.ap.mean(axis=0))
    assert scores.average == pytest.approx(scores.ap.mean())


def test_chunks_of_pairs_do_not_change_the_result(monkeypatch):
    truth_rows, predicted_rows = random_world(99)
    whole = detection_map(truths(*truth_rows), predicted(*predicted_rows))
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 3)
    np.testing.assert_array_equal(
        detection_map(truths(*truth_rows), predicted(*predicted_rows)).ap, whole.ap
    )


def test_average_precision_by_hand():
    assert average_precision(np.array([0, 2, 4]), 4) == pytest.approx(0.5666666667, abs=1e-10)
    assert average_precision(np.zeros(0, int), 4) == 0
    assert average_precision(np.array([0, 1]), 2) == 1
    assert average_precision(np.array([1]), 2) == 0.25
    # Twice the weight: 2 / 2, then 4 / 5.
    assert average_precision(np.array([0, 2]), 2, true_weight=2) == pytest.approx(0.9)


def test_equality_matches():
    scores = detection_map(truths(("v", "a", 0, 10)), predicted(("v", "a", 0, 5, 1)), [0.5])
    assert scores.mean_ap == [1]


def test_a_taken_ground_truth_leaves_the_next_best():
    both = truths(("v", "a", 0, 10), ("v", "a", 1, 11))
    scores = detection_map(
        both, predicted(("v", "a", 0, 10, 0.9), ("v", "a", 0, 10, 0.8)), [0.5, 0.9]
    )
    np.testing.assert_allclose(scores.mean_ap, [1, 0.5])


def test_displaced_predictions_go_on_looking():
    """The first prediction takes what the second prefers, the second what the third prefers."""
    three = truths(("v", "a", 0, 10), ("v", "a", 1, 11), ("v", "a", 2, 12))
    rows = [("v", "a", 0, 10, 0.3), ("v", "a", 0, 10, 0.2), ("v", "a", 0, 10, 0.1)]
    assert detection_map(three, predicted(*rows[::-1]), [0.5]).mean_ap == [1]


def test_equal_scores_later_in_the_file_first():
    good, bad = ("v", "a", 0, 10, 0.5), ("v", "a", 50, 60, 0.5)
    assert detection_map(truths(good[:4]), predicted(bad, good), [0.5]).mean_ap == [1]
    assert detection_map(truths(good[:4]), predicted(good, bad), [0.5]).mean_ap == [0.5]


def test_class_without_predictions_scores_zero_and_counts():
    scores = detection_map(
        truths(("v", "a", 0, 1), ("v", "b", 0, 1)), predicted(("v", "a", 0, 1, 1)), [0.5]
    )
    assert scores.ap.tolist() == [[1], [0]] and scores.mean_ap == [0.5]
    assert scores.warnings == {"classes_without_predictions": 1}


def test_no_predictions_at_all():
    scores = detection_map(truths(("v", "a", 0, 1)), predicted())
    assert scores.average == 0 and scores.ap.shape == (1, 10)


def test_unknown_video_is_a_false_positive():
    rows = ("elsewhere", "a", 0, 1, 0.9), ("v", "a", 0, 1, 0.8)
    scores = detection_map(truths(("v", "a", 0, 1)), predicted(*rows), [0.5])
    assert scores.mean_ap == [0.5] and scores.warnings == {"predictions_for_unknown_video": 1}


def test_known_video_without_the_class_is_a_false_positive_without_a_note():
    world = truths(("v", "a", 0, 1), ("w", "b", 0, 1))
    scores = detection_map(
        world, predicted(("w", "a", 0, 1, 0.9), ("v", "a", 0, 1, 0.8), ("w", "b", 0, 1, 1)), [0.5]
    )
    assert scores.ap[0] == [0.5] and scores.warnings == {}


def test_unknown_label_is_ignored_and_counted():
    rows = ("v", "what", 0, 1, 0.9), ("v", "a", 0, 1, 0.8)
    scores = detection_map(truths(("v", "a", 0, 1)), predicted(*rows), [0.5])
    assert scores.mean_ap == [1] and scores.unknown_labels == ("what",)
    assert scores.warnings == {"predictions_with_unknown_label": 1}


def test_zero_length_against_zero_length_is_no_hit_and_counted():
    scores = detection_map(
        truths(("v", "a", 5, 5), ("v", "a", 0, 4)),
        predicted(("v", "a", 5, 5, 0.9), ("v", "a", 0, 4, 0.5)),
        [0.5],
    )
    assert scores.mean_ap == [0.25]
    assert scores.warnings == {"zero_length_ground_truths": 1, "undefined_overlaps": 1}


def test_reversed_prediction_is_no_hit_and_counted():
    rows = ("v", "a", 4, 0, 0.9), ("v", "a", 0, 4, 0.5)
    scores = detection_map(truths(("v", "a", 0, 4)), predicted(*rows), [0.5])
    assert scores.mean_ap == [0.5]
    assert scores.warnings == {"reversed_predictions": 1, "undefined_overlaps": 1}


@pytest.mark.parametrize("tiou", [[], [0], [1.1], [-0.5], [np.nan]])
def test_impossible_thresholds_are_refused(tiou):
    with pytest.raises(InputError, match="tIoU"):
        detection_map(truths(("v", "a", 0, 1)), predicted(), np.array(tiou, float))


def test_nothing_to_score_is_refused():
    with pytest.raises(InputError, match="no segment"):
        detection_map(truths(), predicted())
    with pytest.raises(InputError, match="no scores"):
        detection_map(truths(("v", "a", 0, 1)), truths(("v", "a", 0, 1)))


def test_result_as_json():
    scores = detection_map(truths(("v", "a", 0, 1)), predicted(("v", "a", 0, 1, 1)), [0.5, 0.75])
    assert json.loads(json.dumps(scores.to_json())) == {
        "tiou": [0.5, 0.75],
        "mAP": [1, 1],
        "average_mAP": 1,
        "ap": {"a": [1, 1]},
        "warnings": {},
    }


def test_many_identical_segments_stay_quick():
    """All predictions want all ground truths: the worst case of the matching."""
    rows = [("v", "a", 0, 10)] * 300
    scores = detection_map(truths(*rows), predicted(*[(*row, 1.0) for row in rows * 2]), [0.5])
    assert scores.mean_ap == [1]


def test_official_thumos_numbers(shared):
    golden = np.load(shared / "golden" / "map_thumos_30_70.npz")
    np.testing.assert_array_equal(golden["tiou"], THUMOS_TIOU)
    scores = detection_map(
        load_ground_truth(shared / "golden" / "thumos_gt.json.gz", "test"),
        load_predictions(shared / "golden" / "thumos_pred.json.gz"),
        THUMOS_TIOU,
    )
    assert scores.class_names == golden["classes"].tolist()
    np.testing.assert_allclose(scores.ap.T, golden["ap"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(scores.mean_ap, golden["mAP"], rtol=0, atol=1e-9)
    assert scores.average == pytest.approx(float(golden["average_mAP"]), abs=1e-9)


def test_official_activitynet_numbers(shared):
    """All scores are equal, and three classes differ because 0/0 is officially a hit."""
    golden = np.load(shared / "golden" / "map_anet13_sample.npz")
    np.testing.assert_array_equal(golden["tiou"], ACTIVITYNET_TIOU)
    scores = detection_map(
        load_ground_truth(shared / "golden" / "anet13_gt.json.gz", "validation"),
        load_predictions(shared / "golden" / "anet13_sample_pred.json.gz"),
    )
    assert scores.class_names == golden["classes"].tolist()
    assert scores.average == pytest.approx(float(golden["average_mAP"]), abs=1e-3)
    differing = np.abs(scores.ap.T - golden["ap"]).max(axis=0) > 1e-9
    assert differing.sum() == scores.warnings["undefined_overlaps"] == 3
    with gzip.open(shared / "golden" / "anet13_gt.json.gz") as file:
        database = json.load(file)["database"]
    points = {
        row["label"]
        for entry in database.values()
        if entry["subset"] == "validation"
        for row in entry["annotations"]
        if row["segment"][0] == row["segment"][1]
    }
    assert {scores.class_names[i] for i in np.flatnonzero(differing)} == points


@pytest.mark.parametrize(
    ("name", "subset", "tiou"),
    [
        ("anet13_gt.json.gz", "validation", ACTIVITYNET_TIOU),
        ("thumos_gt.json.gz", "test", THUMOS_TIOU),
    ],
)
def test_equals_the_plain_loops_on_real_annotations(shared, name, subset, tiou):
    truth = load_ground_truth(shared / "golden" / name, subset)
    predictions = make_predictions(truth, 20_000)
    scores = detection_map(truth, predictions, tiou)
    expected = map_in_loops(truth, predictions, tiou)
    np.testing.assert_allclose(
        scores.ap, [expected[label] for label in scores.class_names], rtol=0, atol=1e-9
    )
    assert 0.01 < scores.average < 0.99


def rows_of(instances):
    """Video, label, segment and score of each instance."""
    return [
        (instances.video_names[video], instances.class_names[label], *segment, score)
        for video, label, segment, score in zip(
            instances.video,
            instances.label,
            instances.segment.tolist(),
            instances.score.tolist(),
            strict=True,
        )
    ]


def test_a_segment_counts_once_with_its_highest_score():
    found = predicted(
        ("v", "a", 0, 5, 0.2), ("v", "b", 0, 5, 0.9), ("w", "a", 0, 5, 0.3), ("v", "a", 0, 6, 0.1)
    )
    assert rows_of(distinct_segments(found)) == [
        ("v", "b", 0, 5, 0.9),
        ("w", "a", 0, 5, 0.3),
        ("v", "a", 0, 6, 0.1),
    ]


def test_segments_take_every_class_of_their_video():
    truth = truths(("w", "b", 0, 1), ("v", "a", 0, 1), ("v", "b", 2, 3), ("v", "a", 4, 5))
    found = predicted(
        ("v", "x", 0, 5, 0.2),
        ("w", "a", 7, 9, 0.3),
        ("elsewhere", "a", 0, 1, 1.0),
        ("v", "b", 0, 5, 0.9),
    )
    assert sorted(rows_of(with_true_classes(truth, distinct_segments(found)))) == [
        ("v", "a", 0, 5, 0.9),
        ("v", "b", 0, 5, 0.9),
        ("w", "b", 7, 9, 0.3),
    ]


def test_localization_alone_is_what_a_perfect_classifier_gives():
    truth = truths(("v", "a", 0, 10), ("w", "b", 0, 10), ("w", "b", 20, 30))
    wrong = predicted(("v", "b", 0, 10, 0.9), ("w", "a", 0, 10, 0.8), ("w", "a", 20, 30, 0.7))
    assert detection_map(truth, wrong, [0.5]).average == 0
    alone = localization_alone(truth, wrong, np.array([0.5]))
    assert alone.mean_ap.tolist() == [1] and alone.recall.at(100) == 1
    nothing = localization_alone(truth, predicted(), np.array([0.5]))
    assert nothing.mean_ap.tolist() == [0] and nothing.recall.area == 0
