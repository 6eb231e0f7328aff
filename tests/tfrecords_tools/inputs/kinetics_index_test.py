"""Kinetics CSVs of all variants against folders of all habits."""

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.video.folder_listing import FileListing
from tfrecords_tools.inputs.clip_index import ClipSpec
from tfrecords_tools.inputs.kinetics_index import index_kinetics

HEADER = "label,youtube_id,time_start,time_end,split,is_cc\n"
LABEL = "massaging person's head (slowly)"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clips").mkdir()
    return tmp_path / "clips"


def write_csv(tmp_path, text):
    path = tmp_path / "k.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def index_of(tmp_path, text, *paths, **options):
    """Indexes the CSV `text` against a folder of these files."""
    return index_kinetics(
        write_csv(tmp_path, text), tmp_path, listing=FileListing(sorted(paths), []), **options
    )


@pytest.mark.parametrize(
    "text",
    [
        "label,youtube_id,time_start,time_end,split,is_cc\nrun fast,-_a,7,17,train,0\n",
        "label,youtube_id,time_start,time_end,split\nrun fast,-_a,7,17,train\n",
        "\ufefflabel,youtube_id,time_start,time_end,split,is_cc\r\n"
        '"run fast","-_a",7,17,train,1\r\n\r\n',
        "youtube_id,time_start,time_end,label,split\n-_a,7.0,17.0,run fast,train\n",
        "split, Time Start, Time End, Label, YouTube-ID\ntrain, 7, 17, run fast , -_a\n",
        "label\tyoutube_id\ttime_start\ttime_end\nrun fast\t-_a\t7\t17\n",
        "classname;youtube_id;start;end;subset\nrun fast;-_a;7;17;train\n",
    ],
)
def test_every_header(tmp_path, text):
    index = index_of(tmp_path, text, "run_fast/-_a_000007_000017.mp4")
    assert index.clips == [ClipSpec("run_fast/-_a_000007_000017.mp4", "run fast", (7.0, 17.0), 0)]
    assert index.labels == ["run fast"] and index.missing == [] and index.warnings == []


@pytest.mark.parametrize(
    "text",
    [
        "youtube_id,time_start,time_end,split\nx,0,10,test\n",
        HEADER + ",x,0,10,test,0\n",
    ],
)
def test_without_labels(tmp_path, text):
    for path in ("test/x_000000_000010.mp4", "x_000000_000010.mp4", "x.webm"):
        index = index_of(tmp_path, text, path)
        assert index.labels == [] and index.clips == [ClipSpec(path, None, (0.0, 10.0), -1)]


@pytest.mark.parametrize(
    "folder",
    [
        "",
        LABEL,
        LABEL.replace(" ", "_"),
        "massaging_persons_head_slowly",
        "massaging person's head slowly",
        "massaging_person_s_head__slowly_",
        f"train/{LABEL}",
        f"{LABEL}/part1",
        "part1",
        "train/part1",
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        "-x_y_000007_000017.mp4",
        "-x_y_000007_000017.MKV",
        "-x_y_000007_000017.mp4.webm",
        "-x_y_7_17.avi",
        "-x_y.mp4",
        "-x_y.f137.mp4",
    ],
)
def test_every_habit(tmp_path, folder, name):
    path = f"{folder}/{name}" if folder else name
    index = index_of(
        tmp_path, HEADER + f"{LABEL},-x_y,7,17,val,0\n", path, "other/z.mp4", "-x_y.json"
    )
    assert index.clips == [ClipSpec(path, LABEL, (7.0, 17.0), 0)]
    assert "2 of 3 files" in index.warnings[0]


def test_labels_that_differ_in_case_or_little(tmp_path):
    text = (
        HEADER + "Passing ball (in game),a,0,10,val,0\npassing ball (in game),a,0,10,val,0\n"
        "passing ball (not in game),a,0,10,val,0\n"
    )
    index = index_of(
        tmp_path,
        text,
        *(
            f"{name}/a_000000_000010.mp4"
            for name in ("Passing_ball_in_game", "passing_ball_in_game", "passing_ball_not_in_game")
        ),
    )
    assert [(clip.path.split("/")[0], clip.label) for clip in index.clips] == [
        ("Passing_ball_in_game", "Passing ball (in game)"),
        ("passing_ball_in_game", "passing ball (in game)"),
        ("passing_ball_not_in_game", "passing ball (not in game)"),
    ]


def test_what_matches_nothing_or_twice_is_listed_with_the_nearest(tmp_path):
    text = (
        HEADER + "a,good,0,10,val,0\na,gone,0,10,val,0\na,moved,0,10,val,0\na,other,5,15,val,0\n"
        "a,twice,0,10,val,0\nb,CASE,0,10,val,0\n"
    )
    index = index_of(
        tmp_path,
        text,
        "a/good_000000_000010.mp4",
        "b/moved_000000_000010.mp4",
        "a/other_000001_000011.mp4",
        "a/twice_000000_000010.mp4",
        "a/twice_000000_000010.mkv",
        "b/case_000000_000010.mp4",
    )
    assert [clip.path for clip in index.clips] == ["a/good_000000_000010.mp4"] and index.labels == [
        "a",
        "b",
    ]
    assert dict(index.missing) == {
        "a/gone_000000_000010.mp4": "no such file",
        "a/moved_000000_000010.mp4": "no such file; nearest: b/moved_000000_000010.mp4",
        "a/other_000005_000015.mp4": "no such file; nearest: a/other_000001_000011.mp4",
        "a/twice_000000_000010.mp4": (
            "2 files fit: a/twice_000000_000010.mkv, a/twice_000000_000010.mp4"
        ),
        "b/CASE_000000_000010.mp4": "no such file; nearest: b/case_000000_000010.mp4",
    }


def test_the_times_and_the_own_class_decide_between_files(tmp_path):
    paths = (
        "a/x_000000_000010.mp4",
        "a/x_000010_000020.mp4",
        "a/x.mp4",
        "b/x_000000_000010.mp4",
        "x_000000_000010.mp4",
        "a/x_000000_000010.info.json",
        "a/x_000000_000010.mp4.part",
    )
    index = index_of(tmp_path, HEADER + "a,x,0,10,val,0\na,x,10,20,val,0\nb,x,0,10,val,0\n", *paths)
    assert [(clip.path, clip.span_seconds[0]) for clip in index.clips] == [
        ("a/x_000000_000010.mp4", 0.0),
        ("a/x_000010_000020.mp4", 10.0),
        ("b/x_000000_000010.mp4", 0.0),
    ]


def test_whole_videos(tmp_path):
    text = HEADER + "a,x,0,10,val,0\na,x,20,30,val,0\na,y,5,15,val,0\na,z,1,11,val,0\n"
    paths = ("a/x.mp4", "a/y.mp4", "a/z_000001_000011.mp4")
    index = index_of(tmp_path, text, *paths)
    assert [clip.key for clip in index.clips] == ["a/y.mp4", "a/z_000001_000011.mp4"]
    assert (
        index.missing[0][0] == "a/x.mp4"
        and "2 rows" in index.missing[0][1]
        and "--untrimmed" in index.missing[0][1]
    )
    index = index_of(tmp_path, text, *paths, untrimmed=True)
    assert [clip.key for clip in index.clips] == [
        "a/x.mp4#t=0,10",
        "a/x.mp4#t=20,30",
        "a/y.mp4#t=5,15",
        "a/z_000001_000011.mp4",
    ]
    assert index.missing == []


def test_split_keeps_the_label_map_of_the_whole_csv(tmp_path):
    text = HEADER + "b,x,0,10,train,0\na,y,0,10,val,0\n"
    index = index_of(tmp_path, text, "x.mp4", "y.mp4", split="train")
    assert index.labels == ["a", "b"] and index.clips == [ClipSpec("x.mp4", "b", (0.0, 10.0), 1)]
    assert "1 of 2 files" in index.warnings[0] and "no row of split 'train'" in index.warnings[0]
    with pytest.raises(InputError, match="'test'.*'train', 'val'"):
        index_of(tmp_path, text, "x.mp4", split="test")
    with pytest.raises(InputError, match="--split"):
        index_of(tmp_path, "youtube_id,time_start,time_end\nx,0,10\n", "x.mp4", split="test")


def test_unlabelled_and_reused_labels(tmp_path):
    text = HEADER + "run fast,x,0,10,train,0\n"
    assert index_of(tmp_path, text, "run_fast/x.mp4", "walk/x.mp4", unlabelled=True).clips == [
        ClipSpec("run_fast/x.mp4", None, (0.0, 10.0))
    ]
    index = index_of(tmp_path, text, "x.mp4", known=["walk", "run_fast"])
    assert index.labels == ["walk", "run_fast"] and index.clips[0].label_index == 1
    with pytest.raises(InputError, match="'run fast' of .*k.csv"):
        index_of(tmp_path, text, "x.mp4", known=["walk"])


def test_bad_rows_are_listed_and_the_rest_goes_on(tmp_path):
    text = HEADER + (
        "a,good,0,10,val,0\na,good,0,10,val,0\na,back,10,10,val,0\na,word,zero,10,val,0\n"
        "a,nan,nan,10,val,0\na,neg,-1,10,val,0\na,short,0\na,,0,10,val,0\na,empty,,,val,0\n,,,,,\n"
        "a,gone,1,2,val,0\na,gone,1,2,val,0\n"
    )
    index = index_of(
        tmp_path, text, *(f"{name}.mp4" for name in "good back word nan neg short empty".split())
    )
    assert [clip.path for clip in index.clips] == ["good.mp4"]
    reasons = {name: reason.partition("k.csv, ")[2] or reason for name, reason in index.missing}
    assert reasons == {
        "back": "line 4: start 10 is not before end 10",
        "word": "line 5: start is 'zero', not a number of seconds",
        "nan": "line 6: start is 'nan', not a number of seconds",
        "neg": "line 7: start is '-1', not a number of seconds",
        "short": "line 8: end is '', not a number of seconds",
        "line 9": "line 9: the row has no youtube_id",
        "empty": "line 10: the row has no start and end",
        "a/gone_000001_000002.mp4": "no such file",
    }
    assert len(index.missing) == len(reasons) and "1 rows of" in index.warnings[0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("label,youtube_id,time_start\na,x,0\n", "time_end"),
        ("", "youtube_id, time_start, time_end"),
        (HEADER, "k.csv"),
        (HEADER + "a,x,zero,10,val,0\n", "1 rows .*line 2: start is 'zero'"),
        (HEADER + "a,other,0,10,val,0\n", "1 rows .*a/other_000000_000010.mp4"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, text, fault):
    with pytest.raises(InputError, match=fault) as caught:
        index_of(tmp_path, text, "a/x_000000_000010.mp4")
    assert "k.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_unreadable_files(tmp_path):
    for name, fault in (("gone.csv", "No such file"), ("", "is a folder")):
        with pytest.raises(InputError, match=fault):
            index_kinetics(tmp_path / name, tmp_path)
    (tmp_path / "excel.csv").write_text(HEADER, encoding="utf-16")
    with pytest.raises(InputError, match="excel.csv.*UTF-16"):
        index_kinetics(tmp_path / "excel.csv", tmp_path)
    with pytest.raises(InputError, match="nowhere.*--videos"):
        index_kinetics(write_csv(tmp_path, HEADER), tmp_path / "nowhere")


def test_real_kinetics_csv(shared, tmp_path, touch):
    """19,906 rows, 400 labels, 644 ids that begin with a dash; one file is away."""
    csv = shared / "annotations" / "kinetics" / "kinetics-400_val.csv"
    rows = [line.split(",") for line in csv.read_text().splitlines()[1:]]
    unquoted = str.maketrans(" ", "_", "\"'()")
    paths = [
        f"{label.translate(unquoted)}/{name}_{int(start):06d}_{int(end):06d}.mp4"
        for label, name, start, end, *_ in rows
    ]
    index = index_kinetics(csv, tmp_path, listing=FileListing(paths[1:], []), split="val")
    assert len(index.labels) == 400 and index.labels == sorted(index.labels)
    assert (
        len(index.clips) == 19905
        and index.missing == [(paths[0], "no such file")]
        and index.warnings == []
    )
    assert sum(clip.path.split("/")[1].startswith("-") for clip in index.clips) == 644
    assert len({clip.key for clip in index.clips}) == 19905
    touch(tmp_path, *paths[:3])
    index = index_kinetics(csv, tmp_path)
    assert [clip.path for clip in index.clips] == sorted(paths[:3]) and len(index.missing) == 19903
