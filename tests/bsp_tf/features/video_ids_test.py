"""Ids of videos: short where they can be, and different in any case."""

import os

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.features.video_ids import name_all_videos, name_videos, printable


def test_ids(tmp_path):
    for name in ("a/x.mp4", "b/x.mp4", "x.avi", "y.mp4", "a/z.tar.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    named = {
        name: path.relative_to(tmp_path).as_posix() for name, path in name_videos(tmp_path).items()
    }
    assert named == {
        "a__x.mp4": "a/x.mp4",
        "b__x.mp4": "b/x.mp4",
        "x.avi": "x.avi",
        "y": "y.mp4",
        "z.tar": "a/z.tar.mkv",
    }
    (tmp_path / "a__x.mp4").touch()
    (tmp_path / "a__x.mp4.mp4").touch()
    with pytest.raises(InputError, match="'a__x.mp4'"):
        name_videos(tmp_path)
    with pytest.raises(InputError, match="nowhere"):
        name_videos(tmp_path / "nowhere")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="nothing"):
        name_videos(tmp_path / "nothing")


def test_what_is_no_video_takes_no_name_from_one(tmp_path):
    for name in ("a.mp4", "a.vtt", "a.jpg", "b.MKV", "b.info.json", "c.txt"):
        (tmp_path / name).touch()
    named = {name: path.name for name, path in name_videos(tmp_path).items()}
    assert named == {
        "a": "a.mp4",
        "a.vtt": "a.vtt",
        "a.jpg": "a.jpg",
        "b": "b.MKV",
        "b.info": "b.info.json",
        "c": "c.txt",
    }


def test_names_that_are_not_utf8():
    assert printable("caf\udce9") == "caf\\udce9" and printable("café") == "café"


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, capsys):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.mp4").touch()
    (tmp_path / "a" / "up").symlink_to("..")
    assert list(name_videos(tmp_path)) == ["x"]
    assert str(tmp_path / "a" / "up") in capsys.readouterr().err


def test_ids_leave_room_for_the_suffixes_of_feature_files(tmp_path):
    longest = ["a" * 251, "b" * 250, "\u20ac" * 83 + "c", "a" * 250 + "d"]
    for stem in longest:
        (tmp_path / f"{stem}.mp4"[:255]).touch()
    named = name_videos(tmp_path)
    assert len(named) == 4 and "b" * 250 in named
    for name in named:
        (tmp_path / f"{name}.json").touch()


@pytest.mark.usefixtures("no_hang")
def test_a_pipe_is_told(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(InputError, match=r"pipe\.mp4.*pipe"):
        name_videos(tmp_path / "pipe.mp4")


def test_several_paths(tmp_path):
    for name in ("a/one.mp4", "a/two.mp4", "b/three.mp4", "c/one.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert name_all_videos([tmp_path / "b/three.mp4", tmp_path / "a", tmp_path / "a/two.mp4"]) == {
        "three": tmp_path / "b/three.mp4",
        "one": tmp_path / "a/one.mp4",
        "two": tmp_path / "a/two.mp4",
    }
    with pytest.raises(InputError, match="a/one.mp4.*c/one.mkv.*'one'"):
        name_all_videos([tmp_path / "a", tmp_path / "c"])
    with pytest.raises(InputError, match="nowhere"):
        name_all_videos([tmp_path / "a", tmp_path / "nowhere"])
    with pytest.raises(InputError, match="no video is given"):
        name_all_videos([])
