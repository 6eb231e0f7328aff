"""Files of predictions: good ones, and bad ones, each refused with its place."""

import copy
import gzip
import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.predictions import load_predictions, load_proposals

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


def test_reads_predictions(tmp_path):
    found = load_predictions(write(tmp_path / "p.json", PREDICTIONS))
    assert found.video_names == ["one", "three"] and found.class_names == ["run", "jump"]
    np.testing.assert_array_equal(found.segment, [[0.5, 1.5], [2, 3]])
    np.testing.assert_array_equal(found.score, [0.5, 1])


def test_proposals_need_no_labels(tmp_path):
    document = changed(PREDICTIONS, ["results", "one", 0, "label"], DELETE)
    found = load_proposals(write(tmp_path / "p.json", document))
    assert found.class_names == [""] and found.label.tolist() == [0, 0]
    document = changed(document, ["results", "one", 1, "score"], "x")
    with pytest.raises(InputError, match=r"p\.json: video 'one', entry 1: 'score'"):
        load_proposals(write(tmp_path / "p.json", document))


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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "line 1 column 1"),
        ('{"results": {', "column 14"),
        ("[1, 2]", "a list of 2"),
        ("null", "None"),
        ('{"results": {"a": [], "b": [], "a": []}}', "'a'"),
        ('{"results": ' + "[" * 100000, "nested"),
        ('{"results": {"a": [{"score": ' + "9" * 5000 + "}]}}", "digits"),
    ],
)
def test_broken_documents(tmp_path, content, words):
    with pytest.raises(InputError, match=f"bad.json.*{words}"):
        load_predictions(write(tmp_path / "bad.json", content))


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


def test_unfinished_videos_are_told(tmp_path, capsys):
    """What `bsp_tf.predict` leaves when it is interrupted."""
    facts = {"a": {"complete": True}, "b": {"complete": False, "until_seconds": 7.0}}
    document = {"results": {"a": [], "b": []}, "external_data": {"videos": facts}}
    load_predictions(write(tmp_path / "p.json", document))
    told = capsys.readouterr().err
    assert "p.json" in told and "1 videos" in told and "(b)" in told
    document["external_data"] = ["anything"]
    load_predictions(write(tmp_path / "p.json", document))
    assert not capsys.readouterr().err
