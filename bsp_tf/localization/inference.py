"""Features of many videos -> proposals in seconds, a few videos in memory at a time. NumPy only.

A video is either resized to the T columns of the network (ActivityNet), or cut into windows of T
snippets whose proposals are merged (G-TAD on THUMOS14), or seen in one piece, however long it is
(ActionFormer on THUMOS14). The network is given, any head's.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from bsp_tf.annotations.mended import VideoAnnotation
from bsp_tf.base.errors import InputError
from bsp_tf.features.source_kinds import VideoFeatures
from bsp_tf.features.span import FeatureSpan
from bsp_tf.localization.class_scores import ClassScores
from bsp_tf.localization.nms import Suppression, suppress
from bsp_tf.localization.proposals import Proposals
from bsp_tf.localization.windows import (
    cut_windows,
    merge_windows,
    window_proposals,
    window_starts,
)

# Features float32 [B, T, C] and where they lie in the video, float32 [B, T] -> arrays [B, ...].
Network = Callable[[np.ndarray, np.ndarray], Mapping[str, np.ndarray]]
# These arrays -> the proposals of each of the B examples, fractions of the T columns.
Decode = Callable[[Mapping[str, np.ndarray]], list[Proposals]]
# Rows in one pass of the network: enough to keep two cores busy, small enough for any memory.
BATCH_SIZE = 8
BAD_OUTPUTS = (
    "the network answers NaN or infinity: look at the scale of the features, or for a "
    "diverged training"
)


class VideoSources(Protocol):
    """What is needed of a `bsp_tf.features.sources.FeatureSources`."""

    def load(self, video_id: str, annotation: VideoAnnotation) -> VideoFeatures:
        """The features of one video, or InputError."""


class UntrimmedVideo(NamedTuple):
    """One video, as far as it is needed here.

    Attributes:
        video_id: Its name.
        snippets: float32 [n, C], evenly over the span; for `propose`, of T rows in all videos.
        span: Where they lie in time.
        frames_between: Video frames from one snippet to the next.
        duration_seconds: Its length.
        class_scores: float64 [K], how much it shows each class; None: not known.
    """

    video_id: str
    snippets: np.ndarray
    span: FeatureSpan
    frames_between: float
    duration_seconds: float
    class_scores: np.ndarray | None = None


def usable_videos(
    sources: VideoSources,
    videos: Mapping[str, VideoAnnotation],
    num_columns: int | None,
    feature_dim: int,
    scores: ClassScores | None,
    left_out: dict[str, str],
) -> Iterator[UntrimmedVideo]:
    """Reads, one by one, the videos of which all is known that a detection needs.

    Args:
        sources: Features.
        videos: Annotations; used are the ids, durations and frame rates.
        num_columns: Rows that all videos are resized to; None: as many as the first source has.
        feature_dim: Channels that the network takes.
        scores: Class scores; None: not wanted.
        left_out: Receives the other videos -> the reason.
    """
    for name, annotation in videos.items():
        try:
            found = sources.load(name, annotation)
            if not found.duration_seconds:
                raise InputError(
                    f"video {name!r} has no duration, neither in the annotations nor with its "
                    'features: add "duration" to its annotations.'
                )
            video = UntrimmedVideo(
                name,
                found.columns(num_columns),
                found.spans[0],
                found.frames_between,
                float(found.duration_seconds),
                scores.of_video(name) if scores else None,
            )
        except InputError as error:
            left_out[name] = str(error)
            continue
        channels = video.snippets.shape[1]
        if channels != feature_dim:
            left_out[name] = f"{channels} channels, the model was trained with {feature_dim}"
            continue
        yield video


def propose(
    network: Network,
    decode: Decode,
    videos: Iterable[UntrimmedVideo],
    rule: Suppression,
    skipped: dict[str, str],
) -> Iterator[tuple[UntrimmedVideo, Proposals]]:
    """Videos, each resized to the T columns of the network, and their proposals in seconds.

    Args:
        network: See `Network`.
        decode: See `Decode`.
        videos: Read as they are needed.
        rule: Applied to fractions of the features' span.
        skipped: Receives the videos on whose features the network fails -> the reason.
    """
    for batch in _batches(videos, BATCH_SIZE):
        features = np.stack([video.snippets for video in batch])
        outputs = network(features, np.ones(features.shape[:2], np.float32))
        sound = _finite_rows(outputs)
        skipped |= {
            video.video_id: BAD_OUTPUTS
            for video, fine in zip(batch, sound, strict=True)
            if not fine
        }
        decoded = decode({name: values[sound] for name, values in outputs.items()})
        kept = [video for video, fine in zip(batch, sound, strict=True) if fine]
        for video, found in zip(kept, suppress(decoded, rule), strict=True):
            # The inverse of what the training targets do: columns are fractions of what the
            # snippets cover, which is not quite the whole video.
            yield video, found._replace(segments=video.span.seconds(found.segments))


def propose_in_windows(
    network: Network,
    decode: Decode,
    videos: Iterable[UntrimmedVideo],
    num_segments: int,
    max_frames: float,
    rule: Suppression,
    skipped: dict[str, str],
) -> Iterator[tuple[UntrimmedVideo, Proposals]]:
    """The same with windows of `num_segments` snippets.

    Args:
        network: See `Network`.
        decode: See `Decode`.
        videos: Read as they are needed, with one row for each snippet.
        num_segments: T.
        max_frames: Proposals of this many video frames or more are not used.
        rule: Applied to each window, and to all of a video together; unit: snippets.
        skipped: See `propose`.
    """
    for video in videos:
        count = len(video.snippets)
        starts = window_starts(count, num_segments)
        windows = cut_windows(video.snippets, num_segments)
        inside = np.add.outer(starts, np.arange(num_segments)) < count
        parts = [
            network(windows[rows], inside[rows].astype(np.float32))
            for rows in _batches(range(len(windows)), BATCH_SIZE)
        ]
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        if not _finite_rows(outputs).all():
            skipped[video.video_id] = BAD_OUTPUTS
            continue
        longest = max_frames / video.frames_between
        merged = merge_windows(
            window_proposals(decode(outputs), starts, num_segments, longest),
            dataclasses.replace(rule, video_length=count),
        )
        yield video, merged._replace(segments=video.span.seconds(merged.segments / count))


def propose_in_one_piece(
    network: Network,
    decode: Decode,
    videos: Iterable[UntrimmedVideo],
    num_columns: Callable[[int], int],
    rule: Suppression,
    skipped: dict[str, str],
) -> Iterator[tuple[UntrimmedVideo, Proposals]]:
    """The same with all snippets of a video at once, followed by zeros.

    Args:
        network: See `Network`; of any length.
        decode: See `Decode`.
        videos: Read as they are needed, with one row for each snippet.
        num_columns: Snippets -> columns that the network is given, see `Head.num_columns`.
        rule: Applied to fractions of the columns.
        skipped: See `propose`.
    """
    for video in videos:
        count = len(video.snippets)
        columns = num_columns(count)
        features = np.pad(video.snippets, ((0, columns - count), (0, 0)))
        inside = (np.arange(columns) < count).astype(np.float32)
        outputs = network(features[np.newaxis], inside[np.newaxis])
        if not _finite_rows(outputs).all():
            skipped[video.video_id] = BAD_OUTPUTS
            continue
        own = dataclasses.replace(rule, video_length=count / columns)
        (found,) = suppress(decode(outputs), own)
        # Not clamped to what the snippets cover: the first one sees what is before its middle.
        span = video.span
        seconds = (span.end_seconds - span.start_seconds) / count
        segments = span.start_seconds + found.segments * columns * seconds
        yield video, found._replace(segments=segments)


def _finite_rows(outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Whether all numbers of an example are finite, bool [B]."""
    return np.logical_and.reduce(
        [np.isfinite(values).reshape(len(values), -1).all(1) for values in outputs.values()]
    )


def _batches(items: Iterable, size: int) -> Iterator[list]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
