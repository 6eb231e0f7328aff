"""Clips as they are found, then sorted, each once, with their classes."""

import random

from tfrecords_tools.inputs.clip_index import ClipSpec
from tfrecords_tools.inputs.found_clips import FoundClip, FoundClips, make_clips

MATCHED = {"run": (1, "running"), "walk": (0, "walking")}


def test_clips_are_sorted_labelled_and_unique():
    found = [
        FoundClip("b", "run"),
        FoundClip("a", "walk", (5.0, 9.0), True),
        FoundClip("a", "walk", (1.0, 9.0), True),
        FoundClip("b", "run"),
        FoundClip("a", None),
        FoundClip("c", "run"),
        FoundClip("c", "walk"),
    ]
    clips, num_repeated = make_clips(found, MATCHED)
    assert num_repeated == 1
    assert clips == [
        ClipSpec("a"),
        ClipSpec("a", "walking", (1.0, 9.0), 0, True),
        ClipSpec("a", "walking", (5.0, 9.0), 0, True),
        ClipSpec("b", "running", None, 1),
        ClipSpec("c", "walking", None, 0, shares_span=True),
        ClipSpec("c", "running", None, 1, shares_span=True),
    ]
    assert len({clip.key for clip in clips}) == len(clips)
    assert make_clips(reversed(found), MATCHED) == (clips, 1)


def test_found_clips_stay_as_they_were_found():
    found = [
        FoundClip("b.mp4", "run", (0.5, 2.0), True),
        FoundClip("b.mp4", None),
        FoundClip("a\udcff.mp4", "walk", (0.0, 1.0)),
    ]
    clips = FoundClips(found)
    assert list(clips) == found and len(clips) == 3
    assert [clips.span_of(row) for row in range(3)] == [(0.5, 2.0), None, (0.0, 1.0)]


def test_the_order_is_that_of_sorted_tuples():
    """For any clips: by path as Python compares texts, no times before any, file before piece."""
    rng = random.Random(0)
    found = [
        FoundClip(
            rng.choice(["a", "b", "b\udcff", "b\uffff", "b\U0001f600", "aa"]),
            rng.choice([None, "run", "walk"]),
            span,
            span is not None and rng.random() < 0.5,
        )
        for span in rng.choices([None, (0.0, 1.0), (0.0, 2.0), (1.0, 2.0)], k=500)
    ]
    rows = {
        (path, span or (), cut, *((-1, None) if label is None else MATCHED[label]))
        for path, label, span, cut in found
    }
    clips, num_repeated = make_clips(found, MATCHED)
    assert [
        (clip.path, clip.span_seconds or (), clip.cut, clip.label_index, clip.label)
        for clip in clips
    ] == sorted(rows)
    assert num_repeated == 500 - len(rows)
    pieces = [(clip.path, clip.span_seconds, clip.cut) for clip in clips]
    assert [clip.shares_span for clip in clips] == [pieces.count(piece) > 1 for piece in pieces]
