"""Clips: their keys."""

import pickle

from tfrecords_tools.inputs.clip_index import ClipSpec, format_seconds


def test_key_is_the_path_and_the_piece():
    assert ClipSpec("a/x.mp4").key == "a/x.mp4"
    assert ClipSpec("a/x.mp4", "run", (7.0, 17.0)).key == "a/x.mp4"
    assert ClipSpec("a/x.mp4", "run", (7.25, 17.0), cut=True).key == "a/x.mp4#t=7.25,17"
    assert (
        ClipSpec("x.mp4", "run & jump", (0.0, 1.0), cut=True, shares_span=True).key
        == "x.mp4#t=0,1&label=run & jump"
    )
    assert ClipSpec("x.mp4", "run", shares_span=True).key == "x.mp4#label=run"


def test_no_file_name_looks_like_a_piece():
    clips = (
        ClipSpec("x.mp4", None, (0.0, 1.0), cut=True),
        ClipSpec("x.mp4#t=0,1"),
        ClipSpec("x.mp4%23t=0,1"),
    )
    assert len({clip.key for clip in clips}) == 3


def test_times_to_the_microsecond():
    assert [format_seconds(seconds) for seconds in (0.0, 100.0, 12.5, 1e-6, 1234567.654321)] == [
        "0",
        "100",
        "12.5",
        "0.000001",
        "1234567.654321",
    ]


def test_clips_travel_between_processes():
    clip = ClipSpec("b\udcff.mp4", "run", (0.0, 1.5), 3, True, True)
    assert pickle.loads(pickle.dumps(clip)) == clip and hash(clip)
