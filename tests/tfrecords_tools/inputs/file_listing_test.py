"""One walk over a folder, and what names find in it."""

import os

import pytest

from tfrecords_tools.inputs.file_listing import by_stem, describe_absent, list_files, prefer_videos


def test_all_files_sorted_without_hidden_ones(tmp_path, touch):
    touch(tmp_path, "b/2.mp4", "a.mp4", "b/c/d/-x.avi", ".git/x", "b/.x", "a b/new\nline.mp4")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone.mp4").symlink_to("nowhere")
    listing = list_files(tmp_path)
    assert listing.paths == [
        "a b/new\nline.mp4",
        "a.mp4",
        "b/2.mp4",
        "b/c/d/-x.avi",
        "gone.mp4",
        "pipe",
    ]
    assert listing.faults == []


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path, touch):
    touch(tmp_path, "root/a/1.mp4", "root/b/2.mp4", "other/3.mp4")
    root = tmp_path / "root"
    (root / "linked").symlink_to(tmp_path / "other")
    (root / "a" / "up").symlink_to("..")
    (root / "a" / "b").symlink_to("../b")
    (root / "b" / "a").symlink_to("../a")
    listing = list_files(root)
    assert [path for path in listing.paths if path.count("/") == 1] == [
        "a/1.mp4",
        "b/2.mp4",
        "linked/3.mp4",
    ]
    assert len(listing.paths) == 5
    assert ("a/up", "a link to a folder above it, not followed") in listing.faults and len(
        listing.faults
    ) >= 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_locked_folder_is_named(tmp_path, touch):
    touch(tmp_path, "a/1.mp4", "b/2.mp4")
    (tmp_path / "a").chmod(0)
    listing = list_files(tmp_path)
    (tmp_path / "a").chmod(0o755)
    assert listing.paths == ["b/2.mp4"] and listing.faults == [
        ("a", "cannot list this folder: Permission denied")
    ]


def test_a_folder_that_vanished_is_named(tmp_path):
    assert list_files(tmp_path / "gone").faults == [
        (".", "cannot list this folder: No such file or directory")
    ]


def test_stems():
    assert by_stem(["a/x.mp4", "b/x.f137.mp4", "x", "y.mp4.webm"]) == {
        "x": ["a/x.mp4", "b/x.f137.mp4", "x"],
        "x.f137": ["b/x.f137.mp4"],
        "y.mp4": ["y.mp4.webm"],
        "y": ["y.mp4.webm"],
    }


def test_videos_go_before_their_side_files():
    assert prefer_videos(["x.json", "x.MP4", "x.mp4.part"]) == ["x.MP4"]
    assert prefer_videos(["x.mkv", "x.mp4"]) == ["x.mkv", "x.mp4"]
    assert prefer_videos(["x.abc"]) == ["x.abc"] and prefer_videos(["x.a", "x.b"]) == ["x.a", "x.b"]


def test_the_nearest_differ_in_case_suffix_folder_or_times():
    paths = ["a/Id_-1_000001_000011.mp4", "v_other.mkv", *(f"{i}/many.mp4" for i in range(5))]
    assert describe_absent(
        ["b/iD_-1_000002_000012.avi", "other", "many.mp4", "none.mp4"], paths
    ) == {
        "b/iD_-1_000002_000012.avi": "no such file; nearest: a/Id_-1_000001_000011.mp4",
        "other": "no such file; nearest: v_other.mkv",
        "many.mp4": "no such file; nearest: 0/many.mp4, 1/many.mp4, 2/many.mp4 and 2 more",
        "none.mp4": "no such file",
    }
    assert describe_absent([], paths) == {}
