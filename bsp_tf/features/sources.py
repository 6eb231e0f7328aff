"""Features for G-TAD out of one or several sources, each with its place in time. NumPy and h5py
only.

A source is a folder that bsp_tf.extract wrote (its metadata.json says all), or arrays of any other
tool (bsp_tf.features.formats), of which the run's config has to say what a row is
(bsp_tf.features.layout).

Sources are given with commas, "rgb,flow". Their channels are joined in that order, on the time axis
of the first one.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bsp_tf.annotations.mended import VideoAnnotation
from bsp_tf.annotations.video_ids import match_id
from bsp_tf.base.errors import InputError
from bsp_tf.base.settings import digest_files
from bsp_tf.features.formats import FeatureFiles
from bsp_tf.features.layout import SETTINGS, RowLayout, check_told, read_layouts, source_paths
from bsp_tf.features.span import FeatureSpan, feature_span
from bsp_tf.features.store import (
    METADATA_FILE,
    NAMED_MISSING,
    NO_FEATURES,
    NO_TIME,
    WRONG_SHAPE,
    FeatureStore,
    UnusableFeatures,
    read_missing,
    resize_features,
)

# Arrays looked at to find out what is constant in a source.
LOOKED_AT = 16
# A number of rows that differs more than this from what the video's length says is a wrong axis or
# setting.
ROWS_FACTOR, ROWS_SLACK = 1.5, 4
# Share of the first source's time that another one may leave out.
MAX_UNCOVERED = 0.1


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
        """float32 [count, C]: all parts on the time axis of the first, resized to `count` rows
        (None: as it has).
        """
        first, count = self.spans[0], count or len(self.parts[0])
        resized = []
        for part, span in zip(self.parts, self.spans, strict=True):
            rows_a_second = len(part) / (span.end_seconds - span.start_seconds)
            begin = (first.start_seconds - span.start_seconds) * rows_a_second
            # Equal spans give `len(part)` exactly, hence the numbers of a plain resize.
            share = (first.end_seconds - first.start_seconds) / (
                span.end_seconds - span.start_seconds
            )
            resized.append(resize_features(part, count, begin, share * len(part)))
        return np.concatenate(resized, axis=1)


class _Extracted:
    """A folder of bsp_tf.extract."""

    def __init__(self, path: str, streams: Sequence[str]) -> None:
        self.path, self.store, self.streams = path, FeatureStore(path), tuple(streams)
        self.video_ids, self.missing = set(self.store.video_ids), read_missing(Path(path))

    def load(self, stored: str, annotation: VideoAnnotation) -> VideoFeatures:
        rows = self.store.load(stored, self.streams)
        about = self.store.metadata["videos"][stored]
        duration = annotation.duration_seconds or about.get("duration_seconds")
        span = feature_span(self.store.metadata, stored)
        return VideoFeatures([rows], [span], self.store.metadata["stride"], duration)


class _Arrays:
    """Arrays of another tool."""

    def __init__(self, path: str, layout: RowLayout, num_segments: int) -> None:
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
                f"{shapes[0][1]}], and time must "
                "be the first axis, channels the second. Save array.T"
                + (
                    f" (or set config.feature_rows={shapes[0][0]} if that is the number of rows)."
                    if of_whole
                    else "."
                )
            )
        return channels.most_common(1)[0][0]

    def load(self, stored: str, annotation: VideoAnnotation) -> VideoFeatures:
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
            f"[{expected or 'T'}, "
            f"{self.feature_dim}]{'' if self.layout.rows or not expected else ' or about so'}: "
            f"{remedy}.",
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


class FeatureSources:
    """All sources of a run.

    Attributes:
        path: As given.
        metadata: metadata.json of the first source that has one, else {}.
    """

    def __init__(
        self, path: str, streams: Sequence[str], settings: Mapping[str, Any], num_segments: int
    ) -> None:
        """Opens the sources.

        Args:
            path: One source, or several with commas.
            streams: Parts to take of folders of bsp_tf.extract, in this order.
            settings: `SETTINGS`, for the other sources.
            num_segments: Columns of the network.

        Raises:
            InputError: a source cannot be opened, its arrays are transposed, or what its rows are
                is not told.
        """
        self.path = path
        parts = source_paths(path)
        layouts = read_layouts(settings, len(parts))
        self._sources: list[_Extracted | _Arrays] = []
        for part, layout in zip(parts, layouts, strict=True):
            if (Path(part) / METADATA_FILE).is_file():
                self._sources.append(_Extracted(part, streams))
                continue
            check_told(part, layout)
            self._sources.append(_Arrays(part, layout, num_segments))
        self._store = next(
            (source.store for source in self._sources if isinstance(source, _Extracted)), None
        )
        self.metadata: Mapping[str, Any] = self._store.metadata if self._store else {}

    def load(self, video_id: str, annotation: VideoAnnotation) -> VideoFeatures:
        """The features of one video, its name with or without "v_".

        Raises:
            UnusableFeatures, InputError: it has none, or they cannot be used.
        """
        found = []
        for source in self._sources:
            if source.missing & {video_id, video_id.removeprefix("v_")}:
                raise UnusableFeatures(NAMED_MISSING, NAMED_MISSING)
            stored = match_id(video_id, source.video_ids)
            if stored is None:
                place = f" in {source.path}" if len(self._sources) > 1 else ""
                raise UnusableFeatures(NO_FEATURES, f"{NO_FEATURES}{place}")
            found.append(source.load(stored, annotation))
        first = found[0].spans[0]
        for source, other in zip(self._sources, found, strict=True):
            span = other.spans[0]
            uncovered = max(span.start_seconds - first.start_seconds, 0) + max(
                first.end_seconds - span.end_seconds, 0
            )
            if uncovered > MAX_UNCOVERED * (first.end_seconds - first.start_seconds):
                raise UnusableFeatures(
                    NO_TIME,
                    f"{source.path} covers {span.start_seconds:.1f} to {span.end_seconds:.1f} s, "
                    f"{self._sources[0].path} {first.start_seconds:.1f} to "
                    f"{first.end_seconds:.1f} s",
                )
        parts, spans = [part.parts[0] for part in found], [part.spans[0] for part in found]
        return VideoFeatures(parts, spans, found[0].frames_between, found[0].duration_seconds)

    def load_probabilities(self, video_id: str) -> dict[str, np.ndarray]:
        """See FeatureStore.load_probabilities; of the first source that has metadata.

        Raises:
            InputError: there is none, or it has none of that video.
        """
        stored = match_id(video_id, self._store.metadata["videos"]) if self._store else None
        if stored is None:
            raise InputError(
                f"{self.path} holds no probabilities of video {video_id!r}. Extract its features."
            )
        return self._store.load_probabilities(stored)


def open_features(config: Mapping[str, Any], path: str | None = None) -> FeatureSources:
    """The sources that a run's config names, or those of `path` with the settings of that config.

    Args:
        config: As configs/gtad_anet.py, resolved, or the config.json of a run.
        path: Other sources.

    Raises:
        InputError: see FeatureSources.
    """
    settings = {name: config.get(name, default) for name, default in SETTINGS.items()}
    return FeatureSources(
        path or config["features_dir"], config["streams"], settings, config["num_segments"]
    )


def _near(size: int, expected: int, exact: bool) -> bool:
    """Whether `size` rows can be meant where `expected` are (0: any)."""
    if exact or not expected:
        return not expected or size == expected
    return expected / ROWS_FACTOR - ROWS_SLACK <= size <= expected * ROWS_FACTOR + ROWS_SLACK


def features_digest(path: str) -> str:
    """SHA-256 that tells whether sources have changed: of metadata.json, else of names, sizes and
    times of files.

    Raises:
        InputError: a source is not there.
    """
    digest = hashlib.sha256()
    for source in source_paths(path):
        if (Path(source) / METADATA_FILE).is_file():
            digest.update(digest_files([Path(source) / METADATA_FILE]).encode())
            continue
        for part in [source] if Path(source).exists() else source.split("+"):
            files = sorted(Path(part).iterdir()) if Path(part).is_dir() else [Path(part)]
            for file in files:
                try:
                    about = file.stat()
                except OSError as error:
                    raise InputError(
                        f"cannot read the features {file}: {error.strerror}. Check the path."
                    ) from error
                digest.update(f"{file.name} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()
