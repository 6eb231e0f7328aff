"""Matching of boundaries: the rule by hand, and against plain loops."""

import numpy as np
import pytest

from bsp_tf.evaluation.gebd import matching


def count_one(annotated, predicted, reach):
    pair = (np.array(annotated, np.float64), np.array(predicted, np.float64))
    return matching.count_hits([pair], np.array([[reach]])).item()


@pytest.mark.parametrize(
    ("annotated", "predicted", "reach", "hits"),
    [
        ([2], [2.5], 0.5, 1),  # a gap as long as the reach is a hit
        ([2], [2.5], 0.49, 0),
        ([2, 2.2], [2.1], 1, 1),  # a predicted boundary is found once
        ([2], [1.9, 2.1], 1, 1),  # and so is an annotated one
        ([1, 2], [1.5, 3], 1, 2),
        ([2, 1], [1.5, 3], 1, 1),  # 2 takes 1.5, for which 1 had no other
        ([2, 1], [1.5, 2.5], 0.5, 1),  # equally near: the first
        ([2, 1], [2.5, 1.5], 0.5, 2),
        ([5, 2], [2], 1, 1),  # 5 is too far from 2, which stays free
        ([], [2], 1, 0),
        ([2], [], 1, 0),
    ],
)
def test_the_rule(annotated, predicted, reach, hits):
    assert count_one(annotated, predicted, reach) == hits


def count_in_loops(annotated, predicted, reach):
    free, hits = list(predicted), 0
    for time in annotated:
        nearest = min(free, key=lambda place: abs(place - time), default=np.inf)
        if abs(nearest - time) <= reach:
            free.remove(nearest)
            hits += 1
    return hits


@pytest.mark.parametrize("cells", [1, 500, matching.CELLS_AT_ONCE])
def test_as_plain_loops_whatever_is_looked_at_together(monkeypatch, cells):
    monkeypatch.setattr(matching, "CELLS_AT_ONCE", cells)
    rng = np.random.default_rng(1)
    # Few distinct times, so that equally near ones and gaps as long as the reach are common.
    pairs = [
        (rng.integers(0, 20, rng.integers(9)) / 2, rng.integers(0, 20, rng.integers(12)) / 2)
        for _ in range(400)
    ]
    reach = rng.integers(0, 6, (400, 3)) / 2
    expected = [
        [count_in_loops(*pair, distance) for distance in row]
        for pair, row in zip(pairs, reach, strict=True)
    ]
    assert matching.count_hits(pairs, reach).tolist() == expected
