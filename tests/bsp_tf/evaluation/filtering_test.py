"""Blocked videos and duplicated ground truths."""

import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.filtering import (
    load_video_list,
    select_scored,
    without_duplicates,
    without_videos,
)
from bsp_tf.evaluation.ground_truth import load_ground_truth, make_instances


def test_without_videos():
    world = make_instances(
        "uvwv", "abcb", [[0, 1], [2, 3], [4, 5], [6, 7]], [1, 2, 3, 4], more_videos=["x"]
    )
    rest = without_videos(world, ["u", "w", "elsewhere"])
    assert rest.video_names == ["v", "x"] and rest.class_names == ["b"]
    assert rest.video.tolist() == rest.label.tolist() == [0, 0] and rest.score.tolist() == [2, 4]
    np.testing.assert_array_equal(rest.segment, [[2, 3], [6, 7]])


def test_without_any_video():
    assert len(without_videos(make_instances("u", "a", [[0, 1]]), ["u"])) == 0


def test_without_duplicates_keeps_the_first():
    segments = [[0, 1], [0, 1.0009], [0, 1.002], [0, 1], [0, 1], [-0.0011, 1]]
    rest = without_duplicates(make_instances("vvvvwv", "aaabaa", segments))
    np.testing.assert_array_equal(rest.segment, [[0, 1], [0, 1.002], [0, 1], [0, 1], [-0.0011, 1]])
    assert rest.label.tolist() == [0, 0, 1, 0, 0] and rest.class_names == ["a", "b"]


def test_duplicates_of_the_real_annotations(shared):
    found = {}
    for subset in ("training", "validation"):
        truths = load_ground_truth(shared / "golden" / "anet13_gt.json.gz", subset)
        rows = list(
            zip(
                truths.video.tolist(),
                truths.label.tolist(),
                map(tuple, truths.segment.round(3).tolist()),
                strict=True,
            )
        )
        found[subset] = len(truths) - len(without_duplicates(truths))
        assert found[subset] >= len(rows) - len(set(rows)) > 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "u\n\n v \n"),
        ("a.json", '["u", "v"]'),
        ("b.json", '{"u": {}, "v": 1}'),
        ("noname", "u\r\nv"),
    ],
)
def test_video_lists(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert load_video_list(tmp_path / name) == ["u", "v"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b"[1]"),
        ("a.json", b"3"),
        ("a.json", b"{"),
        ("a.json", b"[]"),
        ("a.txt", b"\n"),
        ("a.txt", b"\xff\xfe"),
        ("a.json", json.dumps([["u"]]).encode()),
    ],
)
def test_bad_video_lists(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        load_video_list(tmp_path / name)


def test_missing_video_list(tmp_path):
    with pytest.raises(InputError, match="nothing.txt"):
        load_video_list(tmp_path / "nothing.txt")


def test_ids_of_activitynets_files_are_those_of_the_ground_truth():
    truths = make_instances("ab", "xx", [[0, 1], [2, 3]])
    run = make_instances(["v_a", "v_b", "c"], "xxx", [[0, 1], [2, 3], [4, 5]], [1, 2, 3])
    twice = make_instances(["v_a", "a"], "xx", [[0, 1], [2, 3]], [1, 2])
    _, found, _ = select_scored(truths, [run, twice])
    assert [one.video_names for one in found] == [["a", "b", "c"], ["v_a", "a"]]
