"""A stream of frames -> its boundaries, each told as soon as it is certain. NumPy only."""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bsp_tf.prediction.boundary_list import Timing, boundary_curve, describe_boundary
from bsp_tf.prediction.live_peaks import LivePeaks
from bsp_tf.synthesis.place_peaks import peak_positions
from bsp_tf.video.live import LiveFrame
from bsp_tf.video.snippets import snippet_batches
from bsp_tf.video.stream import VideoError


@dataclasses.dataclass(frozen=True)
class Window:
    """What a model says of a window.

    Attributes:
        seconds: Of its first frame.
        end_seconds: When the last frame ends that has come; the last window may be filled up.
        probabilities: float [types].
        place: float [frames], see `find_boundaries`; None where the model has no such map.
    """

    seconds: float
    end_seconds: float
    probabilities: np.ndarray
    place: np.ndarray | None


def windows_of_snippets(
    frames: Iterable[LiveFrame],
    run: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    timing: Timing,
) -> Iterator[Window]:
    """Every `stride` frames a window, shown to the model as a whole: those of a file.

    Args:
        frames: The stream.
        run: uint8 [1, window, H, W, 3] -> "boundary" [1, types], with or without "place".
        timing: Where the windows lie.
    """
    seconds, end = deque[float](), 0.0

    def images() -> Iterator[np.ndarray]:
        nonlocal end
        for number, frame in enumerate(frames):
            if number % timing.stride == 0:
                seconds.append(frame.seconds)
            end = frame.seconds + 1 / timing.fps
            yield frame.image

    for batch in snippet_batches(images(), timing.window, timing.frame_step, timing.stride, 1):
        outputs = run(batch.frames)
        place = outputs["place"][0] if "place" in outputs else None
        yield Window(seconds.popleft(), end, outputs["boundary"][0], place)


def windows_of_steps(
    frames: Iterable[LiveFrame],
    steps: Callable[[Iterable[np.ndarray]], Iterator[Mapping[str, np.ndarray]]],
    timing: Timing,
) -> Iterator[Window]:
    """Each frame is shown to the model once; a window is the mean of the last frames' answers.

    The first window is what the model says of these frames as a snippet. In later ones the frames
    know of those before the window, which a snippet's do not.

    Args:
        frames: The stream.
        steps: uint8 [1, H, W, 3] one after the other -> "boundary_logits" [1, types] of each frame,
            with or without "place" [1].
        timing: Where the windows lie; `stride` is `frame_step`: a window ends in each frame shown.
    """
    seconds, held = deque[float](maxlen=timing.window), deque[Any](maxlen=timing.window)

    def images() -> Iterator[np.ndarray]:
        for number, frame in enumerate(frames):
            if number % timing.frame_step == 0:
                seconds.append(frame.seconds)
                yield frame.image[None]

    for outputs in steps(images()):
        held.append(outputs)
        if len(held) == timing.window:
            logits = np.mean([step["boundary_logits"][0] for step in held], axis=0)
            odds = np.exp(logits - logits.max())
            place = np.array([step["place"][0] for step in held]) if "place" in outputs else None
            end = seconds[-1] + 1 / timing.fps
            yield Window(seconds[0], end, odds / odds.sum(), place)


def live_boundaries(
    windows: Iterable[Window],
    types: Sequence[str],
    timing: Timing,
    threshold: float,
    min_seconds: float,
) -> Iterator[dict[str, Any]]:
    """The boundaries of `find_boundaries` in the order of their peaks, while the windows come.

    Memory holds the windows that may still become a boundary.

    Args:
        windows: Answers of the model.
        types: Names of the boundary types.
        timing: Where the windows lie; its rate counts from each window's own first frame only.
        threshold: As of `find_boundaries`.
        min_seconds: As of `find_boundaries`.

    Yields:
        {"time": seconds from the start of the stream, "type", "score"}.

    Raises:
        VideoError: passed on from `windows`, after the boundaries before it.
    """
    peaks = LivePeaks(threshold, min_seconds * timing.fps / timing.stride)

    def found() -> Iterator[Any]:
        failure = None
        try:
            for window in windows:
                height = float(boundary_curve(window.probabilities[None], types)[0])
                yield from peaks.add(height, window)
        except VideoError as error:
            failure = error
        yield from peaks.finish()
        if failure is not None:
            raise failure

    for peak in found():
        window = peak.item
        if window.place is None:
            after = timing.centre(np.array(peak.position - peak.sample))
        else:
            after = timing.placed(np.array(0), peak_positions(window.place[None]))[0]
        time = min(max(window.seconds + float(after), 0.0), window.end_seconds)
        yield describe_boundary(time, window.probabilities, types, peak.height)
