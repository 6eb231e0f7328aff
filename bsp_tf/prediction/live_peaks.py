"""Peaks of a curve that goes on: each is told as soon as nothing to come can change it."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from bsp_tf.synthesis.place_peaks import vertices


class LivePeak(NamedTuple):
    """A peak of the curve.

    Attributes:
        position: In samples, also between them.
        sample: The highest sample (of a flat top, the middle one).
        height: Its value.
        item: What came with that sample.
    """

    position: float
    sample: int
    height: float
    item: Any


class LivePeaks:
    """The peaks that `pick_peaks` finds in the whole curve, in the same order, from its samples.

    A peak waits until the curve falls and goes on for `min_distance`: a higher one may come. Only
    while peaks rise, each less than that distance from the one before, does the first wait longer.

    >>> live = LivePeaks(threshold=0.5, min_distance=2)
    >>> for sample, height in enumerate([0, 0.2, 0.9, 0.6, 0, 0.7, 0.7, 0]):
    ...     for peak in live.add(height, None):
    ...         print("at sample", sample, "known:", peak[:3])
    at sample 4 known: (2.2, 2, 0.9)
    at sample 7 known: (5.5, 5, 0.7)
    >>> list(live.finish())
    []
    """

    def __init__(self, threshold: float, min_distance: float):
        """`threshold` and `min_distance` as of `pick_peaks`."""
        self._threshold, self._min_distance = threshold, min_distance
        self._num_samples = 0
        # The samples of equal height at the end of the curve, the first of them and the one before.
        self._first, self._items = 0, list[Any]()
        self._height = self._before = math.nan
        self._waiting = list[LivePeak]()
        self._told = list[LivePeak]()

    def add(self, height: float, item: Any) -> Iterator[LivePeak]:
        """Takes the next sample; gives the peaks that are certain now.

        Args:
            height: The curve, finite.
            item: Comes back with the peak if this sample is one.
        """
        if height != self._height:
            self._end_top(height)
            self._before, self._height = self._height, height
            self._first, self._items = self._num_samples, []
        if height >= self._threshold:
            self._items.append(item)
        self._num_samples += 1
        # A peak to come may lie half a sample before its own.
        yield from self._certain((self._first if self._items else self._num_samples) - 0.5)

    def finish(self) -> Iterator[LivePeak]:
        """The peaks that are left when the curve has ended."""
        self._end_top(math.nan)
        yield from self._certain(math.inf)

    def _end_top(self, after: float) -> None:
        # NaN, where the curve has no further sample, is not higher.
        if self._items and not (self._before > self._height or after > self._height):
            last = self._num_samples - 1
            sample = (self._first + last) // 2
            position = (self._first + last) / 2
            if self._first == last:
                around = np.array([self._before, self._height, after])
                position = last - 1 + float(vertices(around, np.array([1]))[0])
            item = self._items[sample - self._first]
            self._waiting.append(LivePeak(position, sample, self._height, item))

    def _certain(self, until: float) -> list[LivePeak]:
        """Takes the peaks that stay whatever comes, at `until` or later, out of those that wait."""
        kept, waiting = list[LivePeak](), list[LivePeak]()
        for peak in sorted(self._waiting, key=lambda peak: -peak.height):
            if self._near(peak, [*self._told, *kept]):
                continue
            open_end = peak.position + self._min_distance > until
            (waiting if open_end or self._near(peak, waiting) else kept).append(peak)
        self._waiting = sorted(waiting)
        self._told = [
            peak for peak in [*self._told, *kept] if peak.position + self._min_distance > until
        ]
        return sorted(kept)

    def _near(self, peak: LivePeak, others: list[LivePeak]) -> bool:
        return any(abs(peak.position - other.position) < self._min_distance for other in others)
