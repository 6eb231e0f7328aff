"""Candidate segments of a video: what every head decodes to and suppression takes. NumPy only."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Proposals(NamedTuple):
    """Candidate segments of one video.

    Attributes:
        segments: float64 [n, 2], start and end.
        scores: float64 [n], not negative.
        labels: int64 [n], classes of the run (labels.txt); None if the head names no classes.
    """

    segments: np.ndarray
    scores: np.ndarray
    labels: np.ndarray | None = None

    def take(self, rows: np.ndarray | slice) -> "Proposals":
        """Those of the given rows: ints or bool [n], in that order."""
        labels = None if self.labels is None else self.labels[rows]
        return Proposals(self.segments[rows], self.scores[rows], labels)


def join(parts: Sequence[Proposals]) -> Proposals:
    """All proposals of one or more parts, which have labels all or none."""
    segments, scores, labels = zip(*parts, strict=True)
    return Proposals(
        np.concatenate(segments),
        np.concatenate(scores),
        None if labels[0] is None else np.concatenate(labels),
    )
