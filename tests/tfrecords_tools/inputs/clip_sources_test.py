"""Which form an input is taken for, and flags that do not fit it."""

import pytest
from absl import flags

from bsp_tf.base.errors import InputError
from tfrecords_tools.inputs.clip_sources import (
    InputSource,
    define_input_flags,
    detect_form,
    index_clips,
)


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("k.csv", "label,youtube_id,time_start,time_end,split\n", "kinetics"),
        ("k.txt", '\ufeff"YouTube ID"\ttime_start\ttime_end\n', "kinetics"),
        ("t.csv", "video_path,start,end,label\n", "table"),
        ("t.csv", "Label; Path\n", "table"),
        ("l.csv", "a.mp4,run\n", "list"),
        ("l.txt", "a.mp4 run\n", "list"),
        ("l", "", "list"),
        ("a.json", "{}", "activitynet"),
        ("A.JSON.gz", "", "activitynet"),
    ],
)
def test_forms(tmp_path, name, text, form):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert detect_form(tmp_path / name) == form
    assert detect_form(tmp_path) == "folder"


def test_input_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="nowhere.csv.*--input"):
        index_clips(InputSource(str(tmp_path / "nowhere.csv")))


def test_each_form_finds_its_clips(tmp_path, touch):
    touch(tmp_path / "videos", "run/x.mp4", "run/y.mp4")
    for name, text in (
        ("k.csv", "label,youtube_id,time_start,time_end,split\nrun,x,0,10,val\n"),
        ("t.csv", "path,label,split\nrun/x.mp4,run,val\n"),
        ("l.txt", "run/x.mp4 run\n"),
        ("a.json", '{"x": {"annotations": [{"segment": [0, 10], "label": "run"}]}}'),
    ):
        (tmp_path / name).write_text(text)
        index = index_clips(InputSource(str(tmp_path / name), str(tmp_path / "videos")))
        assert [(clip.path, clip.label) for clip in index.clips] == [("run/x.mp4", "run")]
        assert index.form == detect_form(tmp_path / name) and index.root == str(tmp_path / "videos")
    assert len(index_clips(InputSource(str(tmp_path / "videos"))).clips) == 2
    for name in ("k.csv", "t.csv"):
        source = InputSource(
            str(tmp_path / name), str(tmp_path / "videos"), split="val", unlabelled=True
        )
        assert [clip.label_index for clip in index_clips(source).clips] == [-1]


def test_videos_lie_beside_the_list_by_default(tmp_path, touch, monkeypatch):
    touch(tmp_path, "a.mp4")
    (tmp_path / "l.txt").write_text("a.mp4 run\n")
    assert index_clips(InputSource(str(tmp_path / "l.txt"))).root == str(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert len(index_clips(InputSource("l.txt")).clips) == 1


def test_a_form_can_be_forced(tmp_path, touch):
    touch(tmp_path, "path", "x.mp4")
    (tmp_path / "l.csv").write_text("path,label\nx.mp4,run\n")
    assert len(index_clips(InputSource(str(tmp_path / "l.csv"), form="list")).clips) == 2
    with pytest.raises(InputError, match="youtube_id"):
        index_clips(InputSource(str(tmp_path / "l.csv"), form="kinetics"))
    with pytest.raises(InputError, match="--input_form=folder"):
        index_clips(InputSource(str(tmp_path / "l.csv"), form="folder"))
    with pytest.raises(InputError, match="--input_form=list"):
        index_clips(InputSource(str(tmp_path), form="list"))


@pytest.mark.parametrize(
    ("name", "flag", "options"),
    [
        (".", "--videos", {"videos": "x"}),
        (".", "--split", {"split": "val"}),
        ("l.txt", "--split", {"split": "val"}),
        ("t.csv", "--untrimmed", {"untrimmed": True}),
        ("t.csv", "--labels", {"unlabelled": True, "labels": "labels.txt"}),
    ],
)
def test_flags_that_mean_nothing_are_refused(tmp_path, name, flag, options):
    (tmp_path / "l.txt").write_text("a.mp4 run\n")
    (tmp_path / "t.csv").write_text("path,label\na.mp4,run\n")
    with pytest.raises(InputError, match=flag):
        index_clips(InputSource(str(tmp_path / name), **options))


def test_flags(monkeypatch):
    values = flags.FlagValues()
    monkeypatch.setattr(flags, "FLAGS", values)
    monkeypatch.setattr("tfrecords_tools.inputs.clip_sources.FLAGS", values)
    for name in ("string", "enum", "boolean", "alias"):
        define = getattr(flags, f"DEFINE_{name}")
        monkeypatch.setattr(
            flags,
            f"DEFINE_{name}",
            lambda *args, define=define, **more: define(*args, flag_values=values, **more),
        )
    define_input_flags()
    values(
        [
            "convert",
            "--input=a.json",
            "--subset=validation",
            "--input_form=activitynet",
            "--unlabelled",
        ]
    )
    from tfrecords_tools.inputs.clip_sources import source_from_flags

    assert source_from_flags() == InputSource(
        "a.json", None, "activitynet", None, "validation", True, False
    )


def test_a_video_is_no_list(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x20ftypisom\0\0")
    with pytest.raises(InputError, match="a.mp4.*folder"):
        detect_form(tmp_path / "a.mp4")
