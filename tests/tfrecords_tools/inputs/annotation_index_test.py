"""ActivityNet annotations: every segment a clip."""

import json

import pytest

from bsp_tf.base.errors import InputError
from tfrecords_tools.inputs.annotation_index import index_annotations
from tfrecords_tools.inputs.clip_index import ClipSpec


def video(*segments, subset="training"):
    rows = [{"segment": [start, end], "label": label} for start, end, label in segments]
    return {"subset": subset, "duration": 20.0, "annotations": rows}


def write(tmp_path, database):
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps({"database": database}))
    return path


def test_segments_are_clips(tmp_path, touch):
    touch(tmp_path / "videos", "train/v_-a.mp4", "b.mkv", "b.json", "v_c.webm")
    path = write(
        tmp_path,
        {
            "-a": video((1, 5, "run"), (5, 99, "walk"), (1, 5, "run")),
            "b": video((0, 1, "zumba"), subset="validation"),
            "v_c": video((2, 3, "run")),
            "d": video(subset="testing"),
        },
    )
    index = index_annotations(path, tmp_path / "videos")
    assert index.labels == ["run", "walk", "zumba"] and index.missing == []
    assert index.clips == [
        ClipSpec("b.mkv", "zumba", (0.0, 1.0), 2, True),
        ClipSpec("train/v_-a.mp4", "run", (1.0, 5.0), 0, True),
        ClipSpec("train/v_-a.mp4", "walk", (5.0, 20.0), 1, True),
        ClipSpec("v_c.webm", "run", (2.0, 3.0), 0, True),
    ]
    assert [clip.key for clip in index.clips][0] == "b.mkv#t=0,1"
    said = " ".join(index.warnings)
    assert "cut to the video's duration" in said and "1 segments" in said and "1 videos" in said


def test_subset_labels_and_none(tmp_path, touch):
    touch(tmp_path / "videos", "a.mp4", "b.mp4")
    path = write(
        tmp_path, {"a": video((1, 5, "run")), "b": video((0, 1, "walk"), subset="validation")}
    )
    index = index_annotations(path, tmp_path / "videos", subset="validation")
    assert index.labels == ["run", "walk"] and [clip.label_index for clip in index.clips] == [1]
    assert index_annotations(path, tmp_path / "videos", ["walk", "run"]).clips[0].label_index == 1
    index = index_annotations(path, tmp_path / "videos", unlabelled=True)
    assert index.labels == [] and {clip.label_index for clip in index.clips} == {-1}
    with pytest.raises(InputError, match="annotations.json.*'test'.*'training'.*'validation'"):
        index_annotations(path, tmp_path / "videos", subset="test")


def test_what_cannot_be_cut_is_listed(tmp_path, touch):
    touch(tmp_path / "videos", "a.mp4", "TWICE.mp4", "twice.mp4", "x/twice.mp4")
    path = write(
        tmp_path,
        {
            "a": video((1, 5, "run"), (3, 3, "run"), (30, 40, "run"), (5, 2, "run")),
            "gone": video((1, 2, "run"), (2, 3, "run")),
            "twice": video((0, 1, "run")),
        },
    )
    index = index_annotations(path, tmp_path / "videos")
    assert [clip.key for clip in index.clips] == ["a.mp4#t=1,5"]
    assert index.missing == [
        ("a", "annotated segment: outside the video, left out"),
        ("a", "annotated segment: end before start, left out"),
        ("a#t=3,3", "start 3 is not before end 3"),
        ("gone#t=1,2", "no such file"),
        ("gone#t=2,3", "no such file"),
        ("twice#t=0,1", "2 files fit: twice.mp4, x/twice.mp4"),
    ]
    for database, fault in (
        ({"gone": video((1, 2, "run"))}, "gone#t=1,2"),
        ({"a": video()}, "segment.*--videos"),
        ({}, "annotations.json"),
    ):
        with pytest.raises(InputError, match=fault):
            index_annotations(write(tmp_path, database), tmp_path / "videos")


def test_real_annotations(shared, tmp_path, touch):
    path = shared / "annotations" / "activitynet-1.3" / "anet_anno_action.json"
    touch(tmp_path, "v_QOlSCBRmfWY.mp4", "v_nwznKOuZM7w.mkv", "v_ehGHCYKzyZ8.mp4")
    index = index_annotations(path, tmp_path)
    assert len(index.labels) == 200 and {clip.path for clip in index.clips} == {
        "v_QOlSCBRmfWY.mp4",
        "v_nwznKOuZM7w.mkv",
        "v_ehGHCYKzyZ8.mp4",
    }
    assert (
        len({clip.key for clip in index.clips}) == len(index.clips) and len(index.missing) > 20000
    )
