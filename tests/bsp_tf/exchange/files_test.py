"""Every form, through real files: what is written is read back to a millisecond, or refused."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bsp_tf.base.errors import InputError
from bsp_tf.exchange.files import read_table, write_table
from bsp_tf.exchange.formats import FORMATS, PER_VIDEO, guess
from bsp_tf.exchange.table import (
    ANNOTATIONS,
    DETECTIONS,
    Known,
    Segment,
    Table,
    Video,
    VideoFacts,
    as_kind,
)

MILLISECOND = 0.001
LABELS = (
    "jump",
    'say "no", then go',
    "走る 🤸",
    "a & b <b>c</b> &amp;",
    "it's 50%; #1",
    "NOTE this",
    "12",
    "score=0.5",
    "tab\tinside",
    "line\u2028separator \u0085",
    "'",
    "[1, 2]",
)
# What some forms cannot hold.
ARROW, LINES, CONTROL = "a --> b", "two\nlines\r", "bell\a"
RATES = (24.0, 25.0, 30_000 / 1001, 59.94, 12.5)


def random_table(seed: int, labels=LABELS, scored: bool = False) -> Table:
    """Videos of up to three hours with up to twenty segments, overlapping; one video has none."""
    draw = random.Random(seed)
    videos = [Video("empty", facts=VideoFacts(10.0, 25.0, "validation"))]
    for name in ("v_a.b", "ü-2", "c d"):
        duration = draw.choice([3.0, 60.0, 10_800.0])
        segments = []
        for _ in range(draw.randrange(1, 20)):
            start = draw.uniform(0, duration - 0.1)
            end = draw.uniform(start + 0.01, duration)
            if draw.random() < 0.3:
                start, end = round(start), round(start) + 1.0
            score = draw.random() if scored else None
            segments.append(Segment(start, end, draw.choice(labels), score))
        facts = VideoFacts(duration, draw.choice(RATES), "training")
        videos.append(Video(name, tuple(segments), facts))
    return Table(tuple(videos), scored)


def rows(table: Table) -> list[tuple]:
    """All segments, in an order that rounding does not change."""
    return sorted(
        (video.video_id, segment.label, segment.score or 0.0, segment.start, segment.end)
        for video in table.videos
        for segment in video.segments
    )


def assert_same(found: Table, wanted: Table) -> None:
    assert {video.video_id for video in found.videos} == {v.video_id for v in wanted.videos}
    assert found.scored == wanted.scored
    left = rows(wanted)
    for video_id, label, score, start, end in rows(found):
        match = next(
            row
            for row in left
            if row[:3] == (video_id, label, score)
            and abs(row[3] - start) <= MILLISECOND
            and abs(row[4] - end) <= MILLISECOND
        )
        left.remove(match)
    assert left == []


def place_of(name: str, folder: Path) -> str:
    return str(folder / ("out" if FORMATS[name].per_video else "out" + FORMATS[name].suffix))


@pytest.mark.parametrize("scored", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_read_back(name, scored, tmp_path):
    for seed in range(20):
        table = random_table(seed, scored=scored)
        place = place_of(name, tmp_path / str(seed))
        write_table(table, place, name)
        assert guess(place) == name
        assert_same(read_table(place, name, Known()), table)


TEXTS = st.text(st.characters() | st.sampled_from(" \t\n\r\0\ufeff&<>-\"',.#="), max_size=6)
# Most have what all forms can hold: the refusals of one segment would hide the others.
TIMES = st.floats(0, 10_800) | st.integers(0, 10_800) | st.floats(-1, 1)
SEGMENTS = st.builds(
    lambda start, length, label, score: Segment(start, start + length, label, score),
    TIMES,
    st.floats(0.001, 100) | st.integers(1, 100) | st.floats(0, 0.002),
    st.sampled_from(LABELS) | st.text(min_size=1, max_size=6).map(str.strip) | TEXTS,
    st.floats(0, 1) | st.floats(-1e6, 1e6),
)
VIDEOS = st.builds(
    Video,
    st.text("aü-.1 ", min_size=1, max_size=6) | TEXTS.filter(bool),
    st.lists(SEGMENTS, max_size=4).map(tuple),
    st.builds(
        VideoFacts, st.just(10_900.0), st.sampled_from(RATES), TEXTS, TEXTS | st.just("a/b.mp4")
    ),
)
TABLES = st.builds(
    Table,
    st.lists(VIDEOS, min_size=1, max_size=3, unique_by=lambda video: video.video_id).map(tuple),
)


@given(TABLES, st.booleans())
@example(Table((Video("\udcff"),)), False)
@example(Table((Video("a", facts=VideoFacts(9.0, 25.0, media="\x1f.mp4")),)), False)
@pytest.mark.parametrize("name", FORMATS)
def test_any_table_is_refused_or_read_back_as_it_was_written(name, tmp_path, table, scored):
    table = as_kind(table, DETECTIONS if scored else ANNOTATIONS)
    place = place_of(name, tmp_path / "any")
    shutil.rmtree(tmp_path / "any", ignore_errors=True)
    try:
        write_table(table, place, name)
    except InputError as error:
        assert not Path(place).exists() and len(str(error).splitlines()) == 1
        return
    found = read_table(place, name, Known())
    # Subtitles without a segment are no detections, and no annotations either.
    assert_same(replace(found, scored=scored) if not rows(table) else found, table)


@pytest.mark.parametrize("name", FORMATS)
def test_a_second_round_changes_nothing(name, tmp_path):
    table = random_table(3, scored=True)
    for turn in range(2):
        place = place_of(name, tmp_path / str(turn))
        write_table(table, place, name)
        again = read_table(place, name, Known())
        if turn:
            assert rows(again) == rows(table)
        table = Table(
            tuple(
                Video(video.video_id, video.segments, old.facts)
                for video in again.videos
                for old in table.videos
                if old.video_id == video.video_id
            ),
            again.scored,
        )


def check_held_by(names, table, refusal, folder):
    """These forms give the table back; the others refuse it, and leave no file."""
    for name in FORMATS:
        place = place_of(name, folder / name)
        if name in names:
            write_table(table, place, name)
            assert_same(read_table(place, name, Known()), table)
        else:
            with pytest.raises(InputError, match=refusal):
                write_table(table, place, name)
            assert not Path(place).exists()


@pytest.mark.parametrize(
    ("label", "names"),
    [
        (ARROW, ["activitynet", "label_studio", "fiftyone", "via", "webvtt", "eaf"]),
        (LINES, ["activitynet", "label_studio", "fiftyone", "via"]),
        (CONTROL, ["activitynet", "label_studio", "fiftyone", "via", "webvtt", "srt"]),
        (" spaces ", ["activitynet", "label_studio", "fiftyone", "via"]),
    ],
)
def test_labels_are_held_or_refused_by_name(label, names, tmp_path):
    facts = VideoFacts(10.0, 25.0)
    table = Table((Video("a", (Segment(1, 2, "b"), Segment(3, 4, label)), facts),))
    check_held_by(names, table, r"'a', entry 1 \(", tmp_path)


NEGATIVE, REVERSED, POINT = (-1.0, 2.0), (3.0, 2.0), (2.0, 2.0)


@pytest.mark.parametrize(
    ("times", "names"),
    [
        (NEGATIVE, ["activitynet"]),
        (REVERSED, []),
        (POINT, ["activitynet", "fiftyone", "via"]),
        ((2.0, 2.0001), ["activitynet", "fiftyone", "via", "label_studio"]),
    ],
)
def test_times_are_held_or_refused_by_name(times, names, tmp_path):
    table = Table((Video("a", (Segment(*times, "b"),), VideoFacts(10.0, 25.0)),))
    check_held_by(names, table, r"'a', entry 0 \('b', ", tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_label_is_refused(name, tmp_path):
    table = Table((Video("a", (Segment(1, 2, ""),), VideoFacts(10.0, 25.0)),))
    with pytest.raises(InputError, match="'a', entry 0"):
        write_table(table, place_of(name, tmp_path), name)


@pytest.mark.parametrize("video_id", ["a/b", ".hidden", "x" * 260])
@pytest.mark.parametrize("name", PER_VIDEO.values())
def test_ids_that_are_no_file_names_are_refused(name, video_id, tmp_path):
    table = Table((Video("a"), Video(video_id)))
    with pytest.raises(InputError, match="no name for a file"):
        write_table(table, str(tmp_path / "out"), name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["via", "fiftyone"])
def test_an_id_that_is_read_back_as_another_one_is_refused(name, tmp_path):
    with pytest.raises(InputError, match=r"'a\.mp4': .* read back as 'a'"):
        write_table(Table((Video("a.mp4"),)), str(tmp_path / "out"), name)


@pytest.mark.parametrize("name", PER_VIDEO.values())
def test_a_filled_folder_is_left_alone(name, tmp_path):
    (tmp_path / "corrected").write_text("by hand")
    with pytest.raises(InputError, match=str(tmp_path)):
        write_table(Table((Video("a"),)), str(tmp_path), name)
    assert [path.name for path in tmp_path.iterdir()] == ["corrected"]


def test_one_file_for_a_video_is_read_too(tmp_path):
    (tmp_path / "v_1.VTT").write_text("WEBVTT\n\n00:01.000 --> 00:02.500\njump\n")
    known = Known({"1": VideoFacts(9.0, 25.0, "training")})
    (video,) = read_table(str(tmp_path / "v_1.VTT"), "webvtt", known).videos
    assert video.video_id == "v_1" and video.facts == VideoFacts(9.0, 25.0, "training")
    assert video.segments == (Segment(1.0, 2.5, "jump"),)


def test_two_files_of_one_video_are_refused(tmp_path):
    for name in ("a.srt", "sub/a.srt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    with pytest.raises(InputError, match=r"a\.srt and .*a\.srt are of one video"):
        read_table(str(tmp_path), "srt", Known())


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.json", {"database": {}}, "activitynet"),
        ("a.json", {"results": {}}, "activitynet"),
        ("a.json", {"v_1": {"annotations": []}}, "activitynet"),
        ("a.json", [], "label_studio"),
        ("a.json", {"classes": None, "labels": {}}, "fiftyone"),
        ("a.csv", "video,type,start,end\n", "activitynet"),
        ("a.csv", "# Exported using VGG Image Annotator\n", "via"),
        ("a.EAF", "", "eaf"),
    ],
)
def test_the_form_is_guessed(name, content, form, tmp_path):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    assert guess(str(path)) == form


def test_a_folder_of_several_forms_is_not_guessed(tmp_path):
    for name in ("a.srt", "a.vtt"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"\.srt, \.vtt"):
        guess(str(tmp_path))
    (tmp_path / "a.vtt").unlink()
    assert guess(str(tmp_path)) == "srt"
