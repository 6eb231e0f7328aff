"""One walk over a folder: order, hidden files, links, folders that cannot be listed."""

import os

import pytest

from bsp_tf.video.folder_listing import list_files


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_all_files_sorted_without_hidden_ones(tmp_path):
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


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path, "root/a/1.mp4", "root/b/2.mp4", "other/3.mp4")
    root = tmp_path / "root"
    (root / "linked").symlink_to(tmp_path / "other")
    (root / "a" / "up").symlink_to("..")
    (root / "a" / "b").symlink_to("../b")
    (root / "b" / "a").symlink_to("../a")
    (root / "up").symlink_to(tmp_path)
    (root / "gone").symlink_to("nowhere")
    listing = list_files(root)
    assert listing.paths == ["a/1.mp4", "b/2.mp4", "gone", "linked/3.mp4"]
    assert [path for path, _ in listing.faults] == ["a/b", "a/up", "b/a", "up"]


@pytest.mark.usefixtures("no_hang")
def test_folders_that_all_link_to_each_other_are_read_once(tmp_path):
    names = [f"{number:02d}" for number in range(30)]
    touch(tmp_path, *(f"root/{name}/{name}.mp4" for name in names))
    touch(tmp_path, *(f"outside/{name}/{name}.mp4" for name in names))
    for folder in ("root", "outside"):
        for one in names:
            for other in names:
                (tmp_path / folder / one / f"to_{other}").symlink_to(tmp_path / folder / other)
    (tmp_path / "root" / "far").symlink_to(tmp_path / "outside" / "00")
    paths = list_files(tmp_path / "root").paths
    assert len(paths) == 60 and len({path.rpartition("/")[2] for path in paths}) == 30
    assert [path for path in paths if not path.startswith("far/")] == [
        f"{name}/{name}.mp4" for name in names
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_locked_folder_is_named(tmp_path):
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
