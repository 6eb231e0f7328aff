"""When an output that is there can be reused."""

import json

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.finished_output import digest_files, finished_output, refuse_output_inside


def write(path, settings, inputs):
    path.write_text(
        json.dumps({"results": 1, "external_data": {"settings": settings, "inputs": inputs}})
    )
    return path


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


def test_same_settings_and_inputs_are_reused(tmp_path):
    path = write(tmp_path / "x.json", {"a": 1}, {"model": "x"})
    assert finished_output(path, {"a": 1}, {"model": "x"})["results"] == 1
    assert finished_output(path, {"a": 1}, {"model": "y"}) is None
    assert finished_output(tmp_path / "none.json", {"a": 1}, {}) is None


def test_other_settings_are_named(tmp_path):
    path = write(tmp_path / "x.json", {"a": 1, "b": 2}, {})
    with pytest.raises(
        InputError, match=r"x\.json was made with other settings \(a was 1, is now 3\)"
    ):
        finished_output(path, {"a": 3, "b": 2}, {})


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"external_data": {}}', '{"external_data": {"settings": 1}}']
)
def test_a_foreign_file_is_an_error(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match="not written by this command"):
        finished_output(tmp_path / "x.json", {}, {})


def test_an_output_among_the_inputs_is_refused(tmp_path, monkeypatch):
    refuse_output_inside(tmp_path / "videos_features", tmp_path / "videos")
    monkeypatch.chdir(tmp_path)
    for output in ("videos", "videos/features", "videos/../videos/x", tmp_path / "videos" / "x"):
        with pytest.raises(InputError, match="lies in the input folder"):
            refuse_output_inside(output, "videos")
