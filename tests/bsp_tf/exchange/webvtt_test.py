"""WebVTT as browsers and other tools write it."""

import re

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.exchange import webvtt
from bsp_tf.exchange.table import Segment, Table, Video


def read(tmp_path, text: str) -> list[Segment]:
    path = tmp_path / "a.vtt"
    path.write_bytes(text.encode())
    return webvtt.read(str(path))[0]


def test_cues_lie_in_time_and_are_escaped():
    segments = (Segment(3661.5, 3662, "a<b", 0.5), Segment(1, 2.0004, "R&B --> go", 0.25))
    assert webvtt.write(Table((Video("a", segments),), scored=True)) == (
        "WEBVTT\n\n"
        "1\n00:00:01.000 --> 00:00:02.000\nR&amp;B --&gt; go\nscore=0.25\n\n"
        "2\n01:01:01.500 --> 01:01:02.000\na&lt;b\nscore=0.5\n"
    )


def test_a_video_without_segments_is_a_header():
    assert webvtt.write(Table((Video("a"),))) == "WEBVTT\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_what_others_write_is_read(newline, tmp_path):
    text = """\ufeffWEBVTT - made by hand
Kind: metadata

NOTE
nothing

STYLE
::cue { color: red }

first cue
00:01.000 --> 00:02.500 align:start position:10%
<v Ann>R&amp;B &lt;3</v>


00:00:01.000 --> 100:00:00.000
 jump\t
score=0.5"""
    assert read(tmp_path, text.replace("\n", newline)) == [
        Segment(1.0, 2.5, "R&B <3"),
        Segment(1.0, 360_000.0, "jump", 0.5),
    ]


@pytest.mark.parametrize(
    ("cue", "named"),
    [
        ("only text", "no line 'start --> end'"),
        ("1\n00:01.000 -> 00:02.000\nx", "no line 'start --> end'"),
        ("00:01,0 --> 00:02.000\nx", "'00:01,0' is no time"),
        ("00:61.000 --> 00:62.000\nx", "'00:61.000' is no time"),
        ("00:02.000 --> 00:02.000\nx", "ends at 00:02.000"),
        ("00:01.000 --> 00:02.000", "holds ''"),
        ("00:01.000 --> 00:02.000\ntwo\nlines", "'two / lines'"),
        ("00:01.000 --> 00:02.000\nx\nscore=1e", "its score is '1e'"),
        ("00:01.000 --> 00:02.000\nx\nscore=1e999", "its score is '1e999'"),
    ],
)
def test_what_is_wrong_is_named(cue, named, tmp_path):
    with pytest.raises(InputError, match=r"a\.vtt: cue 2.*" + re.escape(named)):
        read(tmp_path, f"WEBVTT\n\n00:01.000 --> 00:02.000\nfirst\n\n{cue}\n")


@pytest.mark.parametrize("text", ["", "WEBVTTX\n", "1\n00:00:01,000 --> 00:00:02,000\nx\n"])
def test_other_files_are_refused(text, tmp_path):
    with pytest.raises(InputError, match=r"a\.vtt is no WebVTT"):
        read(tmp_path, text)


def test_other_encodings_are_refused(tmp_path):
    (tmp_path / "a.vtt").write_bytes("WEBVTT\n\nNOTE é".encode("latin-1"))
    with pytest.raises(InputError, match=r"a\.vtt is no text in UTF-8"):
        webvtt.read(str(tmp_path / "a.vtt"))
