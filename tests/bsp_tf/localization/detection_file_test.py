"""Detections written one video after the other."""

import json

import pytest

from bsp_tf.localization.detection_file import write_detections

FOUND = [{"label": 'é "x"', "score": 0.5, "segment": [0.0, 1.5]}]


def test_file_holds_what_was_given(tmp_path):
    about = {}

    def results():
        yield "one", FOUND * 2
        yield 'a "b"', []
        about["left_out"] = {"three": "no features"}

    assert write_detections(tmp_path / "d.json", results(), about) == (2, 2)
    content = json.loads((tmp_path / "d.json").read_text(encoding="utf-8"))
    assert content["results"] == {"one": FOUND * 2, 'a "b"': []}
    assert (
        list(content) == ["version", "results", "external_data"]
        and content["external_data"] == about
    )


def test_no_video_is_still_json(tmp_path):
    assert write_detections(tmp_path / "d.json", [], {}) == (0, 0)
    assert json.loads((tmp_path / "d.json").read_text())["results"] == {}


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "d.json"
    path.write_text("old")

    def results():
        yield "one", FOUND
        raise KeyError("x")

    with pytest.raises(KeyError):
        write_detections(path, results(), {})
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_leftovers_of_a_killed_run_are_swept(tmp_path):
    (tmp_path / ".d.json.abc.partial").write_text("half")
    (tmp_path / ".e.json.abc.partial").write_text("of another file")
    write_detections(tmp_path / "d.json", [("one", FOUND)], {})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".e.json.abc.partial", "d.json"]


def test_nan_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        write_detections(tmp_path / "d.json", [("x", [{"score": float("nan")}])], {})
