"""Features of all videos of a subset in memory, and batches of them with labels. NumPy only.

An example is a whole video, resized to T columns, or one of the overlapping windows of T rows that
a video is cut into (THUMOS14). Only segments are kept; label maps are made for each batch: those of
ActivityNet's 9,649 training videos would take 386 MB, and windows that overlap share their
features.
"""

import dataclasses
import hashlib
from collections import defaultdict

import numpy as np
from tqdm import tqdm

from bsp_tf.annotations.mended import Annotations
from bsp_tf.base.errors import InputError
from bsp_tf.features.sources import FeatureSources
from bsp_tf.features.store import UNREADABLE
from bsp_tf.localization.heads.gtad.targets import video_targets, window_targets
from bsp_tf.localization.windows import window_starts

# Names given for each kind of reason when left-out videos are counted.
NAMES_SHOWN = 3
# A training window must hold this share of some segment (the reference's THUMOS14 code).
MIN_SHARE_INSIDE = 0.9


@dataclasses.dataclass
class LocalizationData:
    """What G-TAD trains on.

    Attributes:
        num_segments, max_duration: T and D.
        in_windows: Whether examples are windows.
        video_ids: N ids.
        features: float32 [T, C] a video, or [n, C], n >= 1 rows, for windows.
        segments: float64 [k, 2] a video: fractions of the columns, or rows for windows.
        examples: (video, first row), ints; the first row is 0 where an example is a whole video.
        left_out: Annotated videos that could not be used -> (kind of reason, reason).
    """

    num_segments: int
    max_duration: int
    in_windows: bool
    video_ids: list[str] = dataclasses.field(default_factory=list)
    features: list[np.ndarray] = dataclasses.field(default_factory=list)
    segments: list[np.ndarray] = dataclasses.field(default_factory=list)
    examples: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    left_out: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)

    @property
    def feature_dim(self) -> int:
        """C."""
        return self.features[0].shape[1]

    def batch(self, rows: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Examples by their numbers.

        Args:
            rows: ints [B], below len(examples).

        Returns:
            Features float32 [B, T, C], zeros after the end of a video, and targets: start, end
                float32 [B, T], map
            float32 [B, D, T] (targets.video_targets, targets.window_targets).
        """
        features = np.zeros((len(rows), self.num_segments, self.feature_dim), np.float32)
        targets = defaultdict(list)
        for place, row in enumerate(rows):
            video, first = self.examples[row]
            part = self.features[video][first : first + self.num_segments]
            features[place, : len(part)] = part
            for name, values in self._targets(video, first).items():
                targets[name].append(values)
        return features, {name: np.stack(values) for name, values in targets.items()}

    def _targets(self, video: int, first: int) -> dict[str, np.ndarray]:
        segments = self.segments[video]
        if not self.in_windows:
            return video_targets(segments, self.num_segments, self.max_duration)
        return window_targets(
            (segments - first) / self.num_segments, self.num_segments, self.max_duration
        )

    def digest(self) -> str:
        """SHA-256 of all that is learned from."""
        digest = hashlib.sha256(repr((self.video_ids, self.examples)).encode())
        for values in (*self.features, *self.segments):
            digest.update(np.ascontiguousarray(values))
        return digest.hexdigest()

    def left_out_lines(self) -> list[str]:
        """How many videos were left out, for which kinds of reasons, with some names; [] if none
        was.
        """
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
    num_segments: int,
    max_duration: int,
    in_windows: bool = False,
) -> LocalizationData:
    """Reads the features of all annotated videos and finds out where the segments lie on them.

    A video without features, or with features that cannot be used (NaN, another shape), is left out
    and listed. Of windows those are taken that hold at least .9 of some segment.

    Args:
        sources: Features.
        annotations: Videos of one subset.
        num_segments: T; features are resized to it along time, or cut into windows of it, half of
            one apart.
        max_duration: D.
        in_windows: Whether to cut.

    Raises:
        InputError: no video or window is left; the message gives the first reason.
    """
    data = LocalizationData(num_segments, max_duration, in_windows)
    for video_id, annotation in tqdm(
        annotations.items(), desc="features", unit="video", leave=False
    ):
        try:
            video = sources.load(video_id, annotation)
            rows = video.columns(None if in_windows else num_segments)
        except InputError as error:
            data.left_out[video_id] = getattr(error, "kind", UNREADABLE), str(error)
            continue
        span, firsts = video.spans[0], [0]
        segments = span.fractions(annotation.segments)
        if in_windows:
            # Not clamped: a window does not see the boundaries outside of it.
            share = (annotation.segments - span.start_seconds) / (
                span.end_seconds - span.start_seconds
            )
            segments = share * len(rows)
            firsts = [
                first
                for first in window_starts(len(rows), num_segments)
                if _share_inside(segments - first, num_segments) > MIN_SHARE_INSIDE
            ]
        data.examples += [(len(data.video_ids), first) for first in firsts]
        data.video_ids.append(video_id)
        data.features.append(rows)
        data.segments.append(segments)
    if data.video_ids and not data.examples:
        raise InputError(
            f"no window of the {len(annotations)} videos holds a segment. Check the annotations."
        )
    if not data.examples:
        reason = next(iter(data.left_out.values()), ("", "nothing is annotated"))[1]
        raise InputError(
            f"none of the {len(annotations)} annotated videos has usable features (first reason: "
            f"{reason}). "
            "Check that features and annotations belong together."
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
