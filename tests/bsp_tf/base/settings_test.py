"""What an output was made with, and when it can be reused."""

import json
import os

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json
from bsp_tf.base.settings import (
    check_claim,
    claim,
    differences,
    digest_files,
    digest_fingerprints,
    fingerprint,
    finished_output,
    is_unchanged,
    refuse_other_settings,
    refuse_output_inside,
)


def write(path, settings, inputs):
    path.write_text(
        json.dumps({"results": 1, "external_data": {"settings": settings, "inputs": inputs}})
    )
    return path


@pytest.mark.parametrize(
    ("then", "now", "found"),
    [
        ({"a": 1, "b": [2]}, {"b": (2,), "a": 1.0}, []),
        ({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}, ["a.b was 1, is now 3"]),
        ({"b": 1, "a": "x"}, {"b": 2, "a": "y"}, ["a was 'x', is now 'y'", "b was 1, is now 2"]),
        ({"a": True}, {"a": 1}, ["a was True, is now 1"]),
        ({"a": 1}, {"b": None}, ["a was 1, is now absent", "b was absent, is now None"]),
        ({"a": {"b": 1}}, {"a": 5}, ["a was absent, is now 5", "a.b was 1, is now absent"]),
        ({}, {}, []),
    ],
)
def test_differences_name_field_and_values(then, now, found):
    assert differences(then, now) == found


def test_differences_of_some_fields_and_of_older_outputs():
    assert differences({"a": 1, "b": 2}, {"a": 1, "b": 3}, fields=("a",)) == []
    assert differences({"a": 1}, {"a": 1, "b": None}, absent_is_none=True) == []
    assert differences({}, {"b": 1}, absent_is_none=True) == ["b was None, is now 1"]


def test_a_refusal_names_output_differences_and_flag():
    refuse_other_settings("runs/x", [])
    with pytest.raises(InputError, match=r"runs/x .*a was 1, is now 2; the labels.* --workdir"):
        refuse_other_settings("runs/x", ["a was 1, is now 2", "the labels"], "--workdir")


def test_a_folder_is_claimed_once(tmp_path):
    path = tmp_path / "run" / "config.json"
    assert not check_claim(path, {"a": 1}) and not path.exists()
    claim(path, {"a": 1, "b": (2,)})
    written = path.read_bytes()
    claim(path, {"a": 1, "b": [2]})
    assert check_claim(path, {"a": 1, "b": [2]}) and path.read_bytes() == written
    for check in (claim, check_claim):
        with pytest.raises(InputError, match=rf"{path.parent} .*a was 1, is now 3"):
            check(path, {"a": 3, "b": [2]})
        with pytest.raises(InputError, match="c was absent"):
            check(path, {"a": 1, "b": [2], "c": None})
        check(path, {"a": 1, "b": [2], "c": "x"}, later={"c": "x"})
    assert read_json(path) == {"a": 1, "b": [2]}


def test_digest_follows_contents_and_their_order(tmp_path):
    one, two, three = (tmp_path / name for name in "abc")
    for path, text in ((one, "ab"), (two, "c"), (three, "ab")):
        path.write_text(text)
    assert digest_files([one]) == digest_files([three]) != digest_files([two])
    assert digest_files([one, two]) != digest_files([two, one])
    three.write_text("a")
    two.write_text("bc")
    assert digest_files([three, two]) != digest_files([one])
    with pytest.raises(InputError, match="nothing"):
        digest_files([tmp_path / "nothing"])


@pytest.mark.parametrize("place", [0, 50_000, 99_999])
@pytest.mark.parametrize("size", [0, 1, 5000, 100_000])
def test_a_file_is_told_from_another_one_in_its_place(tmp_path, size, place):
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    then, digest = fingerprint(path), digest_fingerprints([path])
    os.utime(path, ns=(1, 1))
    assert is_unchanged(path, then) and digest_fingerprints([path]) != digest
    if place < size:
        path.write_bytes(bytes(place) + b"x" + bytes(size - place - 1))
        assert not is_unchanged(path, then)
    path.write_bytes(bytes(size + 1))
    assert not is_unchanged(path, then)
    path.unlink()
    with pytest.raises(InputError, match=str(path)):
        is_unchanged(path, then)


def test_same_settings_and_inputs_are_reused(tmp_path):
    path = write(tmp_path / "x.json", {"a": 1}, {"model": "x"})
    assert finished_output(path, {"a": 1}, {"model": "x"})["results"] == 1
    assert finished_output(path, {"a": 1}, {"model": "y"}) is None
    assert finished_output(tmp_path / "none.json", {"a": 1}, {}) is None


def test_an_input_that_came_later_may_be_missing_but_not_differ(tmp_path):
    path = write(tmp_path / "o.json", {"a": 1}, {"model": "x"})
    inputs = {"model": "x", "files": "y"}
    assert finished_output(path, {"a": 1}, inputs) is None
    assert finished_output(path, {"a": 1}, inputs, later=("files",))["results"] == 1
    write(path, {"a": 1}, {"model": "x", "files": "z"})
    assert finished_output(path, {"a": 1}, inputs, later=("files",)) is None


def test_other_settings_are_named(tmp_path):
    path = write(tmp_path / "x.json", {"a": 1, "b": 2}, {})
    with pytest.raises(InputError, match=r"x\.json .*a was 1, is now 3"):
        finished_output(path, {"a": 3, "b": 2}, {})


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"external_data": {}}', '{"external_data": {"settings": 1}}']
)
def test_a_foreign_file_is_an_error(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=r"x\.json"):
        finished_output(tmp_path / "x.json", {}, {})


def test_an_output_among_the_inputs_is_refused(tmp_path, monkeypatch):
    refuse_output_inside(tmp_path / "videos_features", tmp_path / "videos")
    monkeypatch.chdir(tmp_path)
    for output in ("videos", "videos/features", "videos/../videos/x", tmp_path / "videos" / "x"):
        with pytest.raises(InputError, match="--output=.*videos"):
            refuse_output_inside(output, "videos")


def test_a_file_that_cannot_be_read_has_a_digest(tmp_path):
    """Whoever uses the file says what is wrong with it; the others are used."""
    (tmp_path / "one").write_text("x")
    without = digest_fingerprints([tmp_path / "one", tmp_path / "two"])
    (tmp_path / "two").write_text("y")
    assert digest_fingerprints([tmp_path / "one", tmp_path / "two"]) != without
