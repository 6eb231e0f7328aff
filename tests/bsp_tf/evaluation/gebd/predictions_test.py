"""Predicted boundaries in two forms of files, and what is refused."""

import json

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.gebd.predictions import load_boundaries

ROWS = [{"time": 3, "type": "diff_class", "score": 0.9}, {"time": 1.5, "score": 0.5}]


@pytest.fixture
def load(tmp_path):
    """A function that writes a document and reads it."""

    def read(document, min_score=None):
        (tmp_path / "p.json").write_text(json.dumps(document))
        found, left_out = load_boundaries(tmp_path / "p.json", min_score)
        return {name: times.tolist() for name, times in found.items()}, left_out

    return read


def test_bare_seconds_in_their_order(load):
    assert load({"v": [3, 1.5], "w": []}) == ({"v": [3.0, 1.5], "w": []}, 0)


def test_boundaries_with_scores(load):
    document = {"results": {"v": ROWS}, "external_data": {}}
    assert load(document) == ({"v": [3.0, 1.5]}, 0)
    assert load(document, 0.5) == ({"v": [3.0, 1.5]}, 0)
    assert load(document, 0.6) == ({"v": [3.0]}, 1)
    assert load(document, 1.0) == ({"v": []}, 2)


def test_a_video_with_the_name_of_a_key(load):
    assert load({"results": [1.0], "v": []}) == ({"results": [1.0], "v": []}, 0)


@pytest.mark.parametrize(
    ("entries", "min_score", "words"),
    [
        ([1, "2"], None, "entry 1: 'time' holds '2'"),
        ([float("inf")], None, "entry 0: 'time' holds inf"),
        ([True], None, "entry 0: 'time' holds True"),
        ([-2e9], None, r"entry 0: 'time' is -2e\+09"),
        ([{"segment": [1, 2], "score": 1}], None, "entry 0 has no key 'time'"),
        ([{"time": 1}], 0.5, "entry 0 has no key 'score'"),
        ([1.0], 0.5, "entry 0 .*'score'"),
        ([{"time": 1, "score": None}], 0.5, "entry 0: 'score' holds None"),
        ({"time": 1}, None, "object of 1"),
    ],
)
def test_faults_are_named(load, entries, min_score, words):
    with pytest.raises(InputError, match=rf"p\.json: video 'v'.*{words}") as caught:
        load({"results": {"v": entries}}, min_score)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("document", [[], {"results": 1}, "x"])
def test_other_files(load, document):
    with pytest.raises(InputError, match=r"p\.json"):
        load(document)
