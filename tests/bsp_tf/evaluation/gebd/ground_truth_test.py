"""Annotated boundaries in three forms of files, and what is refused."""

import gzip
import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.gebd.boundary_f1 import boundary_f1
from bsp_tf.evaluation.gebd.ground_truth import load_boundary_truths

GEBD = {
    "substages_timestamps": [[1.5, 4], []],
    "video_duration": 9.9,
    "f1_consis": [0.5, 0.7],
    "f1_consis_avg": 0.25,
    "fps": 30.0,
}
JOINTS = [
    {"segment": [2.0, 2.0], "kind": "hard_cut", "place": "inner"},
    {"segment": [5.0, 5.5], "kind": "cross_fade", "place": "inner"},
]
OURS = {"subset": "validation", "duration": 12.0, "annotations": [], "joints": JOINTS}


@pytest.fixture
def load(tmp_path):
    """A function that writes a document and reads it."""

    def read(document, subset="validation"):
        (tmp_path / "gt.json").write_text(json.dumps(document))
        return load_boundary_truths(tmp_path / "gt.json", subset)

    return read


def test_kinetics_gebd(load):
    video = load({"v": GEBD})["v"]
    assert [column.tolist() for column in video.annotators] == [[1.5, 4.0], []]
    assert (video.duration_seconds, video.consistency) == (9.9, 0.25)


def test_tapos(load):
    row = {"boundaries_seconds": [[1.0]], "duration": 3, "f1_consis": [0.5, 0.75], "fps": 25.0}
    video = load({"v_s00001_0_1_3_0": row})["v_s00001_0_1_3_0"]
    assert (video.duration_seconds, video.consistency) == (3.0, 0.625)
    del row["f1_consis"]
    assert load({"v": row})["v"].consistency == 1


def test_our_own_annotations(load):
    found = load({"database": {"a": OURS, "b": OURS | {"subset": "training"}}})
    assert list(found) == ["a"]
    assert found["a"].annotators[0].tolist() == [2.0, 5.25]
    assert (found["a"].duration_seconds, found["a"].consistency) == (12.0, 1.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"substages_timestamps": None}, "'substages_timestamps'"),
        ({"substages_timestamps": []}, "'substages_timestamps'"),
        ({"substages_timestamps": [1.0]}, "'substages_timestamps', annotator 0"),
        ({"substages_timestamps": [["1"]]}, "'substages_timestamps'.*'1'"),
        ({"substages_timestamps": [[2e9]]}, r"'substages_timestamps'.*2e\+09"),
        ({"substages_timestamps": [[{"start_time": 1, "end_time": 1}]]}, "prepare_k400_release"),
        ({"video_duration": 0}, "'video_duration' is 0"),
        ({"video_duration": True}, "'video_duration' holds True"),
        ({"f1_consis_avg": float("nan")}, "'f1_consis_avg' holds nan"),
    ],
)
def test_faults_are_named(load, change, words):
    with pytest.raises(InputError, match=rf"gt\.json: video 'v'.*{words}") as caught:
        load({"v": GEBD | change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["substages_timestamps", "video_duration"])
def test_a_missing_key_is_named(load, key):
    entry = {name: value for name, value in GEBD.items() if name != key}
    with pytest.raises(InputError, match=rf"gt\.json: video 'v' has no key '{key}'"):
        load({"v": entry})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"joints": {}}, "'joints'"),
        ({"joints": [{"kind": "hard_cut"}]}, "joint 0 has no key 'segment'"),
        ({"joints": [{"segment": [1]}]}, "joint 0: 'segment'"),
        ({"joints": [{"segment": [1, None]}]}, "joint 0: 'segment' holds None"),
        ({"duration": None}, "'duration'"),
    ],
)
def test_faults_of_our_own_form(load, change, words):
    with pytest.raises(InputError, match=rf"gt\.json: video 'a'.*{words}"):
        load({"database": {"a": OURS | change}})


def test_annotations_without_joints_or_subset(load):
    plain = {name: value for name, value in OURS.items() if name != "joints"}
    with pytest.raises(InputError, match="video 'a' has no key 'joints'"):
        load({"database": {"a": plain}})
    with pytest.raises(InputError, match="'testing'.*'validation'"):
        load({"database": {"a": OURS}}, "testing")


@pytest.mark.parametrize("document", [{}, [], {"v": 1}])
def test_other_files(load, document):
    with pytest.raises(InputError, match=r"gt\.json"):
        load(document)


def test_all_of_tapos(shared):
    folder = shared / "annotations" / "tapos"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}")
    counts = {}
    for name in ("train", "val"):
        path = folder / f"tapos_{name}.json.gz"
        truths = load_boundary_truths(path, "validation")
        times = {video: truth.annotators[0] for video, truth in truths.items()}
        counts[name] = len(truths), sum(map(len, times.values()))
        assert boundary_f1(truths, times).f1.tolist() == [1.0] * 10
        raw = json.loads(gzip.decompress(path.read_bytes()))
        assert list(raw) == list(truths)
        for video, truth in truths.items():
            # The same in frames, from which the file's seconds were made.
            frames = np.array(raw[video]["boundaries_frames"][0]) / raw[video]["fps"]
            assert np.array_equal(frames, truth.annotators[0])
            assert raw[video]["num_frames"] / raw[video]["fps"] == pytest.approx(
                truth.duration_seconds
            )
    assert counts == {"train": (12822, 29489), "val": (1755, 4150)}
