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
from typing import NamedTuple

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.segments import tiou
from bsp_tf.localization.proposals import Proposals

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
        video_length: Length of the video in the unit of the segments (adaptive).
    """

    method: str = "gaussian"
    width: float = GAUSSIAN_WIDTH
    threshold: float = HARD_THRESHOLD
    max_proposals: int = MAX_PROPOSALS
    min_score: float = 0.0
    voting: float = 0.0
    video_length: float = 1.0

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
    results: list[Proposals] = list(videos)
    # Videos of similar size share a block, which is as wide as its largest.
    by_size = sorted(range(len(videos)), key=lambda video: len(videos[video].scores))
    for begin in range(0, len(videos), BLOCK):
        members = by_size[begin : begin + BLOCK]
        parts = [_label_rows(videos[member]) for member in members]
        turns = min(rule.max_proposals, max(len(videos[member].scores) for member in members))
        block = _lay_out([videos[member] for member in members], parts)
        for member, own, (numbers, scores) in zip(
            members, parts, _pick(block, turns, rule), strict=True
        ):
            video = videos[member]
            segments = np.asarray(video.segments, np.float64)[numbers]
            picked = video.take(numbers)._replace(segments=segments, scores=scores)
            results[member] = _vote(picked, video, own, rule.voting) if rule.voting else picked
    return results


def _label_rows(video: Proposals) -> list[np.ndarray]:
    """Numbers of the proposals of each label, int64 [n] and in order; at least one part."""
    if video.labels is None or not len(video.labels):
        return [np.arange(len(video.scores))]
    order = np.argsort(video.labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(video.labels[order])) + 1)


class _Block(NamedTuple):
    """Some videos, with a row for each label of each; the last row is empty.

    What fills up a row has no length, overlaps nothing and has no score.

    Attributes:
        numbers: int64 [R, n], which proposal of its video it is.
        begin, end, score: float64 [R, n].
        rows: int64 [V, labels], the rows of each video; of one with fewer labels, the empty row.
    """

    numbers: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    score: np.ndarray
    rows: np.ndarray


def _lay_out(videos: Sequence[Proposals], parts: Sequence[list[np.ndarray]]) -> _Block:
    count = sum(len(own) for own in parts)
    longest = max(len(part) for own in parts for part in own)
    numbers = np.zeros((count + 1, longest), np.int64)
    begin, end = np.zeros((2, count + 1, longest))
    score = np.full((count + 1, longest), GONE)
    rows, row = np.full((len(videos), max(len(own) for own in parts)), count), 0
    for number, (video, own) in enumerate(zip(videos, parts, strict=True)):
        rows[number, : len(own)] = np.arange(row, row + len(own))
        for part in own:
            numbers[row, : len(part)] = part
            begin[row, : len(part)], end[row, : len(part)] = video.segments[part].T
            score[row, : len(part)] = video.scores[part]
            row += 1
    return _Block(numbers, begin, end, score, rows)


def _pick(block: _Block, turns: int, rule: Suppression) -> list[tuple[np.ndarray, np.ndarray]]:
    """Numbers [k] and scores [k], k at most `turns`, of each video's picks; uses up the block.

    A turn picks the best of each video, whatever its label, and lowers the others of that label.
    So they come in the order in which the lists of all labels would be merged, and what a label
    would have lost after the last of them is never computed.
    """
    numbers, begin, end, score, rows = block
    videos, labels = rows.shape
    each, length = np.arange(videos), end - begin
    picks = np.zeros((turns, videos), np.int64)
    pick_scores = np.full((turns, videos), GONE)
    buffers = np.empty((2, videos, score.shape[1]))
    top = score.max(axis=1, initial=GONE)[rows]
    for turn in range(turns):
        label = top.argmax(axis=1)
        row = rows[each, label]
        # Where there is but one label these are all rows, and nothing is copied.
        own = row if labels > 1 else slice(videos)
        left = score[own]
        best = left.argmax(axis=1)
        picks[turn] = numbers[row, best]
        pick_scores[turn] = left[each, best]
        if pick_scores[turn].max() < 0:
            break
        best_begin, best_end = begin[row, best, np.newaxis], end[row, best, np.newaxis]
        overlap = _overlap(begin[own], end[own], length[own], best_begin, best_end, buffers)
        _lower(left, overlap, best_end - best_begin, rule)
        if rule.min_score:
            np.copyto(left, GONE, where=left < rule.min_score)
        # A pick overlaps nothing from now on, as what fills up a row.
        left[each, best] = GONE
        begin[row, best] = end[row, best] = length[row, best] = 0
        if labels > 1:
            score[row] = left
            top[each, label] = left.max(axis=1)
    kept = (pick_scores >= 0).sum(axis=0)
    return [(picks[:k, video], pick_scores[:k, video].copy()) for video, k in enumerate(kept)]


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
        spared = overlap <= ADAPTIVE_LOW + (ADAPTIVE_HIGH - ADAPTIVE_LOW) * (
            best_length / rule.video_length
        )
        np.copyto(overlap, 0, where=spared)
    np.square(overlap, out=overlap)
    overlap /= -rule.width
    np.exp(overlap, out=overlap)
    score *= overlap


def _vote(
    picked: Proposals, voters: Proposals, parts: Sequence[np.ndarray], threshold: float
) -> Proposals:
    """The picked proposals, each at the weighted mean of the voters that overlap it enough.

    Nothing may overlap enough only where a segment has no length: it stays where it is.
    """
    segments = picked.segments.copy()
    for part in parts:
        own: np.ndarray | slice = slice(None)
        if voters.labels is not None and picked.labels is not None and len(part):
            own = picked.labels == voters.labels[part[0]]
        candidates = np.asarray(voters.segments[part], np.float64)
        weights = tiou(segments[own, np.newaxis], candidates)
        weights *= (weights >= threshold) * voters.scores[part]
        total = weights.sum(1, keepdims=True)
        means = weights @ candidates / np.where(total > 0, total, 1)
        segments[own] = np.where(total > 0, means, segments[own])
    return picked._replace(segments=segments)
