"""The clips that an input names, collected, then sorted, each once, with their classes."""

import itertools
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from bsp_tf.records.schema import UNLABELLED
from tfrecords_tools.inputs.clip_columns import ClipColumns
from tfrecords_tools.inputs.clip_index import ClipSpec


class FoundClip(NamedTuple):
    """A clip whose file is there.

    Attributes:
        path: see ClipSpec.
        label: as the input writes it.
        span_seconds: see ClipSpec.
        cut: see ClipSpec.
    """

    path: str
    label: str | None
    span_seconds: tuple[float, float] | None = None
    cut: bool = False


class FoundClips:
    """Clips as they are found, in any order.

    There may be ten million, so they are kept in columns.

    Attributes:
        paths: the path of each; those that follow each other share its text.
    """

    def __init__(self, clips: Iterable[FoundClip] = ()) -> None:
        """Adds the clips."""
        self.paths: list[str] = []
        self._labels: dict[str | None, int] = {}
        self._label, self._spans, self._marks = array("i"), array("d"), bytearray()
        for clip in clips:
            self.add(*clip)

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[FoundClip]:
        labels = list(self._labels)
        for row, path in enumerate(self.paths):
            label = labels[self._label[row]]
            yield FoundClip(path, label, self.span_of(row), self._marks[row] % 2 == 1)

    def span_of(self, row: int) -> tuple[float, float] | None:
        """`span_seconds` of the clip that was added as number `row`, from 0."""
        has_span = self._marks[row] >= 2
        return (self._spans[2 * row], self._spans[2 * row + 1]) if has_span else None

    def add(
        self,
        path: str,
        label: str | None,
        span_seconds: tuple[float, float] | None = None,
        cut: bool = False,
    ) -> None:
        """Adds a clip; see `FoundClip`."""
        same = self.paths and self.paths[-1] == path
        self.paths.append(self.paths[-1] if same else path)
        self._label.append(self._labels.setdefault(label, len(self._labels)))
        self._spans.extend(span_seconds or (0.0, 0.0))
        self._marks.append(2 * (span_seconds is not None) + cut)

    def sorted(self, matched: Mapping[str, tuple[int, str]]) -> tuple[ClipColumns, int]:
        """Sorts the clips, leaves repeated ones out and gives each its class.

        Args:
            matched: label as the input writes it -> (index, class name) in the label map.
        Returns:
            (clips by path, time and class, number of repeated ones left out).
        """
        classes = [
            (UNLABELLED, None) if label is None else matched[label] for label in self._labels
        ]
        index = np.array([number for number, _ in classes], np.int32)[
            np.frombuffer(self._label, np.int32)
        ]
        names = dict(classes)
        spans = np.frombuffer(self._spans, np.float64).reshape(-1, 2)
        has_span, cut = np.divmod(np.frombuffer(self._marks, np.uint8), 2)
        # By path last: sorting is stable, and texts are no keys for NumPy.
        order = np.lexsort((index, cut, spans[:, 1], spans[:, 0], has_span)).tolist()
        order.sort(key=self.paths.__getitem__)
        pairs = itertools.pairwise(map(self.paths.__getitem__, order))
        same_piece = np.fromiter((path == before for before, path in pairs), bool)
        same_piece = np.append(False, same_piece)[: len(order)]
        rows = np.array(order, np.int64)
        del order  # of Python's integers
        for column in (has_span, spans[:, 0], spans[:, 1], cut):
            same_piece &= _equal_to_before(column[rows])
        repeated = same_piece & _equal_to_before(index[rows])
        unique, same_piece = rows[~repeated], same_piece[~repeated]
        shares = same_piece | np.append(same_piece[1:], False)
        clips = (
            ClipSpec(
                self.paths[row],
                names[int(index[row])],
                tuple(spans[row].tolist()) if has_span[row] else None,
                int(index[row]),
                bool(cut[row]),
                bool(is_shared),
            )
            for row, is_shared in zip(unique, shares, strict=True)
        )
        return ClipColumns(clips), int(repeated.sum())


def make_clips(
    found: Iterable[FoundClip], matched: Mapping[str, tuple[int, str]]
) -> tuple[ClipColumns, int]:
    """The clips of `found` as `FoundClips.sorted` gives them."""
    return FoundClips(found).sorted(matched)


def _equal_to_before(column: np.ndarray) -> np.ndarray:
    """bool [n]: whether each entry is that before it; the first has none."""
    return np.append(False, column[1:] == column[:-1])[: len(column)]
