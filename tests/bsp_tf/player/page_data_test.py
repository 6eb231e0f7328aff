"""What the page holds, worked out by hand."""

import base64

import numpy as np
import pytest

from bsp_tf.annotations.reader import Instance
from bsp_tf.player import page_data as module
from bsp_tf.player.page_data import clearest, page_data

TYPES = ("diff_class", "same_speed")


def about(duration=10.0, **facts):
    whole = {"file": "a b.mp4", "duration_seconds": duration, "complete": True, "partial": False}
    return whole | facts


def test_detections_are_rows_of_numbers_best_first():
    found = [
        {"label": "run", "score": 0.00012345, "segment": [1.23456, 2]},
        {"label": "jump", "score": 0.5, "segment": [3, 4.5]},
    ]
    data = page_data("detections", {"results": {"a": found}}, {"a": about(uri="../a%20b.mp4")})
    assert data["labels"] == ["jump", "run"]
    (video,) = data["videos"]
    rows = [[data["labels"][row[0]], *row[1:]] for row in video["detections"]]
    assert rows == [["jump", 3, 4.5, 0.5], ["run", 1.23, 2, 0.000123]]
    assert (video["uri"], video["duration"], video["part"]) == ("../a%20b.mp4", 10, False)
    assert "truth" not in video and "curve" not in video


def test_outputs_of_before_do_not_say_where_the_file_lies():
    data = page_data("detections", {"results": {"a": []}}, {"a": about()})
    assert data["videos"][0]["uri"] == "a%20b.mp4"


@pytest.mark.parametrize("facts", [{"partial": True}, {"complete": False}])
def test_a_part_of_a_video_is_called_so(facts):
    data = page_data("detections", {"results": {"a": []}}, {"a": about(**facts)})
    assert data["videos"][0]["part"]


def test_each_detection_knows_the_action_that_it_overlaps_most():
    actions = (Instance((6.0, 8.0), "run"), Instance((0.0, 2.0), "jump"))
    found = [
        {"label": "run", "score": 0.9, "segment": [5, 8]},
        {"label": "run", "score": 0.8, "segment": [1, 2]},
        {"label": "run", "score": 0.7, "segment": [2, 6]},
    ]
    data = page_data(
        "detections", {"results": {"a": found}}, {"a": about()}, {"v_a": actions, "b": ()}
    )
    (video,) = data["videos"]
    assert [data["labels"][row[0]] for row in video["truth"]] == ["jump", "run"]
    assert [row[4:] for row in video["detections"]] == [[1, 0.667], [0, 0.5], []]


def test_boundaries_have_types_with_their_colours():
    found = [{"time": 1.6, "type": "diff_class", "score": 0.9333}]
    curve = {"times": [0.5, 1.0, 1.5], "probabilities": {"diff_class": [0, 0.5, 1]}}
    curve["probabilities"]["same_speed"] = [1, 0.5, 0]
    sections = {"results": {"a": found}, "curves": {"a": curve}}
    data = page_data("boundaries", sections, {"a": about()})
    (video,) = data["videos"]
    assert data["types"][video["boundaries"][0][0]]["color"] == "#c4512d"
    assert video["boundaries"][0][1:] == [1.6, 0.933]
    assert [data["types"][i]["name"] for i in video["curve"]["types"]] == list(TYPES)
    assert [row["quiet"] for row in data["types"]] == [False, True]
    values = np.frombuffer(base64.b64decode(video["curve"]["values"]), np.uint8).reshape(-1, 2)
    assert values.tolist() == [[0, 255], [128, 128], [255, 0]]
    assert (video["curve"]["start"], video["curve"]["step"]) == (0.5, 0.5)


def test_a_type_that_the_table_does_not_know_is_shown_too():
    found = [{"time": 1.0, "type": "scene_change", "score": 0.9}]
    data = page_data("boundaries", {"results": {"a": found}}, {"a": about()})
    assert data["types"][0]["name"] == "scene_change" and data["types"][0]["color"]


def test_long_curves_keep_their_peaks(monkeypatch):
    monkeypatch.setattr(module, "MOST_WINDOWS", 4)
    quiet = np.full(10, 0.9)
    quiet[4] = 0.1
    curve = {"times": np.arange(10.0).tolist()}
    curve["probabilities"] = dict(zip(TYPES, (1 - quiet, quiet), strict=True))
    data = page_data("boundaries", {"results": {"a": []}, "curves": {"a": curve}}, {"a": about()})
    made = data["videos"][0]["curve"]
    values = np.frombuffer(base64.b64decode(made["values"]), np.uint8).reshape(-1, 2)
    assert len(values) == 4 and values[1].tolist() == [230, 26]
    # Windows 0 to 2, then 3 to 5.
    assert (made["start"], made["step"]) == (1, 3)
    assert clearest(quiet, 1).tolist() == list(range(10))


def test_many_videos_share_the_detections(monkeypatch):
    monkeypatch.setattr(module, "MOST_DETECTIONS", 4)
    found = [{"label": "run", "score": 0.1 * i, "segment": [0, i]} for i in range(1, 4)]
    sections = {"results": {"a": found, "b": found}}
    data = page_data("detections", sections, {"a": about(), "b": about()})
    assert [[row[2] for row in video["detections"]] for video in data["videos"]] == [[3, 2]] * 2
    assert [video["left_out"] for video in data["videos"]] == [1, 1]


def test_no_curve_without_windows():
    sections = {"results": {"a": []}, "curves": {"a": {"times": [], "probabilities": {}}}}
    assert "curve" not in page_data("boundaries", sections, {"a": about()})["videos"][0]
