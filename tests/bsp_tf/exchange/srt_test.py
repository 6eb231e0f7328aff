"""SRT as players and other tools write it."""

import re

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.exchange import srt
from bsp_tf.exchange.table import Segment, Table, Video


def read(tmp_path, text: str) -> list[Segment]:
    path = tmp_path / "a.srt"
    path.write_bytes(text.encode())
    return srt.read(str(path))[0]


def test_blocks_lie_in_time_and_are_numbered():
    segments = (Segment(3, 4, "b"), Segment(1.0006, 2, "<i>a</i>"))
    assert srt.write(Table((Video("a", segments),))) == (
        "1\n00:00:01,001 --> 00:00:02,000\n<i>a</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nb\n"
    )


def test_a_video_without_segments_is_an_empty_file(tmp_path):
    assert srt.write(Table((Video("a"),))) == ""
    assert read(tmp_path, "") == []


def test_what_others_write_is_read(tmp_path):
    text = (
        "\ufeff1\r\n00:00:01,000 --> 00:00:02,500 X1:40 X2:600\r\n12\r\n \r\n"
        "00:00:03.000 --> 00:00:04.000\r\njump\r\nscore=0.5\r\n"
    )
    assert read(tmp_path, text) == [Segment(1.0, 2.5, "12"), Segment(3.0, 4.0, "jump", 0.5)]


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ("2", "no line 'start --> end'"),
        ("2\n00:00:01 --> 00:00:02\nx", "'00:00:01' is no time"),
        ("2\n00:00:03,000 --> 00:00:02,000\nx", "ends at 00:00:02,000"),
        ("2\n00:00:01,000 --> 00:00:02,000", "holds ''"),
        ("2\n00:00:01,000 --> 00:00:02,000\ntwo\nlines", "'two / lines'"),
    ],
)
def test_what_is_wrong_is_named(block, named, tmp_path):
    with pytest.raises(InputError, match=r"a\.srt: block 2.*" + re.escape(named)):
        read(tmp_path, f"1\n00:00:01,000 --> 00:00:02,000\nfirst\n\n{block}\n")
