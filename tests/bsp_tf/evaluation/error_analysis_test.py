"""The error analysis against its definitions as plain loops, and by hand."""

import dataclasses
import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.characteristics import split
from bsp_tf.evaluation.error_analysis import KINDS, LIMIT, analyze_errors
from bsp_tf.evaluation.ground_truth import load_ground_truth, make_instances
from bsp_tf.evaluation.predictions import load_predictions

DURATION = 10.0


def instances(truth_rows, rows):
    truths = make_instances(
        *([row[i] for row in truth_rows] for i in (0, 1)), [row[2:4] for row in truth_rows]
    )
    truths = dataclasses.replace(truths, duration=dict.fromkeys(truths.video_names, DURATION))
    return truths, make_instances(
        *([row[i] for row in rows] for i in (0, 1)),
        [row[2:4] for row in rows],
        [row[4] for row in rows],
    )


def plain_tiou(a, b):
    shared = max(min(a[3], b[3]) - max(a[2], b[2]), 0)
    return shared / ((a[3] - a[2]) + (b[3] - b[2]) - shared)


class Plain:
    """One threshold, one prediction at a time."""

    def __init__(self, truth_rows, rows, threshold):
        self.truths, self.threshold = truth_rows, threshold
        self.classes = sorted({row[1] for row in truth_rows})
        self.sizes = {name: sum(row[1] == name for row in truth_rows) for name in self.classes}
        self.average = sum(self.sizes.values()) / len(self.classes)
        self.ranked, self.found = {}, {}
        for name in self.classes:
            own = sorted(
                (i for i, row in enumerate(rows) if row[1] == name), key=lambda i: (-rows[i][4], -i)
            )
            self.ranked[name], taken = [rows[i] for i in own], set()
            self.found[name] = []
            for row in self.ranked[name]:
                candidates = sorted(
                    (
                        (plain_tiou(truth, row), j)
                        for j, truth in enumerate(truth_rows)
                        if truth[:2] == row[:2] and j not in taken
                    ),
                    reverse=True,
                )
                hit = candidates[0][1] if candidates and candidates[0][0] >= threshold else None
                taken.add(hit)
                self.found[name].append(hit)

    def kind(self, name, place):
        row = self.ranked[name][place]
        if self.found[name][place] is not None:
            return "true_positive"
        best = max(
            (
                (plain_tiou(truth, row), truth[1] == name)
                for truth in self.truths
                if truth[0] == row[0]
            ),
            default=(0, False),
        )
        if best[0] < 0.1:
            return "background"
        if best[0] >= self.threshold:
            return "double_detection" if best[1] else "wrong_label"
        return "localization" if best[1] else "confusion"

    def map_n(self, keep, members=None):
        """Mean AP_N over the classes of `members`, of predictions where keep(class, place)."""
        members = set(range(len(self.truths))) if members is None else members
        total, classes = 0.0, 0
        for name in self.classes:
            size = sum(self.truths[j][1] == name for j in members)
            if not size:
                continue
            hits = [
                hit
                for place, hit in enumerate(self.found[name])
                if keep(name, place) and (hit is None or hit in members)
            ]
            precision, true = [], 0
            for place, hit in enumerate(hits):
                true += hit is not None
                recall = true / size
                false = place + 1 - true
                precision.append(
                    recall * self.average / (recall * self.average + false) if true else 0
                )
            total += sum(
                max(precision[place:]) / size for place, hit in enumerate(hits) if hit is not None
            )
            classes += 1
        return total / classes

    def missed(self):
        """Ground truths that no prediction found with normalized precision above .05."""
        found = set()
        for name in self.classes:
            true = 0
            for place, hit in enumerate(self.found[name]):
                if hit is not None:
                    true += 1
                    recall = true / self.sizes[name]
                    if recall * self.average / (recall * self.average + place + 1 - true) > 0.05:
                        found.add(hit)
        return set(range(len(self.truths))) - found


TIOU = np.array([0.3, 0.5, 0.75])


@pytest.mark.parametrize("seed", range(6))
def test_equals_the_plain_definitions(small_world, seed):
    # Few ground truths, so that ten times as many predictions leave some out; many classes that
    # confuse.
    truth_rows, rows = small_world(seed, num_truths=(4, 14)[seed % 2], num_predictions=260)
    truths, predictions = instances(truth_rows, rows)
    result = analyze_errors(truths, predictions, TIOU, "quintiles")
    plains = [Plain(truth_rows, rows, threshold) for threshold in TIOU]

    counts = np.zeros((LIMIT, len(KINDS)))
    for plain in plains:
        for name, size in plain.sizes.items():
            for place in range(min(LIMIT * size, len(plain.ranked[name]))):
                counts[place // size, KINDS.index(plain.kind(name, place))] += 1 / len(TIOU)
    assert result.counted.tolist() == counts.sum(axis=1).round().astype(int).tolist()
    np.testing.assert_allclose(result.profile * result.counted[:, np.newaxis], counts, atol=1e-9)
    np.testing.assert_allclose(result.shares, counts.sum(axis=0) / counts.sum(), atol=1e-12)

    def mean(call):
        return pytest.approx(np.mean([call(plain) for plain in plains]), abs=1e-12)

    assert result.average_map_n == mean(
        lambda p: p.map_n(lambda name, place: place < LIMIT * p.sizes[name])
    )
    for kind, gain in result.gain.items():
        assert result.average_map_n + gain == mean(
            lambda p, kind=kind: p.map_n(
                lambda name, place: place < LIMIT * p.sizes[name] and p.kind(name, place) != kind
            )
        )
    assert result.all_average_map_n == mean(lambda p: p.map_n(lambda name, place: True))
    assert result.missed == mean(lambda p: len(p.missed()) / len(truth_rows))
    for name, groups in split(truths, "quintiles").items():
        assert len(groups) == len(result.groups[name]) > 0
        for group, row in zip(groups, result.groups[name], strict=True):
            members = set(np.flatnonzero(group.members).tolist())
            assert row["ground_truths"] == len(members)
            assert row["missed"] == mean(lambda p, own=members: len(p.missed() & own) / len(own))
            assert row["average_mAP_N"] == mean(
                lambda p, own=members: p.map_n(lambda name, place: True, own)
            )


def test_each_kind_by_hand():
    truth_rows = [("v", "a", 0, 10), ("v", "b", 20, 30), ("w", "a", 0, 10)]
    rows = [
        ("v", "a", 0, 10, 9),
        ("v", "a", 0, 9, 8),
        ("v", "a", 20, 30, 7),
        ("v", "a", 5, 12, 6),
        ("v", "a", 26, 34, 5),
        ("v", "a", 50, 60, 4),
        ("elsewhere", "a", 0, 10, 3),
    ]
    result = analyze_errors(*instances(truth_rows, rows), [0.5])
    # Two ground truths of the class: two predictions a row.
    assert [[KINDS[i] for i in np.flatnonzero(row)] for row in result.profile[:4]] == [
        ["true_positive", "double_detection"],
        ["wrong_label", "localization"],
        ["confusion", "background"],
        ["background"],
    ]
    assert result.counted.tolist() == [2, 2, 2, 1] + [0] * 6
    assert result.missed == pytest.approx(2 / 3)
    assert all(gain >= 0 for gain in result.gain.values())


def test_segments_without_length_and_reversed_predictions():
    truths, predictions = instances(
        [("v", "a", 0, 1), ("v", "a", 3, 3), ("v", "b", 4, 4)],
        [("v", "a", 0, 1, 2), ("v", "b", 4, 4, 1), ("v", "a", 1, 0, 1)],
    )
    result = analyze_errors(truths, predictions, [0.5])
    assert result.missed == 0 and result.counted.sum() == 2
    assert result.all_average_map_n == result.average_map_n == 1


def test_without_predictions_and_durations():
    truths, predictions = instances([("v", "a", 0, 1)], [])
    result = analyze_errors(dataclasses.replace(truths, duration={}), predictions, [0.5, 0.6])
    assert result.missed == 1 and result.shares.tolist() == [0] * 6 and result.without_duration == 1
    assert all(row["missed"] is None for row in result.groups["coverage"])
    assert (
        json.loads(json.dumps(result.to_json(), allow_nan=False))["ground_truths"]["length"][0][
            "missed"
        ]
        == 1
    )


def test_bad_requests():
    truths, predictions = instances([("v", "a", 0, 1)], [("v", "a", 0, 1, 1)])
    point = instances([("v", "a", 1, 1)], [])[0]
    for arguments, words in (
        ((truths, predictions, [0.1]), "above 0.1"),
        ((truths, truths, [0.5]), "no scores"),
        ((point, predictions, [0.5]), "with a length"),
        ((truths, predictions, [0.5], "none"), "scale"),
    ):
        with pytest.raises(InputError, match=words):
            analyze_errors(*arguments)


def test_thumos_numbers_agree_with_its_recall(shared):
    """Without limits on rank and precision the missed share is one minus the recall."""
    truths = load_ground_truth(shared / "golden" / "thumos_gt.json.gz", "test")
    predictions = load_predictions(shared / "golden" / "thumos_pred.json.gz")
    result = analyze_errors(truths, predictions, [0.5], "thumos14")
    assert result.profile.sum(axis=1) == pytest.approx(np.ones(LIMIT))
    rows = result.groups["length"]
    assert sum(row["missed"] * row["ground_truths"] for row in rows) == pytest.approx(
        result.missed * len(truths)
    )
