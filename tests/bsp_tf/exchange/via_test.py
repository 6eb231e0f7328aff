"""VIA: a table as VIA 3 writes it, and what is no table of segments."""

import re

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.exchange import via
from bsp_tf.exchange.table import Known, Segment, Table, Video, VideoFacts

FIRST = "# Exported using VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)\n"
HEADER = (
    "# CSV_HEADER = metadata_id,file_list,temporal_segment_start,temporal_segment_end,metadata\n"
)
ROW = '"1_a","[""v_a.mp4""]",1.25,5.31493,"{""TEMPORAL-SEGMENTS"":""high jump""}"'


def read(tmp_path, text) -> Table:
    path = tmp_path / "export.csv"
    path.write_text(text)
    return via.read(str(path), Known())


def test_an_export_is_read(tmp_path):
    other = '"1_b","[""https://host/b.mp4""]",0,2,"{""action"":""a, \\""b\\""""}"'
    table = read(tmp_path, f"{FIRST}{HEADER}{ROW}\n{other}")
    assert [(v.video_id, v.segments) for v in table.videos] == [
        ("v_a", (Segment(1.25, 5.31493, "high jump"),)),
        ("b", (Segment(0, 2, 'a, "b"'),)),
    ]
    assert [video.facts.media for video in table.videos] == ["v_a.mp4", "https://host/b.mp4"]


def test_the_header_stands_where_readers_of_via_look_for_it():
    facts = VideoFacts(media="v_a.mp4")
    table = Table((Video("v_a", (Segment(1.25, 5.31493, "high jump"),), facts), Video("b")))
    first, header, row = via.write(table).splitlines()
    assert first.startswith("#") and '["b"]' in first
    assert header + "\n" == HEADER
    assert row == ROW.replace("1_a", "1_1").replace('S"":""', 'S"": ""')


@pytest.mark.parametrize(
    ("row", "named"),
    [
        (ROW.replace("5.31493", "undefined"), "row 1 has no end"),
        (ROW.replace("5.31493", "later"), "its time is 'later'"),
        (ROW.replace("v_a.mp4", 'a.mp4"",""b.mp4'), "its files is a list of 2"),
        (ROW.replace("high jump", ""), "its label is ''"),
        (ROW.replace("TEMPORAL-SEGMENTS", 'a"":""b"",""c'), "attributes a, c"),
        (ROW.replace('""high jump""', "3"), "its label is 3"),
        (ROW.replace("}", ""), "row 1 is not valid JSON"),
        (ROW + ",1", "row 1 has 6 columns"),
        (ROW.replace("}", ',""score"":""high""}'), "'score' is 'high'"),
    ],
)
def test_what_is_wrong_is_named(row, named, tmp_path):
    with pytest.raises(InputError, match=r"export\.csv: " + ".*" + re.escape(named)):
        read(tmp_path, FIRST + HEADER + row)


def test_the_other_export_of_via_is_refused(tmp_path):
    header = "# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,metadata\n"
    with pytest.raises(InputError, match="Only Temporal Segments as CSV"):
        read(tmp_path, FIRST + "# SHAPE_ID = {}\n" + header)


def test_no_text_is_refused(tmp_path):
    (tmp_path / "export.csv").write_bytes(b"# \xff")
    with pytest.raises(InputError, match=r"export\.csv is no CSV"):
        via.read(str(tmp_path / "export.csv"), Known())
