"""What names find among the files of a folder."""

import tracemalloc

from tfrecords_tools.inputs.file_listing import FilesByStem, describe_absent, prefer_videos


def test_stems():
    assert FilesByStem(["a/x.mp4", "b/x.f137.mp4", "x", "y.mp4.webm"]) == {
        "x": ["a/x.mp4", "b/x.f137.mp4", "x"],
        "x.f137": ["b/x.f137.mp4"],
        "y.mp4": ["y.mp4.webm"],
        "y": ["y.mp4.webm"],
    }


def test_stems_of_millions_take_few_bytes():
    paths = [f"class/video_{number:06d}.mp4" for number in range(20_000)]
    tracemalloc.start()
    stems = FilesByStem(paths)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / len(paths) < 40
    assert stems["video_012345"] == [paths[12_345]] and "video_12345" not in stems
    assert stems.number_of(paths[777]) == 777


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
