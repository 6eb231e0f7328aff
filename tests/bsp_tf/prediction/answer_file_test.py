"""The JSON of answers: a line for each video, taken up again, whole at every moment."""

import json
import os
from pathlib import Path

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.settings import fingerprint
from bsp_tf.prediction.answer_file import AnswerFile


def about(path, seconds):
    return {"file": path.name, "source": fingerprint(path), "duration_seconds": seconds}


@pytest.fixture
def video(tmp_path) -> Path:
    path = tmp_path / "é.mp4"
    path.write_bytes(b"1")
    return path


def test_written_and_taken_up(video, tmp_path):
    answers = AnswerFile(tmp_path / "a.json", {"stride": 4}, {"model": "1"})
    assert not answers.holds("é", video)
    answers.add("é", {"results": [1], "curves": {"x": []}}, about(video, 9.0), complete=True)
    answers.add("b", {"results": [2]}, about(video, 2.5), complete=False)
    answers.write()
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert '\n"é": [1],\n"b": [2]\n' in text
    content = json.loads(text)
    assert list(content) == ["version", "results", "curves", "external_data"]
    assert content["external_data"]["videos"]["b"]["until_seconds"] == 2.5
    again = AnswerFile(tmp_path / "a.json", {"stride": 4}, {"model": "1"})
    assert again.sections == answers.sections and again.videos == answers.videos
    assert again.holds("é", video) and not again.holds("b", video)
    assert again.describe() == f"{tmp_path / 'a.json'}: 1 video, b up to second 2.5"
    again.add("b", {"results": [3]}, about(video, 5.0), complete=True)
    assert "until_seconds" not in again.videos["b"]
    video.write_bytes(b"2")
    with pytest.raises(InputError, match=r"a.json.*'é'.*é.mp4"):
        again.holds("é", video)


def test_a_failure_takes_the_part_out(video, tmp_path):
    answers = AnswerFile(tmp_path / "a.json", {}, {})
    answers.add("a", {"results": [1], "curves": []}, about(video, 9.0), complete=False)
    answers.fail("a", video, InputError(f"{video}: cut short."))
    assert answers.sections == {"results": {}, "curves": {}} and not answers.videos
    assert answers.failures == {str(video): "cut short."}


def test_of_asked_is_in_the_order_of_asking(video, tmp_path):
    answers = AnswerFile(tmp_path / "a.json", {}, {})
    for name in "abc":
        answers.add(name, {"results": name}, about(video, 1.0), complete=True)
    answers.asked = ["c", "missing", "a"]
    assert answers.of_asked() == {"c": "c", "a": "a"}


def test_inputs_that_changed_begin_anew(video, tmp_path):
    answers = AnswerFile(tmp_path / "a.json", {}, {"model": "1"})
    answers.add("a", {"results": 1}, about(video, 1.0), complete=True)
    answers.write()
    assert AnswerFile(tmp_path / "a.json", {}, {"model": "2"}).videos == {}


def test_where_a_file_lies_is_told_as_a_uri(video, tmp_path):
    answers = AnswerFile(tmp_path / "out" / "a.json", {}, {})
    answers.add("é", {"results": []}, about(video, 9.0), complete=True)
    answers.locate("é", video)
    answers.locate("failed", video)
    assert answers.videos["é"]["uri"] == "../%C3%A9.mp4"
    for name, uri in ((b"50% #1?.mp4", "50%25%20%231%3F.mp4"), (b"a:\xff.mp4", "a%3A%FF.mp4")):
        answers.locate("é", tmp_path / "out" / os.fsdecode(name))
        assert answers.videos["é"]["uri"] == uri
    answers.write()
