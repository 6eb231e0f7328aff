"""Cutting a stream into snippets, against the plain definition, and reading ahead in bounds."""

import itertools
import threading
import time
import tracemalloc

import numpy as np
import pytest

from bsp_tf.video.snippets import count_snippets, largest_pixel_change, read_ahead, snippet_batches
from bsp_tf.video.stream import TruncatedVideoError


def numbered(num_frames, size=1):
    return (np.full((size, size, 3), i % 256, np.uint8) for i in range(num_frames))


def expected_snippets(num_frames, window, frame_step, stride):
    """Frame numbers of every snippet by the definition, and whether the last one is padded."""
    snippets, padded, covered = [], False, 0
    for start in range(0, num_frames, stride):
        if covered >= num_frames:
            break
        wanted = [start + i * frame_step for i in range(window)]
        padded = wanted[-1] >= num_frames
        snippets.append([min(i, num_frames - 1) for i in wanted])
        covered = wanted[-1] + 1
    return snippets, padded


def test_against_the_definition():
    for num_frames, window, frame_step, stride, batch_size in itertools.product(
        range(1, 34), (1, 3, 8), (1, 2), (1, 4, 8, 20), (1, 3)
    ):
        batches = list(
            snippet_batches(numbered(num_frames), window, frame_step, stride, batch_size)
        )
        got = [snippet[:, 0, 0, 0].tolist() for batch in batches for snippet in batch.frames]
        snippets, padded = expected_snippets(num_frames, window, frame_step, stride)
        assert got == snippets
        assert len(got) == count_snippets(num_frames, window, frame_step, stride)
        assert [batch.last_padded for batch in batches] == [False] * (len(batches) - 1) + [padded]
        assert all(len(batch.frames) == batch_size for batch in batches[:-1])
        assert batches[-1].num_frames <= num_frames


def test_going_on_where_whole_batches_ended():
    for num_frames, frame_step, stride in itertools.product(range(1, 40), (1, 2), (1, 4, 8, 20)):
        whole = list(snippet_batches(numbered(num_frames), 8, frame_step, stride, 2))
        for done in range(1, len(whole)):
            first = 2 * done
            frames = itertools.islice(numbered(num_frames), first * stride, None)
            rest = list(snippet_batches(frames, 8, frame_step, stride, 2, first))
            for got, expected in zip(rest, whole[done:], strict=True):
                np.testing.assert_array_equal(got.frames, expected.frames)
                assert (got.num_frames, got.last_padded) == (
                    expected.num_frames,
                    expected.last_padded,
                )
        # Nothing is left: no snippet is made of the frames that the last one has covered.
        count = count_snippets(num_frames, 8, frame_step, stride)
        if not whole[-1].last_padded:
            frames = itertools.islice(numbered(num_frames), count * stride, None)
            assert list(snippet_batches(frames, 8, frame_step, stride, 2, count)) == []


def test_damage_comes_after_the_good_frames():
    def frames():
        yield from numbered(11)
        raise TruncatedVideoError("cut", 11)

    batches = snippet_batches(frames(), 8, 1, 8, 16)
    batch = next(batches)
    assert batch.frames.shape == (2, 8, 1, 1, 3) and batch.last_padded and batch.num_frames == 11
    with pytest.raises(TruncatedVideoError):
        next(batches)


def test_pixel_change():
    snippet = np.zeros((4, 2, 2, 3), np.uint8)
    snippet[2, 0] = 200
    assert largest_pixel_change(snippet) == 100
    assert largest_pixel_change(snippet[:1]) == 0
    batch = next(snippet_batches(snippet, 4, 1, 4, 1))
    assert batch.pixel_change.dtype == np.float32 and batch.pixel_change.tolist() == [100]


def test_memory_does_not_grow_with_length():
    num_frames, size = 3000, 32
    tracemalloc.start()
    for _ in read_ahead(snippet_batches(numbered(num_frames, size=size), 8, 1, 8, 4), 2):
        pass
    largest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Three batches of four snippets are 0.3 MB, the whole video 9 MB.
    assert largest < num_frames * size * size * 3 / 8


def test_read_ahead_is_bounded_and_ends():
    made = []

    def items():
        for i in range(100):
            made.append(i)
            yield i

    ahead = read_ahead(items(), 3)
    assert next(ahead) == 0
    time.sleep(0.2)
    assert len(made) <= 4
    ahead.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read_ahead")]
    assert len(made) <= 5
    assert list(read_ahead(range(10), 3)) == list(range(10))
    assert list(read_ahead([], 3)) == []


def test_read_ahead_raises_in_place():
    def items():
        yield 1
        yield 2
        raise KeyError("late")

    ahead = read_ahead(items(), 4)
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(KeyError, match="late"):
        next(ahead)
