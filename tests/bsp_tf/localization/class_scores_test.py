"""Class scores of whole videos, from a file and from the action stream."""

import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.localization.class_scores import (
    THUMOS_CLASSES,
    class_scores_from_file,
    class_scores_from_stream,
)


def write(path, value):
    path.write_text(json.dumps(value))
    return path


def test_file_scores_in_the_order_of_the_labels(tmp_path):
    path = write(
        tmp_path / "s.json", {"results": {"one": [0.1, 0.2, 0.7]}, "class": ["c", "a", "b"]}
    )
    scores = class_scores_from_file(path, ["a", "b"])
    assert scores.names == ["a", "b"]
    for name in ("one", "v_one"):
        assert scores.of_video(name).tolist() == [0.2, 0.7]


def test_file_that_lacks_classes_is_refused_by_name(tmp_path):
    path = write(tmp_path / "s.json", {"results": {}, "class": ["a", "b"]})
    with pytest.raises(InputError, match=r"s\.json.*'x', 'y'"):
        class_scores_from_file(path, ["a", "x", "y"])


@pytest.mark.parametrize(
    "content", [[], {"results": {}}, {"class": []}, {"results": [], "class": []}]
)
def test_other_files_are_refused(tmp_path, content):
    with pytest.raises(InputError, match=r"s\.json"):
        class_scores_from_file(write(tmp_path / "s.json", content), ["a"])


@pytest.mark.parametrize("row", [[0.5], [0.5, "1"], [0.5, -1], [0.5, None], 7, [0.5, float("nan")]])
def test_bad_rows_are_refused_by_video(tmp_path, row):
    path = write(tmp_path / "s.json", {"results": {"one": row}, "class": ["a", "b"]})
    scores = class_scores_from_file(path, ["a"])
    with pytest.raises(InputError, match="'one'"):
        scores.of_video("one")
    with pytest.raises(InputError, match="'two'"):
        scores.of_video("two")


def write_thumos(path, rows=12):
    table = np.random.default_rng(0).random((rows, 101)).astype(np.float32)
    np.save(path, table)
    return table


def test_thumos_scores_by_number_of_video_and_class(tmp_path):
    table = write_thumos(tmp_path / "uNet_test.npy")
    scores = class_scores_from_file(tmp_path / "uNet_test.npy", ["Shotput", "BaseballPitch"])
    assert scores.names == ["Shotput", "BaseballPitch"]
    # Shotput is class 79 of UCF-101, BaseballPitch class 7, counted from 1, as videos are.
    for name in ("video_test_0000011", "v_video_test_0000011"):
        np.testing.assert_array_equal(scores.of_video(name), table[10, [78, 6]])
    for missing in ("video_test_0000013", "video_test_0000000", "video_validation_0000001", "x"):
        with pytest.raises(InputError, match=repr(missing)):
            scores.of_video(missing)


def test_thumos_numbers_are_those_of_the_annotations(shared):
    rows = (shared / "annotations" / "thumos14" / "val_Annotation.csv").read_text().splitlines()[1:]
    numbers = dict(row.split(",")[1:3] for row in rows)
    del numbers["Ambiguous"]
    assert {name: int(number) for name, number in numbers.items()} == THUMOS_CLASSES


def test_thumos_scores_for_other_classes_are_refused_by_name(tmp_path):
    write_thumos(tmp_path / "s.npy")
    with pytest.raises(InputError, match=r"s\.npy.*'Swimming'"):
        class_scores_from_file(tmp_path / "s.npy", ["Diving", "Swimming"])


def test_broken_thumos_files_are_refused(tmp_path):
    path = tmp_path / "s.npy"
    with pytest.raises(InputError, match="cannot read"):
        class_scores_from_file(path, [])
    np.save(path, np.zeros((3, 20)))
    with pytest.raises(InputError, match=r"\[3, 20\]"):
        class_scores_from_file(path, [])
    np.save(path, np.full((3, 101), np.nan))
    with pytest.raises(InputError, match="NaN"):
        class_scores_from_file(path, ["Diving"]).of_video("video_test_0000001")
    path.write_bytes(b"no array")
    with pytest.raises(InputError, match="cannot read"):
        class_scores_from_file(path, [])


class FakeStore:
    def __init__(self, action, labels=("a", "b", "c")):
        self.metadata = {"action_labels": list(labels)}
        self.action = np.asarray(action)

    def load_probabilities(self, video_id):
        return {"action": self.action}


def test_stream_scores_are_the_mean_over_snippets():
    scores = class_scores_from_stream(FakeStore([[0.2, 0.8, 0], [0.4, 0, 0.6]]), ["c", "a"])
    np.testing.assert_allclose(scores.of_video("x"), [0.3, 0.3])
    assert scores.names == ["c", "a"]


def test_stream_with_other_classes_gives_none():
    assert class_scores_from_stream(FakeStore([[1, 0, 0]]), ["a", "z"]) is None
    assert class_scores_from_stream(FakeStore([[1, 0, 0]]), []) is None


@pytest.mark.parametrize("action", [[[0.5, 0.5]], [[np.nan, 0, 1]], [0.1, 0.2, 0.7]])
def test_broken_probabilities_are_refused(action):
    scores = class_scores_from_stream(FakeStore(action), ["a"])
    with pytest.raises(InputError, match="'x'"):
        scores.of_video("x")
