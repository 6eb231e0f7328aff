"""Frames that are read before they are taken."""

import threading

import numpy as np
import pytest

from bsp_tf.records import read_ahead
from bsp_tf.records.read_ahead import ReadAhead

ROWS, FRAMES = np.array([3, 1], np.int64), np.array([0, 7], np.int32)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def ahead(calls):
    """Of a fetch that fails for row 9."""

    def fetch(rows, frames):
        calls.append(threading.get_ident())
        if 9 in rows:
            raise ValueError("row 9")
        return rows * 100 + frames

    return ReadAhead(fetch)


@pytest.mark.parametrize("asked", [True, False])
def test_it_is_fetched_once_whether_it_was_asked_for_or_not(ahead, calls, asked):
    if asked:
        assert ahead.ask(ROWS, FRAMES) is ROWS
    np.testing.assert_array_equal(ahead.take(ROWS, FRAMES), [300, 107])
    assert len(calls) == 1
    assert (calls[0] == threading.get_ident()) != asked


def test_asking_does_not_wait():
    answer = threading.Event()
    ahead = ReadAhead(lambda rows, frames: rows if answer.wait(60) else None)
    for row in range(5):
        ahead.ask(ROWS + row, FRAMES)
    answer.set()
    for row in (4, 0, 2, 1, 3):
        np.testing.assert_array_equal(ahead.take(ROWS + row, FRAMES), ROWS + row)


def test_the_same_twice(ahead, calls):
    """Two units may show the same frames."""
    for _ in range(2):
        ahead.ask(ROWS, FRAMES)
    for _ in range(3):
        np.testing.assert_array_equal(ahead.take(ROWS, FRAMES), [300, 107])
    assert len(calls) <= 4


def test_an_error_is_raised_where_the_frames_are_taken(ahead):
    ahead.ask(ROWS + 6, FRAMES)
    ahead.ask(ROWS, FRAMES)
    np.testing.assert_array_equal(ahead.take(ROWS, FRAMES), [300, 107])
    with pytest.raises(ValueError, match="row 9"):
        ahead.take(ROWS + 6, FRAMES)


def test_what_nobody_takes_is_forgotten(ahead, calls, monkeypatch):
    monkeypatch.setattr(read_ahead, "MOST_KEPT", 2)
    for row in range(4):
        ahead.ask(ROWS * 0 + row, FRAMES)
    assert len(ahead._asked) == 2
    np.testing.assert_array_equal(ahead.take(ROWS * 0, FRAMES), [0, 7])
    assert len(calls) <= 5
