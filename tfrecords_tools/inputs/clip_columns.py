"""Many clips in few bytes: a column for each of their fields, about 70 bytes a clip.

Ten million `ClipSpec` objects and their texts would take gigabytes. A clip becomes an object when
it is asked for.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np

from tfrecords_tools.inputs.clip_index import ClipSpec

# File names may hold what is not UTF-8. In this encoding the order of bytes is that of characters.
_ENCODING = "utf-8", "surrogatepass"
CUT, SHARES_SPAN, HAS_SPAN = 1, 2, 4


class ClipColumns(Sequence[ClipSpec]):
    """A sequence of clips that does not change.

    It is equal to any sequence of equal clips.
    """

    def __init__(self, clips: Iterable[ClipSpec] = ()) -> None:
        """Takes the clips over, one after the other."""
        known: dict[tuple[str | None, int], int] = {}
        paths, ends, classes, spans, marks = (
            bytearray(),
            array("q", [0]),
            array("i"),
            array("d"),
            bytearray(),
        )
        for clip in clips:
            paths += clip.path.encode(*_ENCODING)
            ends.append(len(paths))
            name = clip.label, clip.label_index
            classes.append(known.setdefault(name, len(known)))
            spans.extend(clip.span_seconds or (0.0, 0.0))
            marks.append(
                CUT * clip.cut
                + SHARES_SPAN * clip.shares_span
                + HAS_SPAN * (clip.span_seconds is not None)
            )
        self._classes = list(known)
        self._paths, self._ends = paths, np.frombuffer(ends, np.int64)
        self._class = np.frombuffer(classes, np.int32)
        self._spans = np.frombuffer(spans, np.float64).reshape(-1, 2)
        self._marks = np.frombuffer(marks, np.uint8)

    @property
    def num_unlabelled(self) -> int:
        """Number of clips without a label."""
        bare = [number for number, (label, _) in enumerate(self._classes) if label is None]
        return int(np.isin(self._class, bare).sum())

    def __len__(self) -> int:
        return len(self._marks)

    @overload
    def __getitem__(self, place: int) -> ClipSpec: ...

    @overload
    def __getitem__(self, place: slice) -> "ClipColumns": ...

    def __getitem__(self, place: int | slice) -> "ClipSpec | ClipColumns":
        if isinstance(place, slice):
            return ClipColumns(self[k] for k in range(*place.indices(len(self))))
        row = range(len(self))[place]
        path = self._paths[self._ends[row] : self._ends[row + 1]].decode(*_ENCODING)
        label, label_index = self._classes[self._class[row]]
        marks = int(self._marks[row])
        span = tuple(self._spans[row].tolist()) if marks & HAS_SPAN else None
        return ClipSpec(
            path, label, span, label_index, bool(marks & CUT), bool(marks & SHARES_SPAN)
        )

    def __iter__(self) -> Iterator[ClipSpec]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ClipColumns) and self._has_columns_of(other):
            return True
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(clip == another for clip, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ClipColumns({list(self)!r})"

    def _has_columns_of(self, other: "ClipColumns") -> bool:
        return (
            (self._classes, self._paths) == (other._classes, other._paths)
            and np.array_equal(self._ends, other._ends)
            and np.array_equal(self._class, other._class)
            and np.array_equal(self._spans, other._spans)
            and np.array_equal(self._marks, other._marks)
        )
