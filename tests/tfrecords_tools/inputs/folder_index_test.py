"""Which clips of a folder are found, under which label, and what is said about the rest."""

import os

import pytest

from bsp_tf.base.errors import InputError
from tfrecords_tools.inputs.clip_index import ClipSpec
from tfrecords_tools.inputs.folder_index import index_folder


def test_folder_per_class(tmp_path, touch):
    touch(tmp_path, "b/2.mp4", "a/deep/1.mp4", "a/-x.avi", "a/.hidden", "loose.mp4", ".cache/c.mp4")
    (tmp_path / "empty").mkdir()
    index = index_folder(tmp_path)
    assert (
        index.labels == ["a", "b", "empty"] and index.root == str(tmp_path) and index.missing == []
    )
    assert index.clips == [
        ClipSpec("a/-x.avi", "a", None, 0),
        ClipSpec("a/deep/1.mp4", "a", None, 0),
        ClipSpec("b/2.mp4", "b", None, 1),
    ]
    assert len(index.warnings) == 2
    assert "empty is empty" in index.warnings[0] and "loose.mp4" in index.warnings[1]


def test_folder_that_holds_nothing(tmp_path):
    with pytest.raises(InputError, match="nowhere.*--input"):
        index_folder(tmp_path / "nowhere")
    for _ in range(2):
        with pytest.raises(InputError, match="<class>/<clip>.mp4"):
            index_folder(tmp_path)
        (tmp_path / "a").mkdir(exist_ok=True)


def test_without_labels(tmp_path, touch):
    touch(tmp_path, "2.mp4", "1.mp4")
    index = index_folder(tmp_path)
    assert index.clips == [ClipSpec("1.mp4"), ClipSpec("2.mp4")] and index.labels == []
    assert (
        index.clips[0].label_index == -1
        and "2 files become clips without a label" in index.warnings[0]
    )
    touch(tmp_path, "a/3.mp4")
    index = index_folder(tmp_path, unlabelled=True)
    assert [clip.path for clip in index.clips] == [
        "1.mp4",
        "2.mp4",
        "a/3.mp4",
    ] and index.warnings == []
    assert {clip.label for clip in index.clips} == {None}


def test_reused_label_map(tmp_path, touch):
    touch(tmp_path, "shaking_hands/1.mp4", "abseiling/2.mp4")
    labels = ["shaking hands", "abseiling", "zumba"]
    index = index_folder(tmp_path, labels)
    assert index.labels == labels
    assert [(clip.label, clip.label_index) for clip in index.clips] == [
        ("abseiling", 1),
        ("shaking hands", 0),
    ]
    with pytest.raises(InputError, match="'abseiling'"):
        index_folder(tmp_path, ["shaking hands"])


def test_file_names_that_are_no_utf8(tmp_path, touch):
    (tmp_path / "a").mkdir()
    with open(os.fsencode(tmp_path) + b"/a/caf\xe9.mp4", "wb"):
        pass
    index = index_folder(tmp_path)
    assert os.fsencode(index.clips[0].path) == b"a/caf\xe9.mp4"
    with open(os.fsencode(tmp_path) + b"/x", "wb"):
        os.mkdir(os.fsencode(tmp_path) + b"/caf\xe9")
    with pytest.raises(InputError, match="UTF-8"):
        index_folder(tmp_path)
