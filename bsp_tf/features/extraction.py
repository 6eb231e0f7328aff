"""Videos -> what a snippet model answers about them, decoded in a thread of its own.

The model is given as a function, so no TensorFlow is needed here. Memory holds a few batches of
frames, and of a video its answers.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from tqdm import tqdm

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UserPath
from bsp_tf.features import reuse
from bsp_tf.features.store import write_video
from bsp_tf.video.pace import uneven_rate
from bsp_tf.video.reader import VideoInfo, probe_video, read_frames
from bsp_tf.video.snippets import SnippetBatch, count_snippets, read_ahead, snippet_batches
from bsp_tf.video.stream import TruncatedVideoError, VideoError

# uint8 [N, window, H, W, 3] RGB -> name -> float32 [N, ...].
Run = Callable[[np.ndarray], Mapping[str, np.ndarray]]
# What decoding tells of a video, in this order: what the file was before it was read, what the
# video says of itself, its snippets, and None at its end or the error that ended it.
Event = dict[str, Any] | VideoInfo | SnippetBatch | VideoError | None

BATCHES_AHEAD = 2


@dataclasses.dataclass
class VideoRows:
    """What is known of a video, up to a snippet.

    Attributes:
        rows: name of an output -> arrays float32 [n, ...], one for each batch.
        about: "file", "num_bytes", "source" (see `reuse.about_file`) and "fps".
        num_frames: frames of which the rows tell.
        padded: whether the last snippet repeats the last frame.
    """

    rows: dict[str, list[np.ndarray]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    about: dict[str, Any] = dataclasses.field(default_factory=dict)
    num_frames: int = 0
    padded: bool = False

    @property
    def num_snippets(self) -> int:
        """n, of all batches together."""
        return sum(map(len, self.rows.get("pixel_change", ())))

    def arrays(self) -> dict[str, np.ndarray]:
        """The rows of each output as one array; they are held once, not twice."""
        for name, parts in self.rows.items():
            self.rows[name] = [np.concatenate(parts)]
        return {name: whole for name, (whole,) in self.rows.items()}

    def describe(self, partial: bool) -> dict[str, Any]:
        """The entry of the video in metadata.json; `partial`: whether frames are missing."""
        return self.about | {
            "num_frames": self.num_frames,
            "duration_seconds": self.num_frames / self.about["fps"],
            "num_snippets": self.num_snippets,
            "last_snippet_padded": self.padded,
            "partial": partial,
        }


def video_events(
    videos: Mapping[str, UserPath],
    settings: Mapping[str, Any],
    batch_size: int,
    first_snippets: Mapping[str, int] = MappingProxyType({}),
) -> Generator[Event, None, None]:
    """The events of one video after the other, decoded ahead; close it to end the thread.

    Args:
        videos: id -> file.
        settings: "window", "frame_step", "stride" (source frames) and "short_side" (pixels).
        batch_size: snippets in a batch.
        first_snippets: id -> how many snippets are known already, where any are.
    """
    return read_ahead(_decode_all(videos, settings, batch_size, first_snippets), BATCHES_AHEAD)


def _decode_all(
    videos: Mapping[str, UserPath],
    settings: Mapping[str, Any],
    batch_size: int,
    first_snippets: Mapping[str, int],
) -> Iterator[Event]:
    for name, path in videos.items():
        first = first_snippets.get(name, 0)
        try:
            about = reuse.about_file(path)
            info = probe_video(path)
            rate = uneven_rate(path, info.fps)
            yield about | ({"resampled": True} if rate else {})
            yield info.at(rate) if rate else info
            yield from snippet_batches(
                read_frames(
                    path,
                    fps=rate,
                    short_side=settings["short_side"],
                    first_frame=first * settings["stride"],
                ),
                settings["window"],
                settings["frame_step"],
                settings["stride"],
                batch_size,
                first,
            )
        except InputError as error:
            yield error if isinstance(error, VideoError) else VideoError(f"{path}: {error}")
        else:
            yield None


def extract_video(
    name: str,
    events: Iterator[Event],
    run: Run,
    settings: Mapping[str, Any],
    *,
    allow_partial: bool = False,
    found: VideoRows | None = None,
    after_batch: Callable[[VideoRows], None] = lambda rows: None,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Takes the events of one video, up to its end, through the model.

    Args:
        name: id of the video, for the progress bar.
        events: from `video_events`.
        run: the model.
        settings: as for `video_events`.
        allow_partial: keep the good part of a damaged video.
        found: what is known already, if the events begin behind it; the rest is added to it.
        after_batch: called with all that is known after each batch.

    Returns:
        The outputs of the model and "pixel_change", float32 [n, ...] by name; the entry of
        metadata.json.

    Raises:
        VideoError: the video failed.
    """
    found, error = found or VideoRows(), None
    with tqdm(
        desc=name, unit="snippet", leave=False, disable=None, initial=found.num_snippets
    ) as bar:
        for event in events:
            if isinstance(event, dict):
                found.about = event
            elif isinstance(event, VideoInfo):
                found.about["fps"] = event.fps
                bar.total = count_snippets(
                    event.num_frames, *(settings[key] for key in ("window", "frame_step", "stride"))
                )
            elif isinstance(event, SnippetBatch):
                for key, values in run(event.frames).items():
                    found.rows[key].append(values)
                found.rows["pixel_change"].append(event.pixel_change)
                found.num_frames, found.padded = event.num_frames, event.last_padded
                bar.update(len(event.frames))
                after_batch(found)
            else:
                error = event
                break
    if error is not None and not (
        allow_partial and isinstance(error, TruncatedVideoError) and found.num_snippets
    ):
        raise error
    return found.arrays(), found.describe(partial=error is not None)


def extract_to(
    output: UserPath,
    name: str,
    events: Iterator[Event],
    run: Run,
    settings: Mapping[str, Any],
    allow_partial: bool,
) -> dict[str, Any]:
    """Takes the events of one video up to its end, writes its features, returns its metadata.

    Args:
        output: feature folder.
        name: id of the video.
        events: from `video_events`.
        run: the model.
        settings: as for `video_events`.
        allow_partial: keep the good part of a damaged video.

    Raises:
        VideoError: the video failed; nothing was written.
        InputError: the features cannot be written, or hold NaN or infinity.
    """
    arrays, about = extract_video(name, events, run, settings, allow_partial=allow_partial)
    write_video(output, name, arrays.pop("features"), arrays, about)
    return about
