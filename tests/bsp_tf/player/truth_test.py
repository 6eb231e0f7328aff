"""What annotations say of the videos of a page."""

import json

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.player.truth import read_truth


def test_actions_by_id_cut_to_the_video(tmp_path, capsys):
    path = tmp_path / "annotations.json"
    segments = [[1, 2], [3, 3], [8, 10.03], [-0.5, 1], [11, 12], [5, 4]]
    video = {
        "duration": 10,
        "annotations": [{"segment": segment, "label": "jump"} for segment in segments],
    }
    path.write_text(json.dumps({"database": {"v_a": video}}))
    found = read_truth(path, ["a"])
    assert {name: [one.segment for one in rows] for name, rows in found.items()} == {
        "v_a": [(1.0, 2.0), (8.0, 10.0), (0.0, 1.0)]
    }
    assert "3 actions" in capsys.readouterr().err
    assert read_truth(None, ["a"]) == {}


def test_annotations_of_other_videos_are_a_mistake(tmp_path):
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps({"database": {"b": {"annotations": []}}}))
    with pytest.raises(InputError, match="annotations.json.*--annotations"):
        read_truth(path, ["a"])
