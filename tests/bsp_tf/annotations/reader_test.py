"""Entries as the files have them, with their faults marked."""

import json

import pytest

from bsp_tf.annotations.reader import Instance, describe_subsets, read_entries
from bsp_tf.base.errors import InputError


def write(path, database):
    path.write_text(json.dumps({"database": database}))
    return path


def test_segments_stay_and_their_faults_are_marked(tmp_path):
    segments = {
        "": [[1, 2], [0, 10]],
        "clamped": [[8, 12], [-1, 3]],
        "outside": [[10, 11], [-3, -1], [12, 12]],
        "reversed": [[4, 2], [12, 11]],
        "zero_length": [[5, 5]],
    }
    rows = [(segment, fault) for fault, group in segments.items() for segment in group]
    entry = {
        "subset": "training",
        "duration": 10,
        "annotations": [{"segment": segment, "label": "run"} for segment, _ in rows],
    }
    (found,) = read_entries(write(tmp_path / "a.json", {"v": entry})).videos
    assert found.instances == tuple(Instance(tuple(s), "run", fault) for s, fault in rows)
    (found,) = read_entries(write(tmp_path / "a.json", {"v": {**entry, "duration": None}})).videos
    assert [row.fault for row in found.instances].count("clamped") == 1  # before 0
    assert [row.fault for row in found.instances].count("outside") == 1


def test_what_is_said_of_a_video(tmp_path):
    entry = {
        "duration_second": "10.0",
        "duration_frame": 300,
        "feature_frame": 270,
        "joints": [1],
        "url": "x",
        "annotations": [],
    }
    (found,) = read_entries(write(tmp_path / "a.json", {"v_1": entry})).videos
    assert (found.video_id, found.subset, found.instances) == ("v_1", "", ())
    assert (found.duration_seconds, found.fps, found.covered_seconds) == (10, 30, 9)
    assert found.extra == {"joints": [1], "url": "x"} and found.faults == ()
    assert found.place == f"{tmp_path / 'a.json'}: video 'v_1'"


@pytest.mark.parametrize("value", [0, -1, "long", True, 1e10, float("nan"), [3]])
def test_impossible_numbers_of_a_video_are_marked(tmp_path, value):
    entry = {"duration": value, "fps": value, "annotations": []}
    (found,) = read_entries(write(tmp_path / "a.json", {"v": entry})).videos
    assert found.duration_seconds is None and found.fps is None
    assert [fault.split()[0] for fault in found.faults] == ["'duration'", "'fps'"]


def test_one_subset_and_how_many_videos_the_others_have(tmp_path):
    broken = {"subset": "testing", "annotations": "none yet"}
    good = {"subset": "training", "annotations": []}
    path = write(tmp_path / "a.json", {"a": good, "b": broken, "c": good})
    found = read_entries(path, "training")
    assert [entry.video_id for entry in found.videos] == ["a", "c"]
    assert found.subset_sizes == {"training": 2, "testing": 1}
    assert read_entries(path, "else").videos == ()
    with pytest.raises(InputError, match="'b'.*'annotations'.*'none yet'"):
        read_entries(path)


def test_subsets_that_are_there_are_named():
    assert "'a' (1 videos), 'b' (2 videos)" in describe_subsets({"b": 2, "a": 1})
    assert "video_info.csv" in describe_subsets({"": 3})
    assert "no video" in describe_subsets({})
