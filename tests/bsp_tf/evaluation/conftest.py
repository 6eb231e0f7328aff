"""Small worlds with many ties, exact thresholds and duplicates, for tests against plain loops."""

from collections.abc import Callable

import numpy as np
import pytest


def make_rows(
    seed: int,
    videos: int = 4,
    labels: str = "abc",
    num_truths: int = 30,
    num_predictions: int = 150,
    unique_scores: bool = False,
) -> tuple[list[tuple], list[tuple]]:
    """Rows (video, label, start, end) of ground truths, and with a score of predictions."""
    rng = np.random.default_rng(seed)
    scores = (
        rng.permutation(num_predictions) if unique_scores else rng.integers(0, 40, num_predictions)
    )
    rows = []
    for count in (num_truths, num_predictions):
        start, length = rng.integers(0, 12, count), rng.integers(1, 6, count)
        names = [f"v{i}" for i in rng.integers(videos, size=count)]
        rows.append(
            list(
                zip(
                    names,
                    rng.choice(list(labels), count).tolist(),
                    (start / 2).tolist(),
                    ((start + length) / 2).tolist(),
                    strict=True,
                )
            )
        )
    return rows[0], [(*row, float(score)) for row, score in zip(rows[1], scores, strict=True)]


@pytest.fixture(scope="session")
def small_world() -> Callable[..., tuple[list[tuple], list[tuple]]]:
    """`small_world(seed, ...)`, see `make_rows`."""
    return make_rows
