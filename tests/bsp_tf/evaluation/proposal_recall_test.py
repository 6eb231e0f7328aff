"""AR@AN against the official procedure and against counting, its roundings, and odd inputs."""

import json
from fractions import Fraction

import numpy as np
import pytest

from benchmarks.scoring_loops import recall_in_loops
from benchmarks.scoring_world import make_predictions, part_of
from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.ground_truth import load_ground_truth, make_instances
from bsp_tf.evaluation.proposal_recall import proposal_recall

TIOU = np.array([0.2, 0.5, 0.75, 1.0])


def instances(truth_rows, rows):
    return (
        make_instances(
            *([row[i] for row in truth_rows] for i in (0, 1)), [row[2:4] for row in truth_rows]
        ),
        make_instances(
            *([row[i] for row in rows] for i in (0, 1)),
            [row[2:4] for row in rows],
            [row[4] for row in rows],
        ),
    )


def overlaps(truth, segments):
    values = []
    for start, end in segments:
        shared = max(min(truth[3], end) - max(truth[2], start), 0)
        union = (truth[3] - truth[2]) + (end - start) - shared
        values.append(shared / union if union > 0 else 0.0)
    return np.array(values)


def best_first(rows, video):
    own = [(row[4], index, row[2:4]) for index, row in enumerate(rows) if row[0] == video]
    return [segment for *_, segment in sorted(own, reverse=True)]


def official(truth_rows, rows, tiou, most):
    """The official procedure, video by video; [T, 100] recall and the 100 numbers of proposals."""
    videos = list(dict.fromkeys(row[0] for row in truth_rows))
    ratio = most * float(len(videos)) / len(rows)
    kept = {}
    for video in videos:
        segments = best_first(rows, video)
        kept[video] = segments[: min(int(len(segments) * ratio), len(segments))]
    total = sum(map(len, kept.values()))
    shares = np.arange(1, 101) / 100.0 * (most * float(len(videos)) / total)
    recall = np.zeros((len(tiou), 100))
    for row, threshold in zip(recall, tiou, strict=True):
        for j, share in enumerate(shares):
            for truth in truth_rows:
                segments = kept[truth[0]]
                segments = segments[: min(int(len(segments) * share), len(segments))]
                row[j] += (overlaps(truth, segments) >= threshold).any()
    return recall / len(truth_rows), shares * (float(total) / len(videos))


def exactly(truth_rows, rows, tiou, most):
    """The same by counting in fractions, without proposals for other videos."""
    videos = {row[0] for row in truth_rows}
    segments = {video: best_first(rows, video) for video in videos}
    mean = Fraction(sum(map(len, segments.values())), len(videos))
    recall = np.zeros((len(tiou), 100))
    for row, threshold in zip(recall, tiou, strict=True):
        for j in range(100):
            share = Fraction((j + 1) * most, 100) / mean
            for truth in truth_rows:
                own = segments[truth[0]]
                row[j] += (overlaps(truth, own[: int(len(own) * share)]) >= threshold).any()
    return recall / len(truth_rows)


@pytest.mark.parametrize("most", [1, 10, 100])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_plain_procedures(small_world, seed, most):
    truth_rows, rows = small_world(seed, videos=6, num_truths=9)
    rows = [row for row in rows if row[0] != "v1"]
    recall, numbers = official(truth_rows, rows, TIOU, most)
    scores = proposal_recall(*instances(truth_rows, rows), TIOU, most)
    np.testing.assert_allclose(scores.recall, recall, rtol=0, atol=1e-12)
    np.testing.assert_allclose(scores.proposals_per_video, numbers, rtol=0, atol=1e-12)
    steps = np.diff(numbers) * (recall.mean(0)[1:] + recall.mean(0)[:-1]) / 2
    assert scores.area == pytest.approx(steps.sum() / numbers[-1], abs=1e-12)
    exact = proposal_recall(*instances(truth_rows, rows), TIOU, most, exact=True)
    np.testing.assert_allclose(
        exact.recall, exactly(truth_rows, rows, TIOU, most), rtol=0, atol=1e-12
    )


def test_official_roundings_and_exact_counts():
    """Of 100 proposals only that of rank k finds: recall begins where more than k are used."""
    begins = {}
    for rank in (28, 56, 57):
        rows = [("v", "a", 500 + i, 501 + i, float(-i)) for i in range(100)]
        rows[rank] = ("v", "a", 0, 1, float(-rank))
        world = instances([("v", "a", 0, 1)], rows)
        begins[rank] = [
            int(np.argmax(proposal_recall(*world, [0.5], exact=exact).recall[0])) + 1
            for exact in (False, True)
        ]
    assert begins == {28: [30, 29], 56: [58, 57], 57: [59, 58]}


def test_proposals_elsewhere_thin_out_officially_only():
    rows = [("v", "a", 500, 501, 9.0), ("v", "a", 0, 1, 8.0)]
    world = instances([("v", "a", 0, 1)], rows + [("elsewhere", "a", 0, 1, 1.0)] * 2)
    official_scores, exact = (
        proposal_recall(*world, [0.5], 2, exact=value) for value in (False, True)
    )
    # Two of four rows: the ratio is a half, and of two proposals one is left.
    assert official_scores.average_recall[-1] == 0 and exact.average_recall[-1] == 1
    assert official_scores.warnings == {"proposals_for_unknown_video": 2}


def test_labels_play_no_part(small_world):
    truth_rows, rows = small_world(7)
    other = [(row[0], "z", *row[2:]) for row in rows]
    np.testing.assert_array_equal(
        proposal_recall(*instances(truth_rows, rows)).recall,
        proposal_recall(*instances(truth_rows, other)).recall,
    )


def test_at_and_json():
    world = instances(
        [("v", "a", 0, 1), ("w", "a", 0, 1)], [("v", "a", 0, 1, 1.0), ("v", "a", 5, 1, 0.5)]
    )
    scores = proposal_recall(*world, [0.5], max_proposals=1)
    assert scores.at(1) == 0.5 and scores.at(0.001) == 0 and scores.at(100) == 0.5
    assert scores.warnings == {"reversed_proposals": 1, "videos_without_proposals": 1}
    written = json.loads(json.dumps(scores.to_json()))
    assert (
        written["AUC"] == scores.area
        and len(written["average_recall"]) == len(written["recall"][0]) == 100
    )


def test_no_proposals_recall_nothing():
    world = instances([("v", "a", 0, 1)], [])
    for exact in (False, True):
        scores = proposal_recall(*world, exact=exact)
        assert scores.area == 0 and scores.warnings == {"videos_without_proposals": 1}
        assert (
            proposal_recall(world[0], instances([], [("w", "a", 0, 1, 1.0)])[1], exact=exact).area
            == 0
        )


def test_a_segment_without_length_is_never_found():
    scores = proposal_recall(*instances([("v", "a", 3, 3)], [("v", "a", 3, 3, 1.0)]), [0.5])
    assert scores.area == 0 and scores.warnings == {"zero_length_ground_truths": 1}


def test_nothing_to_score_is_refused():
    truths, proposals = instances([("v", "a", 0, 1)], [("v", "a", 0, 1, 1.0)])
    for arguments, words in (
        ((truths, truths), "no scores"),
        ((instances([], [])[0], proposals), "no segment"),
        ((truths, proposals, [2.0]), "tIoU"),
        ((truths, proposals, [0.5], 0), "0 proposals"),
    ):
        with pytest.raises(InputError, match=words):
            proposal_recall(*arguments)


@pytest.mark.parametrize(
    ("name", "subset", "videos"),
    [("anet13_gt.json.gz", "validation", 150), ("thumos_gt.json.gz", "test", 60)],
)
def test_equals_the_official_procedure_on_real_annotations(shared, name, subset, videos):
    truth = part_of(load_ground_truth(shared / "golden" / name, subset), "video", videos)
    proposals = make_predictions(truth, 100 * videos)
    scores = proposal_recall(truth, proposals, TIOU[:2])
    np.testing.assert_allclose(
        scores.recall, recall_in_loops(truth, proposals, TIOU[:2]), rtol=0, atol=1e-9
    )
    assert 0.1 < scores.area < 1
