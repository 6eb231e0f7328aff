"""A trained head on the features of many videos: labelled detections, one video after another."""

import dataclasses
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict
from tqdm import tqdm

from bsp_tf.annotations.mended import VideoAnnotation
from bsp_tf.base.errors import InputError
from bsp_tf.features.sources import FeatureSources
from bsp_tf.localization.class_scores import (
    ClassScores,
    ProbabilityStore,
    class_scores_from_file,
    class_scores_from_stream,
)
from bsp_tf.localization.fusion import (
    PROPOSAL_LABEL,
    THUMOS_DECIMALS,
    TOP_CLASSES,
    make_detections,
)
from bsp_tf.localization.heads.head import Head
from bsp_tf.localization.inference import (
    Network,
    VideoSources,
    propose,
    propose_in_one_piece,
    propose_in_windows,
    usable_videos,
)
from bsp_tf.localization.nms import Suppression
from bsp_tf.runs.workdir import BEST, CONFIG, checkpoint_folder

# Reasons shown on the screen; the output has them all.
MOST_REASONS = 5


@dataclasses.dataclass(frozen=True)
class Options:
    """What can be chosen about the way from a head's outputs to detections; None: as published.

    Attributes:
        top_classes, fusion: See `fusion.make_detections`.
        nms, nms_width, nms_threshold, max_proposals, voting: See `nms.Suppression`.
    """

    top_classes: int = TOP_CLASSES
    fusion: str = "product"
    nms: str | None = None
    nms_width: float | None = None
    nms_threshold: float | None = None
    max_proposals: int | None = None
    voting: float | None = None

    def suppression(self, published: Suppression) -> Suppression:
        """The rule; what is None is taken from the published one.

        Raises:
            InputError: a number out of its range.
        """
        chosen: dict[str, Any] = {
            "method": self.nms,
            "width": self.nms_width,
            "threshold": self.nms_threshold,
            "max_proposals": self.max_proposals,
            "voting": self.voting,
        }
        return dataclasses.replace(
            published, **{name: value for name, value in chosen.items() if value is not None}
        )


def trained_files(workdir: str | os.PathLike) -> list[Path]:
    """The files of a workdir that decide what its model answers."""
    return [Path(workdir) / CONFIG, *sorted(checkpoint_folder(workdir, BEST).glob("*"))]


def find_class_scores(
    sources: ProbabilityStore, path: str | None, labels: Sequence[str]
) -> ClassScores | None:
    """Class scores of whole videos: from a file, else from the action stream, else none.

    Args:
        sources: Features.
        path: The file; None: not given.
        labels: Classes of the annotations.

    Raises:
        InputError: see `class_scores_from_file`.
    """
    if path:
        return class_scores_from_file(path, labels)
    scores = class_scores_from_stream(sources, labels)
    if scores is None:
        known = sources.metadata.get("action_labels") or ()
        missing = ", ".join(repr(label) for label in labels if label not in known)[:200]
        print(
            "no class scores: the action stream's classes do not cover those of the annotations "
            f"({missing or 'there are none'}) and --class_scores is not given, so all detections "
            f"are labelled {PROPOSAL_LABEL!r}"
        )
    return scores


def detections_of(
    head: Head,
    config: ConfigDict,
    network: Network,
    class_names: Sequence[str],
    sources: VideoSources,
    videos: Mapping[str, VideoAnnotation],
    scores: ClassScores | None,
    options: Options,
    left_out: dict[str, str],
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Video ids and detections, see `fusion.make_detections`.

    Args:
        head, config, class_names: Of the trained model.
        network: The model, see `inference.Network`.
        sources: Features.
        videos: Those to work on.
        scores: Class scores of whole videos; None: there are none.
        options: What can be chosen.
        left_out: Receives the other videos -> the reason.
    """
    in_windows, columns = config.get("windows", False), config.num_segments
    in_one_piece = config.get("crops", False)
    resized = None if in_windows or in_one_piece else columns
    usable = usable_videos(sources, videos, resized, config.feature_dim, scores, left_out)
    rule = options.suppression(head.suppression(config))
    decode = functools.partial(head.decode, config=config)
    if in_windows:
        proposals = propose_in_windows(
            network, decode, usable, columns, head.max_window_frames, rule, left_out
        )
    elif in_one_piece:
        num_columns = functools.partial(head.num_columns, config=config)
        proposals = propose_in_one_piece(network, decode, usable, num_columns, rule, left_out)
    else:
        proposals = propose(network, decode, usable, rule, left_out)
    names = class_names if head.names_classes(config) else scores.names if scores else ()
    for video, found in proposals:
        yield (
            video.video_id,
            make_detections(
                found.segments,
                found.scores,
                video.duration_seconds,
                video.class_scores,
                names,
                options.top_classes,
                options.fusion,
                THUMOS_DECIMALS if in_windows else None,
                found.labels,
            ),
        )


def detect_videos(
    head: Head,
    config: ConfigDict,
    network: Network,
    class_names: Sequence[str],
    sources: FeatureSources,
    videos: Mapping[str, VideoAnnotation],
    scores: ClassScores | None,
    options: Options,
    left_out: dict[str, str],
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """`detections_of` with a progress bar, for videos of which at least one must be usable.

    Raises:
        InputError: no video can be used.
    """
    done = 0
    detections = detections_of(
        head, config, network, class_names, sources, videos, scores, options, left_out
    )
    with tqdm(total=len(videos), desc="detect", unit="video") as progress:
        for found in detections:
            yield found
            done += 1
            progress.update(done + len(left_out) - progress.n)
        progress.update(done + len(left_out) - progress.n)
    if not done:
        raise InputError(
            f"none of the {len(videos)} videos can be used with the features in {sources.path}: "
            f"{some_reasons(left_out)}. Check that ids, streams, channels and class scores fit."
        )


def some_reasons(left_out: Mapping[str, str]) -> str:
    """The first videos that were left out, each with its reason."""
    some = [f"{name} ({reason})" for name, reason in left_out.items()][:MOST_REASONS]
    more = len(left_out) - len(some)
    return "; ".join(some) + (f"; and {more} more, listed in the output" if more else "")
