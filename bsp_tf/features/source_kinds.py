"""The two kinds of feature sources: a folder of bsp_tf.extract, arrays of another tool. NumPy only.

The first says in its metadata.json what its rows are; for the second the run's config does
(bsp_tf.features.layout), and what does not fit that is refused.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bsp_tf.annotations.mended import VideoAnnotation
from bsp_tf.base.errors import InputError
from bsp_tf.features.formats import FeatureFiles
from bsp_tf.features.layout import RowLayout
from bsp_tf.features.span import FeatureSpan, feature_span
from bsp_tf.features.store import (
    NO_TIME,
    WRONG_SHAPE,
    FeatureStore,
    UnusableFeatures,
    read_missing,
    resize_features,
)

# Arrays looked at to find out what is constant in a source.
LOOKED_AT = 16
# Rows may differ by so much from what the video's length says; beyond, an axis or setting is wrong.
ROWS_FACTOR, ROWS_SLACK = 1.5, 4


class VideoFeatures(NamedTuple):
    """What the sources know of one video.

    Attributes:
        parts: float32 [n_i, C_i], one a source.
        spans: Where each of them lies in time.
        frames_between: Video frames from one row of the first part to the next; 0: not known
            ("whole").
        duration_seconds: By the annotations, else by the features; None: not known.
    """

    parts: list[np.ndarray]
    spans: list[FeatureSpan]
    frames_between: float
    duration_seconds: float | None

    def columns(self, count: int | None = None) -> np.ndarray:
        """float32 [count, C]: all parts on the time axis of the first; None: as many rows as it."""
        first, count = self.spans[0], count or len(self.parts[0])
        resized = []
        for part, span in zip(self.parts, self.spans, strict=True):
            rows_per_second = len(part) / (span.end_seconds - span.start_seconds)
            begin = (first.start_seconds - span.start_seconds) * rows_per_second
            # Equal spans give `len(part)` exactly, hence the numbers of a plain resize.
            share = (first.end_seconds - first.start_seconds) / (
                span.end_seconds - span.start_seconds
            )
            resized.append(resize_features(part, count, begin, share * len(part)))
        return np.concatenate(resized, axis=1)


def extracted_features(
    rows: np.ndarray, metadata: Mapping[str, Any], stored: str, annotation: VideoAnnotation
) -> VideoFeatures:
    """What features of bsp_tf.extract say of one video.

    Args:
        rows: float32 [n, C], its features.
        metadata: metadata.json.
        stored: name of the video there.
        annotation: of the video; its duration counts before the one that was measured.

    Raises:
        InputError: see `feature_span`.
    """
    duration = annotation.duration_seconds or metadata["videos"][stored].get("duration_seconds")
    span = feature_span(metadata, stored)
    return VideoFeatures([rows], [span], metadata["stride"], duration)


class ExtractedFolder:
    """A folder of bsp_tf.extract."""

    def __init__(self, path: str, streams: Sequence[str]) -> None:
        """Opens it; of `streams` it gives those that it has.

        Raises:
            InputError: it has none of them.
        """
        self.path, self.store = path, FeatureStore(path)
        known = self.store.metadata["streams"]
        self.streams = tuple(name for name in streams if name in known)
        if not self.streams:
            raise InputError(
                f"{path} has no stream {', '.join(streams)}; there are {', '.join(known)}."
            )
        self.video_ids, self.missing = set(self.store.video_ids), read_missing(Path(path))

    def load(self, stored: str, annotation: VideoAnnotation) -> VideoFeatures:
        """The features of one video by the name that they have here."""
        rows = self.store.load(stored, self.streams)
        return extracted_features(rows, self.store.metadata, stored, annotation)


class Arrays:
    """Arrays of another tool."""

    def __init__(self, path: str, layout: RowLayout, num_segments: int) -> None:
        """Opens them; `layout` says what a row is, `num_segments` how many the network takes."""
        self.files, self.path, self.layout = FeatureFiles(path), path, layout
        self.video_ids, self.missing = self.files.video_ids, self.files.missing
        self.feature_dim = self._find_feature_dim(num_segments)

    def _find_feature_dim(self, num_segments: int) -> int:
        names = sorted(self.video_ids)
        shapes = []
        for name in names[:: math.ceil(len(names) / LOOKED_AT)]:
            try:
                shapes.append(self.files.load(name).shape)
            except UnusableFeatures as error:
                fault = error
        if not shapes:
            raise InputError(f"none of the arrays looked at in {self.path} can be used: {fault}")
        lengths, channels = (Counter(sizes) for sizes in zip(*shapes, strict=True))
        fixed = self.layout.rows or num_segments
        of_whole = (
            self.layout.layout == "whole"
            and len(lengths) == 1
            and set(channels) == {fixed} != set(lengths)
        )
        if (len(channels) > 1 and len(lengths) == 1) or of_whole:
            raise InputError(
                f"the arrays in {self.path} look transposed: they are [{shapes[0][0]}, "
                f"{shapes[0][1]}], and time must be the first axis, channels the second. "
                "Save array.T"
                + (
                    f" (or set config.feature_rows={shapes[0][0]} if that is the number of rows)."
                    if of_whole
                    else "."
                )
            )
        return channels.most_common(1)[0][0]

    def load(self, stored: str, annotation: VideoAnnotation) -> VideoFeatures:
        """The features of one video by the name that they have here."""
        rows, layout = self.files.load(stored), self.layout
        self._check_shape(stored, rows.shape, layout.rows or self._expected_rows(annotation))
        rows = rows[:: layout.every]
        span, frames_between = self._span(len(rows), annotation)
        # Rows that lie in time by their frames tell how long the video is at least.
        known = annotation.duration_seconds or (
            span.end_seconds if layout.layout == "snippets" else None
        )
        return VideoFeatures([rows], [span], frames_between, known)

    def _check_shape(self, stored: str, shape: tuple[int, int], expected: int) -> None:
        fits, would_fit = (_near(size, expected, exact=bool(self.layout.rows)) for size in shape)
        if fits and shape[1] == self.feature_dim:
            return
        if (would_fit and not fits) or shape[0] == self.feature_dim != shape[1]:
            remedy = "it looks transposed; time must be the first axis: save array.T"
        elif shape[1] != self.feature_dim:
            remedy = "extract it as the others"
        elif self.layout.rows:
            remedy = "check config.feature_rows"
        else:
            remedy = "check config.feature_fps, config.feature_stride and the annotated duration"
        raise UnusableFeatures(
            WRONG_SHAPE,
            f"{self.path}, {stored!r}: the array is [{shape[0]}, {shape[1]}], expected "
            f"[{expected or 'T'}, {self.feature_dim}]"
            f"{'' if self.layout.rows or not expected else ' or about so'}: {remedy}.",
        )

    def _span(self, count: int, annotation: VideoAnnotation) -> tuple[FeatureSpan, float]:
        layout = self.layout
        if layout.layout == "whole":
            seconds = annotation.covered_seconds or annotation.duration_seconds
            if not seconds:
                raise UnusableFeatures(NO_TIME, "the annotations do not say how long the video is.")
            return FeatureSpan(0.0, seconds), 0.0
        fps = layout.fps or annotation.fps
        if not fps:
            raise UnusableFeatures(
                NO_TIME, "the annotations do not say its frame rate: set config.feature_fps."
            )
        stride = layout.stride * layout.every
        begin = layout.offset + (layout.window - stride) / 2
        return FeatureSpan(begin / fps, (begin + count * stride) / fps), stride

    def _expected_rows(self, annotation: VideoAnnotation) -> int:
        """Rows of a video by its length; 0: not known."""
        fps = self.layout.fps or annotation.fps
        if self.layout.layout == "whole" or not fps or not annotation.duration_seconds:
            return 0
        return round(
            max(annotation.duration_seconds * fps - self.layout.offset, 1) / self.layout.stride
        )


def _near(size: int, expected: int, exact: bool) -> bool:
    """Whether `size` rows can be meant where `expected` are (0: any)."""
    if exact or not expected:
        return not expected or size == expected
    return expected / ROWS_FACTOR - ROWS_SLACK <= size <= expected * ROWS_FACTOR + ROWS_SLACK
