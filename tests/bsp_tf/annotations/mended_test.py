"""Annotation files as they are in the world."""

import gzip
import json
import subprocess
import sys

import numpy as np
import pytest

from bsp_tf.annotations.mended import load_annotations
from bsp_tf.base.errors import InputError


def write(tmp_path, database):
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps({"version": "x", "taxonomy": [], "database": database}))
    return path


def video(*segments, duration=10.0, subset="training", **more):
    rows = [{"segment": list(segment), "label": "run"} for segment in segments]
    return {"subset": subset, "duration": duration, "annotations": rows} | more


def test_reads_all_or_one_subset(tmp_path):
    path = write(tmp_path, {"a": video((1, 2), (3, 4.5), fps=25), "b": video(subset="validation")})
    everything = load_annotations(path)
    assert list(everything) == ["a", "b"]
    assert everything["a"].duration_seconds == 10 and everything["a"].fps == 25
    assert everything["a"].labels == ["run", "run"] and everything["a"].subset == "training"
    np.testing.assert_array_equal(everything["a"].segments, [[1, 2], [3, 4.5]])
    assert everything["b"].segments.shape == (0, 2) and everything["b"].fps is None
    assert list(load_annotations(path, "validation")) == ["b"]
    assert everything.warnings() == []


def test_oddities_are_mended_and_counted(tmp_path):
    path = write(
        tmp_path,
        {"a": video((8, 12), (-1, 3), (4, 2)), "b": video((5, 5), (10, 11), (-3, -1), (2, 3))},
    )
    found = load_annotations(path)
    np.testing.assert_array_equal(found["a"].segments, [[8, 10], [0, 3]])
    np.testing.assert_array_equal(found["b"].segments, [[5, 5], [2, 3]])
    assert found.oddities == {
        "clamped": ["a", "a"],
        "outside": ["b", "b"],
        "reversed": ["a"],
        "zero_length": ["b"],
    }
    assert [line[:30] for line in found.warnings()] == [
        "2 annotated segments cut to th",
        "2 annotated segments outside t",
        "1 annotated segments end befor",
        "1 annotated segments of zero l",
    ]


def test_numbers_as_strings_and_no_duration(tmp_path):
    """As in the THUMOS14 files."""
    path = write(
        tmp_path,
        {"a": {"subset": "test", "annotations": [{"segment": ["18.6", "24.8"], "label": "Jump"}]}},
    )
    found = load_annotations(path)["a"]
    np.testing.assert_array_equal(found.segments, [[18.6, 24.8]])
    assert found.duration_seconds is None


def test_gzip(tmp_path):
    path = tmp_path / "annotations.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"database": {"a": video((1, 2))}}).encode()))
    assert list(load_annotations(path)) == ["a"]
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match=r"annotations\.json\.gz"):
        load_annotations(path)
    path.write_text(json.dumps({"database": {"a": video((1, 2))}}))
    assert list(load_annotations(path)) == ["a"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ([], ["a list of 0"]),
        ({"subset": "training", "duration": 3}, ["'annotations'"]),
        ({"subset": "training", "annotations": None}, ["'annotations'", "None"]),
        (video(duration="long"), ["'duration'", "'long'"]),
        (video(duration=0), ["'duration'", "0"]),
        (video(duration=True), ["'duration'", "True"]),
        (video(fps=-1), ["'fps'", "-1"]),
        (video((1, None)), ["entry 0", "'segment'", "None"]),
        (video((1, float("nan"))), ["entry 0", "'segment'", "nan"]),
        (video((1, 10**400)), ["entry 0", "'segment'", "1000"]),
        (video((1, 1e10)), ["entry 0", "'segment'", "10000000000.0"]),
        (video((1, 2), (1,)), ["entry 1", "'segment'", "a list of 1"]),
        (video() | {"annotations": ["x"]}, ["entry 0", "'x'"]),
        (video() | {"annotations": [{"segment": [1, 2]}]}, ["entry 0", "'label'", "None"]),
        (video() | {"annotations": [{"segment": [1, 2], "label": ""}]}, ["entry 0", "'label'"]),
        (video() | {"annotations": [{"segment": "12", "label": "a"}]}, ["'segment'", "'12'"]),
        (video(subset=3), ["'subset'", "3"]),
    ],
)
def test_bad_entries_name_file_video_and_key(tmp_path, entry, words):
    path = write(tmp_path, {"fine": video((1, 2)), "broken": entry})
    with pytest.raises(InputError) as error:
        load_annotations(path)
    message = str(error.value)
    assert all(word in message for word in (str(path), "'broken'", *words)), message


def test_missing_file_no_json_no_database_and_no_such_subset(tmp_path):
    with pytest.raises(InputError, match="nowhere.json"):
        load_annotations(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match=r"nowhere\.json\.gz"):
        load_annotations(tmp_path / "nowhere.json.gz")
    path = tmp_path / "bad.json"
    for text in ("[1]", '{"database": []}', "{}"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"bad\.json.*'database'"):
            load_annotations(path)
    with pytest.raises(InputError, match="'test'.*'training'"):
        load_annotations(write(tmp_path, {"a": video()}), "test")


def test_the_bare_form_of_feature_based_methods(tmp_path):
    path = tmp_path / "bare.json"
    path.write_text(
        json.dumps(
            {
                "v_a": {
                    "duration_second": 8.0,
                    "feature_frame": 160,
                    "annotations": [{"segment": [1, 9], "label": "run"}],
                },
                "v_b": {"annotations": []},
            }
        )
    )
    found = load_annotations(path)
    assert (
        found["a"].segments.tolist() == [[1.0, 8.0]]
        and found["a"].subset == ""
        and found["b"].labels == []
    )


def test_real_files(shared):
    assert (
        len(load_annotations(shared / "annotations/activitynet-1.3/anet_anno_action.json")) == 19228
    )
    found = load_annotations(shared / "golden/anet13_gt.json.gz", "validation")
    assert (
        sum(len(v.labels) for v in found.values())
        + len(found.oddities["outside"])
        + len(found.oddities["reversed"])
        == 7293
    )
    assert found.oddities["clamped"] and found.oddities["zero_length"]
    assert len(load_annotations(shared / "golden/thumos_gt.json.gz", "test")) > 200


def test_needs_no_tensorflow():
    code = "import sys, bsp_tf.annotations.reader; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
