"""Suppression of overlapping proposals, for many videos at once. NumPy only.

Three ways for a proposal to lose score to a better one that it overlaps by tIoU t:

    gaussian   it keeps exp(-t^2 / width) of it (soft-NMS, Bodla et al., ICCV 2017; G-TAD uses
               width 0.8 on ActivityNet and 0.46 on THUMOS14)
    adaptive   the same, but only where t exceeds 0.5 + 0.4 * length of the better one, so that
               long proposals spare others (BMN, Lin et al., ICCV 2019, which uses width 0.4);
               lengths are fractions of the video
    hard       it is removed where t exceeds a threshold

Proposals that have labels lose score only to those of the same label. With voting, each that comes
through is then moved to the mean of all proposals that overlap it much, weighted by score and tIoU.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.segments import tiou
from bsp_tf.localization.proposals import Proposals, join

METHODS = ("gaussian", "adaptive", "hard")
GAUSSIAN_WIDTH = 0.8
MAX_PROPOSALS = 100
HARD_THRESHOLD = 0.65
# BMN's tIoU above which a proposal fades: for the shortest better one, for one of the whole video.
ADAPTIVE_LOW, ADAPTIVE_HIGH = 0.5, 0.9
# Videos worked on at once: enough to hide the cost of a NumPy call, few enough for the cache.
BLOCK = 16
# A score that is no longer there.
GONE = -1.0


@dataclasses.dataclass(frozen=True)
class Suppression:
    """How proposals are suppressed.

    Attributes:
        method: One of METHODS.
        width: Denominator of the exponent, above 0 (gaussian, adaptive).
        threshold: tIoU in [0, 1] above which a proposal is removed (hard).
        max_proposals: Most proposals that come through, at least 1.
        min_score: Proposals whose score falls below are removed.
        voting: tIoU in (0, 1] from which on a proposal has a say in where a picked one lies; 0:
            none has.
    """

    method: str = "gaussian"
    width: float = GAUSSIAN_WIDTH
    threshold: float = HARD_THRESHOLD
    max_proposals: int = MAX_PROPOSALS
    min_score: float = 0.0
    voting: float = 0.0

    def __post_init__(self) -> None:
        """Raises InputError for an unknown method or a number out of its range."""
        if self.method not in METHODS:
            raise InputError(
                f"nms {self.method!r} is not known; choose one of {', '.join(METHODS)}."
            )
        if not 0 < self.width < math.inf:
            raise InputError(f"the width of soft-NMS must be above 0, got {self.width}.")
        if not 0 <= self.threshold <= 1:
            raise InputError(f"the tIoU threshold of NMS must be in [0, 1], got {self.threshold}.")
        if self.max_proposals < 1:
            raise InputError(f"at least 1 proposal must be kept, got {self.max_proposals}.")
        if not 0 <= self.voting <= 1:
            raise InputError(f"the tIoU of voting must be in [0, 1], got {self.voting}.")


def suppress(videos: Sequence[Proposals], rule: Suppression) -> list[Proposals]:
    """Picks the best proposal of each video, lowers those that overlap it, until none is left.

    The reference implementation stops with one proposal left over and so loses the last of every
    video that has no more than `max_proposals`; here all come through.

    Args:
        videos: Proposals of each video: segments [n, 2] that do not end before they start, scores
            [n], not negative.
        rule: How.

    Returns:
        The picked proposals of each video in the order of picking, with their lowered scores, which
        never rise. Among equal scores the first wins. What a video gets does not depend on the
        others.

    >>> video = Proposals(np.array([[0, 10], [1, 10], [20, 30]]), np.array([0.9, 0.8, 0.5]))
    >>> (found,) = suppress([video], Suppression("hard", threshold=0.5))
    >>> found.segments.tolist(), found.scores.tolist()
    ([[0.0, 10.0], [20.0, 30.0]], [0.9, 0.5])
    """
    by_label = [_split_labels(video) for video in videos]
    before = [part for parts in by_label for part in parts]
    after = _suppress_all(before, rule)
    if rule.voting:
        after = [_vote(*parts, rule.voting) for parts in zip(after, before, strict=True)]
    parts = iter(after)
    return [_best([next(parts) for _ in own], rule.max_proposals) for own in by_label]


def _split_labels(video: Proposals) -> list[Proposals]:
    """The proposals of each label, at least one part."""
    if video.labels is None or not len(video.labels):
        return [video]
    return [video.take(video.labels == label) for label in np.unique(video.labels)]


def _best(parts: Sequence[Proposals], count: int) -> Proposals:
    """The `count` best of all parts, best first; one part is in order already."""
    if len(parts) == 1:
        return parts[0]
    together = join(parts)
    return together.take(np.argsort(-together.scores, kind="stable")[:count])


def _suppress_all(videos: Sequence[Proposals], rule: Suppression) -> list[Proposals]:
    results: list[Proposals] = [Proposals(np.zeros((0, 2)), np.zeros(0))] * len(videos)
    # Videos of similar size share a block, which is as wide as its largest.
    by_size = sorted(range(len(videos)), key=lambda video: len(videos[video].scores))
    for begin in range(0, len(videos), BLOCK):
        members = by_size[begin : begin + BLOCK]
        for member, found in zip(
            members, _suppress_block([videos[m] for m in members], rule), strict=True
        ):
            results[member] = found
    return results


def _suppress_block(videos: Sequence[Proposals], rule: Suppression) -> list[Proposals]:
    longest = max(len(video.scores) for video in videos)
    # What fills up a row has no length, overlaps nothing and has no score.
    begin, end = np.zeros((2, len(videos), longest))
    score = np.full((len(videos), longest), GONE)
    for row, video in enumerate(videos):
        count = len(video.scores)
        begin[row, :count], end[row, :count] = np.asarray(video.segments, np.float64).T
        score[row, :count] = video.scores

    rounds, rows = min(rule.max_proposals, longest), np.arange(len(videos))
    picks, pick_scores = (
        np.zeros((rounds, len(videos)), np.int64),
        np.full((rounds, len(videos)), GONE),
    )
    length, buffers = end - begin, np.empty((2, *score.shape))
    for turn in range(rounds):
        picks[turn] = best = score.argmax(axis=1)
        pick_scores[turn] = score[rows, best]
        if pick_scores[turn].max() < 0:
            break
        best_begin, best_end = begin[rows, best, np.newaxis], end[rows, best, np.newaxis]
        overlap = _overlap(begin, end, length, best_begin, best_end, buffers)
        _lower(score, overlap, best_end - best_begin, rule)
        if rule.min_score:
            np.copyto(score, GONE, where=score < rule.min_score)
        # A pick overlaps nothing from now on, as what fills up a row.
        score[rows, best] = GONE
        begin[rows, best] = end[rows, best] = length[rows, best] = 0

    found = []
    for row, video in enumerate(videos):
        picked = picks[pick_scores[:, row] >= 0, row]
        segments = np.asarray(video.segments, np.float64)[picked]
        labels = None if video.labels is None else video.labels[picked]
        found.append(Proposals(segments, pick_scores[: len(picked), row].copy(), labels))
    return found


def _overlap(
    begin: np.ndarray,
    end: np.ndarray,
    length: np.ndarray,
    best_begin: np.ndarray,
    best_end: np.ndarray,
    buffers: np.ndarray,
) -> np.ndarray:
    """tIoU of all with the best, [V, n], in the first buffer; 0 where nothing has a length.

    `bsp_tf.evaluation.segments.tiou`, to the last bit, without new arrays: they would cost more
    than the sums.
    """
    shared, union = buffers
    np.minimum(end, best_end, out=shared)
    np.maximum(begin, best_begin, out=union)
    shared -= union
    np.maximum(shared, 0, out=shared)
    np.add(length, best_end - best_begin, out=union)
    union -= shared
    # Nothing over nothing must not become NaN; the smallest normal number changes nothing else.
    np.maximum(union, np.finfo(np.float64).tiny, out=union)
    shared /= union
    return shared


def _lower(
    score: np.ndarray, overlap: np.ndarray, best_length: np.ndarray, rule: Suppression
) -> None:
    """Lowers `score` [V, n] in place; `overlap` [V, n] is used up."""
    if rule.method == "hard":
        np.copyto(score, GONE, where=overlap > rule.threshold)
        return
    if rule.method == "adaptive":
        spared = overlap <= ADAPTIVE_LOW + (ADAPTIVE_HIGH - ADAPTIVE_LOW) * best_length
        np.copyto(overlap, 0, where=spared)
    np.square(overlap, out=overlap)
    overlap /= -rule.width
    np.exp(overlap, out=overlap)
    score *= overlap


def _vote(picked: Proposals, voters: Proposals, threshold: float) -> Proposals:
    """The picked proposals, each at the weighted mean of the voters that overlap it enough.

    Nothing may overlap enough only where a segment has no length: it stays where it is.
    """
    weights = tiou(picked.segments[:, np.newaxis], np.asarray(voters.segments, np.float64))
    weights *= (weights >= threshold) * voters.scores
    total = weights.sum(1, keepdims=True)
    means = weights @ np.asarray(voters.segments, np.float64) / np.where(total > 0, total, 1)
    return picked._replace(segments=np.where(total > 0, means, picked.segments))
