"""Facts of videos from several places, kinds of tables, and ids in names of files."""

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.exchange.table import (
    Known,
    Segment,
    Table,
    Video,
    VideoFacts,
    as_kind,
    check_segments,
    media_name,
    table_of,
    video_id_of,
    with_scores_from,
)


def test_the_flags_count_first_then_the_file_then_what_is_known():
    known = Known({"v_a": VideoFacts(9.0, 25.0, "training", "a.mp4")}, video_prefix="https://h/")
    assert known.complete("a", VideoFacts(10.0)) == VideoFacts(
        10.0, 25.0, "training", "https://h/a.mp4"
    )
    flags = Known(known.videos, fps=50.0, subset="validation")
    assert flags.complete("v_a", VideoFacts(fps=30.0, subset="x")) == VideoFacts(
        9.0, 50.0, "validation", "a.mp4"
    )
    assert Known(video_prefix="v/").complete("b #1", VideoFacts()).media == "v/b #1"
    served = Known(video_prefix="/local-files/?d=v/")
    assert served.complete("b", VideoFacts(media="a&b #1+.mp4")).media == (
        "/local-files/?d=v/a%26b%20%231%2B.mp4"
    )


def test_scores_are_left_out_or_insisted_on():
    scored = table_of([Video("a", (Segment(1, 2, "x", 0.0),)), Video("b")])
    assert scored.scored and as_kind(scored, None) == as_kind(scored, "detections") == scored
    plain = as_kind(scored, "annotations")
    assert not plain.scored and plain.videos[0].segments == (Segment(1, 2, "x"),)
    assert as_kind(Table((Video("b"),)), "detections").scored


def test_detections_of_a_low_score_are_left_out():
    segments = (Segment(1, 2, "x", 0.3), Segment(3, 4, "y", 0.29), Segment(5, 6, "z"))
    (video,) = with_scores_from(Table((Video("a", segments),)), 0.3).videos
    assert [segment.label for segment in video.segments] == ["x", "z"]


@pytest.mark.parametrize("kind", [None, "detections"])
def test_a_segment_without_score_among_others_is_named(kind):
    mixed = table_of([Video("a", (Segment(1, 2, "x", 0.5), Segment(3, 4, "y")), place="f: a")])
    with pytest.raises(InputError, match=r"f: a, entry 1 \('y', 3 to 4 s\).*--kind=annotations"):
        as_kind(mixed, kind)


def test_a_refusal_names_the_first_and_counts_the_others():
    bad = Segment(2, 1, "x")
    table = Table((Video("a", (Segment(1, 2, "x"),)), Video("b", (bad, bad)), Video("c", (bad,))))
    with pytest.raises(InputError, match=r"'b', entry 0 \('x', 2 to 1 s\).*2 more"):
        check_segments(table, "a form", zero_length=True)


@pytest.mark.parametrize(
    ("name", "video_id"),
    [
        ("a.mp4", "a"),
        ("deep/er/a.b.MKV", "a.b"),
        ("C:\\videos\\a.avi", "a"),
        ("a.b", "a.b"),
        ("deep/a", "deep/a"),
    ],
)
def test_ids_in_names_of_files(name, video_id):
    assert video_id_of(name) == video_id


def test_the_file_of_a_video_must_mean_it():
    assert media_name(Video("a")) == "a"
    assert media_name(Video("a", facts=VideoFacts(media="v/a.mp4"))) == "v/a.mp4"
    assert media_name(Video("a", facts=VideoFacts(media="3d3ad63e-a.mp4"))) == "a"
    assert media_name(Video("a.mp4", facts=VideoFacts(media="a.mp4.mkv"))) == "a.mp4.mkv"
    with pytest.raises(InputError, match=r"'a\.mp4': .*'a'"):
        media_name(Video("a.mp4"))
