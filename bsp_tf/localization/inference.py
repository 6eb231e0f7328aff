"""Features of many videos -> proposals in seconds, a few videos in memory at a time. NumPy only:
the network is given.

A video is either resized to the T columns of the network (ActivityNet), or cut into windows of T
snippets whose proposals are merged (THUMOS14).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from bsp_tf.annotations.mended import VideoAnnotation
from bsp_tf.base.errors import InputError
from bsp_tf.features.sources import FeatureSources
from bsp_tf.features.span import FeatureSpan
from bsp_tf.features.store import resize_features
from bsp_tf.localization.class_scores import ClassScores
from bsp_tf.localization.heads.gtad.decode import Proposals, decode_proposals
from bsp_tf.localization.nms import Suppression, suppress
from bsp_tf.localization.windows import (
    MAX_PROPOSAL_FRAMES,
    cut_windows,
    merge_windows,
    window_proposals,
    window_starts,
)

# Features float32 [B, T, C] -> "start", "end" [B, T] and "map" [B, 2, D, T].
Network = Callable[[np.ndarray], Mapping[str, np.ndarray]]
# Rows in one pass of the network: enough to keep two cores busy, small enough for any memory.
BATCH_SIZE = 8
BAD_MAPS = (
    "the network answers NaN or infinity: look at the scale of the features, or for a "
    "diverged training"
)


class UntrimmedVideo(NamedTuple):
    """One video, as far as it is needed here.

    Attributes:
        video_id: Its name.
        snippets: float32 [n, C]; for `propose`, any number of rows that lie evenly over the span.
        span: Where they lie in time.
        frames_between: Video frames from one snippet to the next.
        duration_seconds: Its length.
        class_scores: float64 [K], how much it shows each class; None: not known.
    """

    video_id: str
    snippets: np.ndarray
    span: FeatureSpan
    frames_between: int
    duration_seconds: float
    class_scores: np.ndarray | None = None


def usable_videos(
    sources: FeatureSources,
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
                    "features: add "
                    '"duration" to its annotations.'
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
    videos: Iterable[UntrimmedVideo],
    num_segments: int,
    rule: Suppression,
    skipped: dict[str, str],
) -> Iterator[tuple[UntrimmedVideo, Proposals]]:
    """Videos and their suppressed proposals in seconds, each video resized to `num_segments`
    columns.

    Args:
        network: See `Network`.
        videos: Read as they are needed.
        num_segments: T.
        rule: Applied to fractions of the features' span.
        skipped: Receives the videos on whose features the network fails -> the reason.
    """
    for batch in _batches(videos, BATCH_SIZE):
        maps = network(np.stack([resize_features(video.snippets, num_segments) for video in batch]))
        sound = np.logical_and.reduce(
            [np.isfinite(value).all(axis=tuple(range(1, value.ndim))) for value in maps.values()]
        )
        skipped |= {
            video.video_id: BAD_MAPS for video, fine in zip(batch, sound, strict=True) if not fine
        }
        decoded = decode_proposals(maps["map"][sound], maps["start"][sound], maps["end"][sound])
        kept = [video for video, fine in zip(batch, sound, strict=True) if fine]
        for video, found in zip(kept, suppress(decoded, rule), strict=True):
            # The inverse of what the training targets do: columns are fractions of what the
            # snippets cover, which is not quite the whole video.
            yield video, Proposals(video.span.seconds(found.segments), found.scores)


def propose_in_windows(
    network: Network,
    videos: Iterable[UntrimmedVideo],
    num_segments: int,
    rule: Suppression,
    skipped: dict[str, str],
) -> Iterator[tuple[UntrimmedVideo, Proposals]]:
    """The same with windows of `num_segments` snippets; the rule is applied to each window and to
    all together.
    """
    for video in videos:
        count = len(video.snippets)
        windows = cut_windows(video.snippets, num_segments)
        maps = np.concatenate(
            [network(np.stack(part))["map"] for part in _batches(windows, BATCH_SIZE)]
        )
        if not np.isfinite(maps).all():
            skipped[video.video_id] = BAD_MAPS
            continue
        longest = MAX_PROPOSAL_FRAMES / video.frames_between
        found = merge_windows(
            window_proposals(maps, window_starts(count, num_segments), longest), rule
        )
        yield video, Proposals(video.span.seconds(found.segments / count), found.scores)


def _batches(items: Iterable, size: int) -> Iterator[list]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
