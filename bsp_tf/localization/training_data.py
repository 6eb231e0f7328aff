"""Features of all videos of a subset in memory, and batches of them with targets. NumPy only.

An example is a whole video, resized to T columns, one of the overlapping windows of T rows that a
video is cut into (G-TAD on THUMOS14), or, with config.crops, a random part of up to T rows of a
video, another one at each step (ActionFormer on THUMOS14). Only segments are kept; targets are made
for each batch: G-TAD's of ActivityNet's 9,649 training videos would take 386 MB, and windows that
overlap share their features.
"""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from bsp_tf.annotations.mended import Annotations
from bsp_tf.base.errors import InputError
from bsp_tf.features.sources import FeatureSources
from bsp_tf.features.store import UNREADABLE
from bsp_tf.localization.heads.head import Head
from bsp_tf.localization.windows import draw_crop, segments_in_crop, window_starts

# Names given for each kind of reason when left-out videos are counted.
NAMES_SHOWN = 3
# A training window must hold this share of some segment (the reference's THUMOS14 code).
MIN_SHARE_INSIDE = 0.9


class Batch(NamedTuple):
    """Examples for the network.

    Attributes:
        features: float32 [B, T, C], zeros after the end of a video.
        inside: float32 [B, T]: 1 where a column lies in the video.
        targets: Name -> array [B, ...], see `Head.targets`.
    """

    features: np.ndarray
    inside: np.ndarray
    targets: dict[str, np.ndarray]


@dataclasses.dataclass
class LocalizationData:
    """What a head trains on.

    Attributes:
        head: Whose targets the batches have.
        config: Of the run; used are num_segments (T), windows, and what the head's targets need.
        num_classes: Of the annotations.
        video_ids: N ids.
        features: float32 [T, C] a video, or [n, C], n >= 1 rows, for windows and crops.
        segments: float64 [k, 2] a video: fractions of the columns, or rows for windows and crops.
        labels: int64 [k] a video: classes of the segments.
        margins: Of each video, for crops: how far a row sees from its middle, in rows.
        examples: (video, first row), ints; the first row is 0 where an example is a whole video.
        left_out: Annotated videos that could not be used -> (kind of reason, reason).
    """

    head: Head
    config: ConfigDict
    num_classes: int
    video_ids: list[str] = dataclasses.field(default_factory=list)
    features: list[np.ndarray] = dataclasses.field(default_factory=list)
    segments: list[np.ndarray] = dataclasses.field(default_factory=list)
    labels: list[np.ndarray] = dataclasses.field(default_factory=list)
    margins: list[float] = dataclasses.field(default_factory=list)
    examples: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    left_out: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)

    @property
    def feature_dim(self) -> int:
        """C."""
        return self.features[0].shape[1]

    def batch(self, rows: np.ndarray, draw: int = 0) -> Batch:
        """Examples by their numbers, ints [B] below len(examples).

        `draw` is what the random choices are a function of, beside the seed.
        """
        length = self.config.num_segments
        features = np.zeros((len(rows), length, self.feature_dim), np.float32)
        inside = np.zeros((len(rows), length), np.float32)
        targets = defaultdict(list)
        for place, row in enumerate(rows):
            video, first = self.examples[row]
            segments, labels, last = self.segments[video], self.labels[video], first + length
            if self.config.get("crops", False):
                first, last, segments, labels = self._crop(video, [draw, place])
            elif self.config.windows:
                segments = (segments - first) / length
            part = self.features[video][first:last]
            features[place, : len(part)] = part
            inside[place, : len(part)] = 1
            made = self.head.targets(segments, labels, self.num_classes, self.config)
            for name, values in made.items():
                targets[name].append(values)
        return Batch(features, inside, {name: np.stack(made) for name, made in targets.items()})

    def _crop(self, video: int, place: Sequence[int]) -> tuple[int, int, np.ndarray, np.ndarray]:
        """A random part of a video: first row, the one after its last, segments and labels."""
        # No seed is below 0, but validation's draws are.
        rng = np.random.default_rng([self.config.seed, *(number % 2**63 for number in place)])
        # Crops count from the middle of the first row, segments from its beginning.
        segments, margin = self.segments[video] - 0.5, self.margins[video]
        total, limit = len(self.features[video]), self.config.num_segments
        first, length = draw_crop(rng, total, limit, segments, margin)
        held, inside = segments_in_crop(segments, first, length, margin)
        return first, first + length, (inside + 0.5) / limit, self.labels[video][held]

    def digest(self) -> str:
        """SHA-256 of all that is learned from."""
        digest = hashlib.sha256(repr((self.video_ids, self.examples)).encode())
        labels = self.labels if self.head.names_classes(self.config) else []
        for values in (*self.features, *self.segments, *labels):
            digest.update(np.ascontiguousarray(values).data)
        return digest.hexdigest()

    def left_out_lines(self) -> list[str]:
        """How many videos were left out, and why, with some names; [] if none was."""
        if not self.left_out:
            return []
        by_kind = defaultdict(list)
        for video_id, (kind, _) in self.left_out.items():
            by_kind[kind].append(video_id)
        kinds = [
            f"{len(names)} {kind} "
            f"({', '.join(names[:NAMES_SHOWN])}{', ...' if len(names) > NAMES_SHOWN else ''})"
            for kind, names in by_kind.items()
        ]
        first = next(iter(self.left_out.values()))[1]
        return [f"{len(self.left_out)} videos left out: {', '.join(kinds)}; the first: {first}"]


def load_localization_data(
    sources: FeatureSources,
    annotations: Annotations,
    class_names: Sequence[str],
    head: Head,
    config: ConfigDict,
) -> LocalizationData:
    """Reads the features of all annotated videos and finds out where the segments lie on them.

    A video without features, or with features that cannot be used (NaN, another shape), is left out
    and listed. Of windows those are taken that hold at least .9 of some segment.

    Args:
        sources: Features.
        annotations: Videos of one subset.
        class_names: All classes of the annotations.
        head: Whose targets the batches are to have.
        config: Of the run. Features are resized to num_segments rows, or, with windows, cut into
            windows of so many rows, half of one apart; with crops they stay as they are.

    Raises:
        InputError: no video or window is left; the message gives the first reason.
    """
    data = LocalizationData(head, config, len(class_names))
    in_parts = config.windows or config.get("crops", False)
    numbers = {name: number for number, name in enumerate(class_names)}
    for video_id, annotation in tqdm(
        annotations.items(), desc="features", unit="video", leave=False
    ):
        try:
            video = sources.load(video_id, annotation)
            rows = video.columns(None if in_parts else config.num_segments)
        except InputError as error:
            data.left_out[video_id] = getattr(error, "kind", UNREADABLE), str(error)
            continue
        span, firsts = video.spans[0], [0]
        segments = span.fractions(annotation.segments)
        if in_parts:
            # Not clamped: a part does not see the boundaries outside of it.
            rows_per_second = len(rows) / (span.end_seconds - span.start_seconds)
            segments = (annotation.segments - span.start_seconds) * rows_per_second
            # The first row begins to see where the video begins.
            data.margins.append(span.start_seconds * rows_per_second + 0.5)
        if config.windows:
            firsts = [
                first
                for first in window_starts(len(rows), config.num_segments)
                if _share_inside(segments - first, config.num_segments) > MIN_SHARE_INSIDE
            ]
        data.examples += [(len(data.video_ids), first) for first in firsts]
        data.video_ids.append(video_id)
        data.features.append(rows)
        data.segments.append(segments)
        data.labels.append(np.array([numbers[label] for label in annotation.labels], np.int64))
    if data.video_ids and not data.examples:
        raise InputError(
            f"no window of the {len(annotations)} videos holds a segment. Check the annotations."
        )
    if not data.examples:
        reason = next(iter(data.left_out.values()), ("", "nothing is annotated"))[1]
        raise InputError(
            f"none of the {len(annotations)} annotated videos has usable features (first reason: "
            f"{reason}). Check that features and annotations belong together."
        )
    return data


def _share_inside(segments: np.ndarray, length: int) -> float:
    """Largest share of a segment that lies in [0, length]; segments float64 [k, 2], k may be 0."""
    inside = np.clip(segments, 0, length)
    # A segment of no length is wholly inside or outside; the small number decides nothing else.
    lengths = segments[:, 1] - segments[:, 0] + 1e-9
    within = (segments[:, 0] >= 0) & (segments[:, 1] <= length)
    return float(
        np.max(np.where(within, 1.0, (inside[:, 1] - inside[:, 0]) / lengths), initial=0.0)
    )
