"""Good files in all their forms; bad files, each refused with its place."""

import copy
import gzip
import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.ground_truth import load_ground_truth, load_predictions, make_instances

TRUTH = {
    "database": {
        "one": {
            "subset": "validation",
            "duration": 9.5,
            "annotations": [
                {"segment": [1, 2.5], "label": "jump"},
                {"segment": ["3.0", "4"], "label": "run"},
            ],
        },
        "two": {"subset": "training", "annotations": [{"segment": [0, 1], "label": "swim"}]},
        "three": {"subset": "validation", "annotations": []},
    }
}
PREDICTIONS = {
    "version": "x",
    "results": {
        "one": [
            {"label": "run", "score": 0.5, "segment": [0.5, 1.5]},
            {"label": "jump", "score": 1, "segment": [2, 3]},
        ],
        "three": [],
    },
}


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def changed(document, keys, value):
    """A copy with the value at the path `keys` replaced; a value of `DELETE` removes the key."""
    document = copy.deepcopy(document)
    place = document
    for key in keys[:-1]:
        place = place[key]
    if value is DELETE:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return document


DELETE = object()


def test_reads_one_subset(tmp_path):
    truth = load_ground_truth(write(tmp_path / "t.json", TRUTH), "validation")
    assert truth.video_names == ["one", "three"] and truth.class_names == ["jump", "run"]
    assert truth.video.tolist() == [0, 0] and truth.label.tolist() == [0, 1]
    np.testing.assert_array_equal(truth.segment, [[1, 2.5], [3, 4]])
    assert truth.score is None and len(truth) == 2


def test_reads_predictions(tmp_path):
    found = load_predictions(write(tmp_path / "p.json", PREDICTIONS))
    assert found.video_names == ["one", "three"] and found.class_names == ["run", "jump"]
    np.testing.assert_array_equal(found.segment, [[0.5, 1.5], [2, 3]])
    np.testing.assert_array_equal(found.score, [0.5, 1])


def test_gzip_whatever_the_name(tmp_path):
    path = tmp_path / "p.json"
    path.write_bytes(gzip.compress(json.dumps(PREDICTIONS).encode()))
    assert len(load_predictions(path)) == 2


def test_no_predictions_is_a_valid_file(tmp_path):
    assert len(load_predictions(write(tmp_path / "p.json", {"results": {}}))) == 0


def test_reversed_predictions_stay(tmp_path):
    document = changed(PREDICTIONS, ["results", "one", 0, "segment"], [3.0, 1.0])
    assert load_predictions(write(tmp_path / "p.json", document)).segment[0].tolist() == [3, 1]


ENTRY = ["results", "one", 1]
BAD_PREDICTIONS = {
    "no results": (["results"], DELETE, ["'results'", "'version'"]),
    "results is a list": (["results"], [1], ["'results'", "a list of 1"]),
    "video is an object": (["results", "one"], {"a": 1}, ["video 'one'", "an object of 1"]),
    "entry is a number": (ENTRY, 5, ["video 'one', entry 1", "5"]),
    "no score": ([*ENTRY, "score"], DELETE, ["video 'one', entry 1", "'score'"]),
    "no label": ([*ENTRY, "label"], DELETE, ["video 'one', entry 1", "'label'"]),
    "no segment": ([*ENTRY, "segment"], DELETE, ["video 'one', entry 1", "'segment'"]),
    "score is text": ([*ENTRY, "score"], "0.5", ["entry 1", "'score'", "'0.5'"]),
    "score is null": ([*ENTRY, "score"], None, ["entry 1", "'score'", "None"]),
    "score is true": ([*ENTRY, "score"], True, ["entry 1", "'score'", "True"]),
    "score is NaN": ([*ENTRY, "score"], float("nan"), ["entry 1", "'score'", "nan"]),
    "score is infinite": ([*ENTRY, "score"], float("inf"), ["entry 1", "'score'", "inf"]),
    "score is too large": ([*ENTRY, "score"], 10**400, ["entry 1", "'score'", "1000"]),
    "label is a number": ([*ENTRY, "label"], 3, ["entry 1", "'label'", "3"]),
    "label is a list": ([*ENTRY, "label"], ["run"], ["entry 1", "'label'", "a list of 1"]),
    "segment of three": ([*ENTRY, "segment"], [1, 2, 3], ["entry 1", "'segment'", "a list of 3"]),
    "segment is text": ([*ENTRY, "segment"], "12", ["entry 1", "'segment'", "'12'"]),
    "time is text": ([*ENTRY, "segment"], [1, "2"], ["entry 1", "'segment'", "'2'"]),
    "time is NaN": ([*ENTRY, "segment"], [1, float("nan")], ["entry 1", "'segment'", "nan"]),
    "time is nested": ([*ENTRY, "segment"], [1, [2]], ["entry 1", "'segment'", "a list of 1"]),
    "time is absurd": ([*ENTRY, "segment"], [1, 1e300], ["entry 1", "'segment'", "1e+300"]),
}


@pytest.mark.parametrize("case", BAD_PREDICTIONS)
def test_bad_predictions_are_refused_by_place(tmp_path, case):
    keys, value, words = BAD_PREDICTIONS[case]
    path = write(tmp_path / "bad.json", changed(PREDICTIONS, keys, value))
    with pytest.raises(InputError) as caught:
        load_predictions(path)
    message = str(caught.value)
    assert all(word in message for word in [str(path), *words]), message
    assert "\n" not in message and len(message) < 400


VIDEO = ["database", "one"]
BAD_TRUTH = {
    "no database": (["database"], DELETE, ["'database'"]),
    "video is a list": (VIDEO, [], ["video 'one'", "'subset'"]),
    "no subset": ([*VIDEO, "subset"], DELETE, ["video 'one'", "'subset'"]),
    "subset is a number": ([*VIDEO, "subset"], 1, ["video 'one'", "'subset'"]),
    "no annotations": ([*VIDEO, "annotations"], DELETE, ["video 'one'", "'annotations'"]),
    "annotations is null": ([*VIDEO, "annotations"], None, ["video 'one'", "None"]),
    "no label": ([*VIDEO, "annotations", 1, "label"], DELETE, ["video 'one', entry 1", "'label'"]),
    "time is a word": (
        [*VIDEO, "annotations", 1, "segment"],
        ["3.0", "soon"],
        ["entry 1", "'soon'"],
    ),
    "time is nan in text": (
        [*VIDEO, "annotations", 1, "segment"],
        ["3.0", "nan"],
        ["entry 1", "'nan'"],
    ),
    "reversed": ([*VIDEO, "annotations", 1, "segment"], [4, 3], ["entry 1", "before it starts"]),
    "half a letter": ([*VIDEO, "annotations", 1, "label"], "\ud800", ["label", "Unicode"]),
}


@pytest.mark.parametrize("case", BAD_TRUTH)
def test_bad_ground_truth_is_refused_by_place(tmp_path, case):
    keys, value, words = BAD_TRUTH[case]
    path = write(tmp_path / "bad.json", changed(TRUTH, keys, value))
    with pytest.raises(InputError) as caught:
        load_ground_truth(path, "validation")
    assert all(word in str(caught.value) for word in [str(path), *words]), str(caught.value)


def test_unknown_subset_names_those_there_are(tmp_path):
    with pytest.raises(
        InputError, match=r"'test'.*'validation' \(2 videos\), 'training' \(1 videos\)"
    ):
        load_ground_truth(write(tmp_path / "t.json", TRUTH), "test")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not valid JSON"),
        ('{"results": {', "not valid JSON"),
        ("[1, 2]", "a list of 2"),
        ("null", "None"),
        ('{"results": {"a": [], "b": [], "a": []}}', "'a' twice"),
        ('{"results": ' + "[" * 100000, "nested"),
        ('{"results": {"a": [{"score": ' + "9" * 5000 + "}]}}", "not valid JSON"),
    ],
)
def test_broken_documents(tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        load_predictions(write(tmp_path / "bad.json", content))


def test_broken_files(tmp_path):
    with pytest.raises(InputError, match="cannot read .*none.json"):
        load_predictions(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot read"):
        load_predictions(tmp_path)
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes(gzip.compress(json.dumps(PREDICTIONS).encode())[:-20])
    with pytest.raises(InputError, match=r"cannot read .*cut\.json\.gz"):
        load_predictions(cut)
    latin = tmp_path / "latin.json"
    latin.write_bytes(b'{"results": {"\xe9": []}}')
    with pytest.raises(InputError, match="not valid JSON"):
        load_predictions(latin)


def test_columns_are_checked():
    with pytest.raises(InputError, match="lengths"):
        make_instances(["a"], ["x", "y"], [[0, 1]])
    with pytest.raises(InputError, match="NaN"):
        make_instances(["a"], ["x"], [[0, 1]], [np.nan])


@pytest.mark.parametrize("seed", range(40))
def test_mutated_predictions_never_raise_anything_else(tmp_path, seed):
    """Whatever is done to the text: a result, or one clear InputError."""
    rng = np.random.default_rng(seed)
    text = json.dumps(PREDICTIONS)
    for _ in range(20):
        mutated = text
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(len(mutated)))
            piece = str(
                rng.choice(
                    ["", "NaN", "null", "-", "1e999", '"', "{}", "[]", ",", "true", "\\ud800"]
                )
            )
            mutated = mutated[:at] + piece + mutated[at + int(rng.integers(0, 6)) :]
        try:
            found = load_predictions(write(tmp_path / "m.json", mutated))
            assert np.isfinite(found.segment).all() and np.isfinite(found.score).all()
        except InputError as error:
            assert str(tmp_path) in str(error)
