"""Features of one or several sources, each with its place in time. NumPy and h5py only.

A source is a folder that bsp_tf.extract wrote (its metadata.json says all), or arrays of any other
tool (bsp_tf.features.formats), of which the run's config has to say what a row is
(bsp_tf.features.layout).

Sources are given with commas, "rgb,flow". Their channels are joined in that order, on the time axis
of the first one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bsp_tf.annotations.mended import VideoAnnotation
from bsp_tf.annotations.video_ids import match_id
from bsp_tf.base.errors import InputError
from bsp_tf.base.settings import digest_files
from bsp_tf.features.layout import SETTINGS, check_told, read_layouts, source_paths
from bsp_tf.features.source_kinds import Arrays, ExtractedFolder, VideoFeatures
from bsp_tf.features.store import (
    METADATA_FILE,
    NAMED_MISSING,
    NO_FEATURES,
    NO_TIME,
    PROBABILITIES_FOLDER,
    UnusableFeatures,
)

ACTION = "action"
# Share of the first source's time that another one may leave out.
MAX_UNCOVERED = 0.1


class FeatureSources:
    """All sources of a run.

    Attributes:
        path: As given.
        metadata: metadata.json of the first source with an action stream, else of the first whose
            model names actions, else of the first that has one, else {}.
    """

    def __init__(
        self, path: str, streams: Sequence[str], settings: Mapping[str, Any], num_segments: int
    ) -> None:
        """Opens the sources.

        Args:
            path: One source, or several with commas.
            streams: Parts to take of folders of bsp_tf.extract, in this order; each folder gives
                those of them that it has.
            settings: `SETTINGS`, for the other sources.
            num_segments: Columns of the network.

        Raises:
            InputError: a source cannot be opened, its arrays are transposed, or nobody says what
                its rows are.
        """
        self.path = path
        parts = source_paths(path)
        layouts = read_layouts(settings, len(parts))
        self._sources: list[ExtractedFolder | Arrays] = []
        for part, layout in zip(parts, layouts, strict=True):
            if (Path(part) / METADATA_FILE).is_file():
                self._sources.append(ExtractedFolder(part, streams))
                continue
            check_told(part, layout)
            self._sources.append(Arrays(part, layout, num_segments))
        extracted = [source for source in self._sources if isinstance(source, ExtractedFolder)]
        for name in streams if extracted else ():
            if not any(name in source.streams for source in extracted):
                raise InputError(f"{path} has no stream {name!r}: check config.streams.")
        # What the videos show is known to an action stream, or to a second head of another.
        stores = sorted(
            (source.store for source in extracted),
            key=lambda store: (
                ACTION not in store.metadata["streams"],
                not store.metadata.get(f"{ACTION}_labels"),
            ),
        )
        self._store = stores[0] if stores else None
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

    def describe(self) -> list[dict[str, Any]]:
        """metadata.json of each source without its videos; {} for those of other tools."""
        return [
            {key: value for key, value in source.store.metadata.items() if key != "videos"}
            if isinstance(source, ExtractedFolder)
            else {}
            for source in self._sources
        ]

    def load_probabilities(self, video_id: str) -> dict[str, np.ndarray]:
        """See FeatureStore.load_probabilities; of the source of `metadata`.

        Raises:
            InputError: there is none, or it has none of that video.
        """
        stored = match_id(video_id, self._store.metadata["videos"]) if self._store else None
        if self._store is None or stored is None:
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


def feature_files(path: str) -> list[Path]:
    """The files that hold what the sources say, in a fixed order, without metadata.json."""
    found: list[Path] = []
    for source in source_paths(path):
        for part in [source] if Path(source).exists() else source.split("+"):
            folder = Path(part)
            inside = [*folder.glob("*"), *folder.glob(f"{PROBABILITIES_FOLDER}/*.npz")]
            found += sorted(inside) if folder.is_dir() else [folder]
    return [file for file in found if file.is_file() and file.name != METADATA_FILE]


def features_digest(path: str) -> str:
    """SHA-256 that changes with the sources: of metadata.json, else of names, sizes and times.

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
