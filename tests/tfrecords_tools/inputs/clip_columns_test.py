"""Clips in columns are the clips that went in, and take a tenth of their memory."""

import tracemalloc

import pytest

from tfrecords_tools.inputs.clip_columns import ClipColumns
from tfrecords_tools.inputs.clip_index import ClipSpec
from tfrecords_tools.inputs.found_clips import FoundClips

CLIPS = [
    ClipSpec("", None),
    ClipSpec("caf\udce9/\U0001f600.mp4", "run", (0.0, 1e-6), 3, True, True),
    ClipSpec("b.mp4", "run", (7.25, 1e9), 3),
    ClipSpec("b.mp4", "walk", None, 0, shares_span=True),
    # The same class under another number is another clip.
    ClipSpec("b.mp4", "run", None, 1),
]


def test_every_field_comes_back():
    columns = ClipColumns(CLIPS)
    assert list(columns) == CLIPS and len(columns) == 5 and columns.num_unlabelled == 1
    assert columns[-1] == CLIPS[-1] and columns[1:4] == CLIPS[1:4]
    with pytest.raises(IndexError):
        columns[5]


def test_equal_are_sequences_of_equal_clips():
    assert ClipColumns(CLIPS) == ClipColumns(CLIPS) == CLIPS and CLIPS == ClipColumns(CLIPS)
    assert ClipColumns(CLIPS) != CLIPS[:-1] and ClipColumns(CLIPS) != ClipColumns(CLIPS[::-1])
    # Classes that were met in another order have other numbers inside.
    assert ClipColumns(CLIPS)[3:] == ClipColumns(CLIPS[3:])
    assert ClipColumns() == [] and ClipColumns() != CLIPS


def test_ten_million_fit_in_a_gigabyte():
    """By the bytes of fewer: those of the clips, and those of finding and sorting them."""
    number = 20_000
    tracemalloc.start()
    found = FoundClips()
    for k in range(number):
        found.add(f"part_00000/video_{k % 1000:08d}.mp4", "run", (k * 1.0, k + 1.0), True)
    columns, _ = found.sorted({"run": (0, "run")})
    del found
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(columns) == number and kept / number < 100 and peak / number < 300
