"""What annotations say of the videos of a page."""

import json

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.player.truth import read_truth


def test_actions_without_faults_by_id(tmp_path):
    path = tmp_path / "annotations.json"
    entries = [{"segment": [1, 2], "label": "jump"}, {"segment": [3, 3], "label": "jump"}]
    path.write_text(json.dumps({"database": {"v_a": {"annotations": entries}}}))
    found = read_truth(path, ["a"])
    assert {name: [one.segment for one in rows] for name, rows in found.items()} == {
        "v_a": [(1.0, 2.0)]
    }
    assert read_truth(None, ["a"]) == {}


def test_annotations_of_other_videos_are_a_mistake(tmp_path):
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps({"database": {"b": {"annotations": []}}}))
    with pytest.raises(InputError, match="annotations.json.*--annotations"):
        read_truth(path, ["a"])
