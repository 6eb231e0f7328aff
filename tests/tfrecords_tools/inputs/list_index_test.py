"""Lists of paths, and CSV files with a column of paths."""

import os

import pytest

from bsp_tf.base.errors import InputError
from tfrecords_tools.inputs.clip_index import ClipSpec
from tfrecords_tools.inputs.list_index import index_list, index_table


@pytest.fixture
def root(tmp_path, touch):
    touch(
        tmp_path / "videos",
        "a.mp4",
        "b b/c d.mp4",
        "b b/x,y.mp4",
        "tab.mp4",
        "b b/c",
        "new\nline.mp4",
    )
    return tmp_path / "videos"


def write(root, text):
    path = root.parent / "list.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def labelled(index):
    return [(clip.path, clip.label) for clip in index.clips]


@pytest.mark.parametrize(
    "text",
    [
        "a.mp4 run\nb b/c d.mp4 shaking hands\n",
        "a.mp4\trun\nb b/c d.mp4\tshaking hands\n",
        "a.mp4,run\nb b/c d.mp4,shaking hands\n",
        '\ufeffa.mp4, run\r\n\r\n"b b/c d.mp4", "shaking hands"\r\n',
        "./a.mp4   run  \n\nb b/../b b/c d.mp4    shaking hands",
    ],
)
def test_separators(root, text):
    index = index_list(write(root, text), root)
    assert labelled(index) == [("a.mp4", "run"), ("b b/c d.mp4", "shaking hands")]
    assert index.labels == ["run", "shaking hands"] and index.missing == [] and index.warnings == []
    assert not any(clip.cut for clip in index.clips)


def test_paths_with_separators(root):
    assert labelled(index_list(write(root, "b b/x,y.mp4,run\na.mp4,run, then jump\n"), root)) == [
        ("a.mp4", "run,then jump"),
        ("b b/x,y.mp4", "run"),
    ]
    assert labelled(index_list(write(root, '"new\nline.mp4",run\n'), root)) == [
        ("new\nline.mp4", "run")
    ]


def test_without_labels(root):
    index = index_list(write(root, "a.mp4\nb b/c d.mp4\nb b/x,y.mp4\n"), root)
    assert (
        labelled(index) == [("a.mp4", None), ("b b/c d.mp4", None), ("b b/x,y.mp4", None)]
        and index.labels == []
    )
    index = index_list(write(root, "a.mp4 run\ntab.mp4\n"), root)
    assert [clip.label_index for clip in index.clips] == [
        0,
        -1,
    ] and "1 of 2 clips" in index.warnings[0]
    index = index_list(write(root, "a.mp4 run\n"), root, unlabelled=True)
    assert index.clips == [ClipSpec("a.mp4")] and index.labels == []


def test_class_numbers(root):
    index = index_list(write(root, "a.mp4 10\ntab.mp4 2\n"), root)
    assert [(clip.label, clip.label_index) for clip in index.clips] == [("10", 10), ("2", 2)]
    assert index.labels == [str(number) for number in range(11)]
    index = index_list(write(root, "a.mp4 1\ntab.mp4 0\n"), root, ["walk", "run"])
    assert labelled(index) == [("a.mp4", "run"), ("tab.mp4", "walk")]


def test_absolute_paths(root, touch, tmp_path):
    touch(tmp_path, "elsewhere/e.mp4")
    index = index_list(
        write(
            root,
            f"{root}/a.mp4 run\n{tmp_path}/elsewhere/e.mp4 run\n../elsewhere/e.mp4 walk\n"
            f"{tmp_path}/gone.mp4 run\n",
        ),
        root,
    )
    assert labelled(index) == [
        (f"{tmp_path}/elsewhere/e.mp4", "run"),
        (f"{tmp_path}/elsewhere/e.mp4", "walk"),
        ("a.mp4", "run"),
    ]
    assert index.missing == [(f"{tmp_path}/gone.mp4", "no such file")]
    assert len({clip.key for clip in index.clips}) == 3


def test_missing_files_with_the_nearest(root):
    index = index_list(
        write(root, "a.mp4 run\nother/A.avi run\nb c.mp4 jump high\nnothing here\n"), root
    )
    assert index.missing == [
        ("other/A.avi", "no such file; nearest: a.mp4"),
        ("b c.mp4", "no such file"),
        ("nothing", "no such file"),
    ]
    with pytest.raises(InputError, match="list.txt .*z.mp4"):
        index_list(write(root, "z.mp4 run\n"), root)
    for text in ("", "\n  \n"):
        with pytest.raises(InputError, match="list.txt"):
            index_list(write(root, text), root)


def test_names_that_are_no_utf8(root):
    with open(os.fsencode(root) + b"/caf\xe9.mp4", "wb"):
        pass
    index = index_list(write(root, b"caf\xe9.mp4 run\n"), root)
    assert os.fsencode(index.clips[0].path) == b"caf\xe9.mp4"
    with pytest.raises(InputError, match="UTF-8"):
        index_list(write(root, b"a.mp4 caf\xe9\n"), root)


def test_table_is_cut_where_it_says(root):
    text = (
        "label,video_path,start,end,split\nrun,a.mp4,0.5,2,train\nrun,a.mp4,2,3.25,train\nwalk,a.mp4,2,3.25,val\n"
        "run,tab.mp4,,,train\nrun,a.mp4,0.5,2.0000000001,train\n"
    )
    index = index_table(write(root, text), root)
    assert index.clips == [
        ClipSpec("a.mp4", "run", (0.5, 2.0), 0, True),
        ClipSpec("a.mp4", "run", (2.0, 3.25), 0, True, True),
        ClipSpec("a.mp4", "walk", (2.0, 3.25), 1, True, True),
        ClipSpec("tab.mp4", "run", None, 0),
    ]
    assert "1 rows" in index.warnings[0]
    assert [clip.key for clip in index.clips] == [
        "a.mp4#t=0.5,2",
        "a.mp4#t=2,3.25&label=run",
        "a.mp4#t=2,3.25&label=walk",
        "tab.mp4",
    ]


def test_table_columns_and_split(root):
    index = index_table(
        write(root, "Path;Class;subset\na.mp4;run;train\ntab.mp4;walk;val\n"), root, split="val"
    )
    assert labelled(index) == [("tab.mp4", "walk")] and index.labels == ["run", "walk"]
    assert index_table(write(root, "video_path\nb b/c d.mp4\n"), root).clips == [
        ClipSpec("b b/c d.mp4")
    ]
    index = index_table(write(root, 'path,label\n"b b/x,y.mp4",run\n"new\nline.mp4",run\n'), root)
    assert [clip.path for clip in index.clips] == ["b b/x,y.mp4", "new\nline.mp4"]
    with pytest.raises(InputError, match="time_end"):
        index_table(write(root, "path,start\na.mp4,1\n"), root)
    with pytest.raises(InputError, match="video_path"):
        index_table(write(root, "label\nrun\n"), root)


def test_table_rows_that_cannot_be_used(root):
    index = index_table(
        write(root, "path,start,end\na.mp4,1,2\na.mp4,3,3\na.mp4,1,\ngone.mp4,1,2\n,1,2\n"), root
    )
    assert len(index.clips) == 1
    assert [
        (name, reason.partition("list.txt, ")[2] or reason) for name, reason in index.missing
    ] == [
        ("a.mp4", "line 3: start 3 is not before end 3"),
        ("a.mp4", "line 4: end is '', not a number of seconds"),
        ("line 6", "line 6: the row has no video_path"),
        ("gone.mp4", "no such file"),
    ]


def test_real_table(shared):
    folder = shared / "videos" / "ut_interaction_set1"
    index = index_table(folder / "clips.csv", folder)
    assert len(index.clips) == 548 and len(index.labels) == 7 and index.missing == []
    assert {clip.label for clip in index.clips if clip.path.startswith("background/")} == {
        "background"
    }
