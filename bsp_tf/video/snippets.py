"""A stream of frames -> batches of snippets, and a thread that reads ahead of them. NumPy only."""

import dataclasses
import itertools
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from bsp_tf.video.stream import TruncatedVideoError

Item = TypeVar("Item")


@dataclasses.dataclass
class SnippetBatch:
    """Consecutive snippets of one video.

    Attributes:
        frames: uint8 [n, window, H, W, 3] RGB.
        pixel_change: float32 [n], see `largest_pixel_change`.
        num_frames: frames of the video read so far, those of this batch included.
        last_padded: True if the last snippet of the batch repeats the last frame because the video
            ended in it.
    """

    frames: np.ndarray
    pixel_change: np.ndarray
    num_frames: int
    last_padded: bool


def count_snippets(num_frames: int, window: int, frame_step: int, stride: int) -> int:
    """Number of snippets of a video.

    They start at 0, stride, 2 * stride, ... until the last frame is covered. Only the last snippet
    can be incomplete. With a stride longer than a snippet, frames between two snippets, and after
    the last one, belong to none.
    """
    span = (window - 1) * frame_step + 1
    to_cover = 1 + max(0, -(-(num_frames - span) // stride))
    return min(to_cover, -(-num_frames // stride))


def largest_pixel_change(snippet: np.ndarray) -> float:
    """Largest mean absolute difference of consecutive frames of a snippet: the baseline for cuts.

    Args:
        snippet: uint8 [T, H, W, 3].
    Returns:
        0..255; 0 if there is one frame.
    """
    changes = [
        (np.maximum(first, second) - np.minimum(first, second)).mean(dtype=np.float32)
        for first, second in zip(snippet[:-1], snippet[1:], strict=True)
    ]
    return float(max(changes, default=0.0))


def snippet_batches(
    frames: Iterable[np.ndarray],
    window: int,
    frame_step: int,
    stride: int,
    batch_size: int,
    first_snippet: int = 0,
) -> Iterator[SnippetBatch]:
    """Cuts a stream of frames into snippets; memory holds one batch, however long the stream is.

    Args:
        frames: uint8 [H, W, 3] each, all of one size; from frame first_snippet * stride on.
        window: frames per snippet.
        frame_step: source frames from one frame of a snippet to the next.
        stride: source frames from one snippet's start to the next.
        batch_size: snippets per batch; the last batch may be smaller.
        first_snippet: how many snippets to leave out at the start: those that are known already.
    Raises:
        TruncatedVideoError: passed on from `frames` after the snippets of the good frames.
    """
    span = (window - 1) * frame_step + 1
    # The frames of the index range [first, num_frames); `start` is where the next snippet begins.
    held: list[np.ndarray] = []
    first = start = num_frames = first_snippet * stride
    covered = start - stride + span if first_snippet else 0
    images: list[np.ndarray] = []
    changes: list[float] = []
    damage = None

    def take() -> SnippetBatch:
        batch = SnippetBatch(np.stack(images), np.array(changes, np.float32), num_frames, False)
        images.clear()
        changes.clear()
        return batch

    def add(snippet: np.ndarray) -> None:
        images.append(snippet)
        changes.append(largest_pixel_change(snippet))

    try:
        for frame in frames:
            if num_frames >= start:
                held.append(frame)
            else:
                first = num_frames + 1
            num_frames += 1
            if num_frames == start + span:
                add(np.stack(held[start - first :: frame_step]))
                covered, start = num_frames, start + stride
                del held[: max(start - first, 0)]
                first = max(first, min(start, num_frames))
            if len(images) == batch_size:
                yield take()
    except TruncatedVideoError as error:
        damage = error
    if covered < num_frames and start < num_frames:
        part = held[start - first :: frame_step]
        add(np.stack(part + [held[-1]] * (window - len(part))))
        batch = take()
        batch.last_padded = True
        yield batch
    elif images:
        yield take()
    if damage is not None:
        raise damage


def read_ahead(items: Iterable[Item], limit: int) -> Generator[Item, None, None]:
    """Runs an iterator in a background thread, at most `limit` items ahead of the consumer.

    What the iterator raises is raised here, in its place. Closing this generator ends the thread
    after the item that it is working on.
    """
    iterator = iter(items)

    def take() -> list[Item]:
        """The next item, in a list; an empty list at the end."""
        return list(itertools.islice(iterator, 1))

    pool = ThreadPoolExecutor(1, thread_name_prefix="read_ahead")
    try:
        waiting = deque(pool.submit(take) for _ in range(limit))
        while item := waiting.popleft().result():
            waiting.append(pool.submit(take))
            yield item[0]
    finally:
        pool.shutdown(cancel_futures=True)
