"""Answers about many real videos: kept, interrupted, gone on with, never mixed up."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_place
from bsp_tf.features.video_ids import name_all_videos
from bsp_tf.prediction import video_run
from bsp_tf.prediction.unfinished import Unfinished
from bsp_tf.prediction.video_run import answer_videos, find_videos

SNIPPETS = {"window": 8, "frame_step": 1, "stride": 4, "short_side": 0}


class Brightness:
    """A model whose rows can be told; it counts its batches, and stops at one of them."""

    def __init__(self, stop_at=None):
        self.batches, self.stop_at = 0, stop_at

    def __call__(self, frames):
        if self.batches == self.stop_at:
            raise KeyboardInterrupt
        self.batches += 1
        return {"mean": frames.mean((1, 2, 3, 4)).astype(np.float32)}


def answer(name, outputs, about):
    return {
        "results": outputs["mean"].tolist(),
        "lengths": [about["num_frames"], about["num_snippets"], about["partial"]],
    }


@pytest.fixture(scope="module")
def folder(make_video, tmp_path_factory):
    root = tmp_path_factory.mktemp("videos")
    make_video(root / "a.mp4", num_frames=90, seed=1)
    make_video(root / "b.mkv", num_frames=131, seed=2)
    make_video(root / "c.avi", num_frames=5, seed=3, codec="mpeg4")
    return root


@pytest.fixture(autouse=True)
def always_saving(monkeypatch):
    monkeypatch.setattr(video_run, "SAVE_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(video_run, "MOST_TIME_SAVING", np.inf)


def run(paths, output, model=None, settings=None, inputs=None, allow_partial=False, batch_size=3):
    return answer_videos(
        name_all_videos(paths if isinstance(paths, list) else [paths]),
        model or Brightness(),
        SNIPPETS,
        answer,
        output,
        settings or {"stride": 4},
        inputs or {"model": "1"},
        batch_size,
        allow_partial,
    )


def test_answers_of_a_folder(folder, tmp_path):
    answers = run(folder, tmp_path / "out.json")
    content = json.loads((tmp_path / "out.json").read_text())
    assert list(content["results"]) == ["a", "b", "c"] == answers.asked
    assert content["lengths"] == {
        "a": [90, 22, False],
        "b": [131, 32, False],
        "c": [5, 1, False],
    }
    about = content["external_data"]["videos"]["b"]
    assert about["complete"] and about["file"] == "b.mkv" and about["duration_seconds"] == 131 / 25
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json"]


@pytest.mark.parametrize("stop_at", [0, 1, 5, 9, 18])
def test_a_run_that_was_ended_goes_on_with_the_same_numbers(folder, tmp_path, stop_at, capsys):
    whole = run(folder, tmp_path / "whole.json", counting := Brightness())
    with pytest.raises(KeyboardInterrupt):
        run(folder, tmp_path / "out.json", Brightness(stop_at))
    if stop_at:
        part = json.loads((tmp_path / "out.json").read_text())
        for name, rows in part["results"].items():
            about = part["external_data"]["videos"][name]
            assert rows == whole.sections["results"][name][: len(rows)]
            assert about["complete"] or about["until_seconds"] == about["num_frames"] / 25
    rest = Brightness()
    answers = run(folder, tmp_path / "out.json", rest)
    assert rest.batches == counting.batches - stop_at
    assert answers.sections == whole.sections and answers.videos == whole.videos
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "whole.json"]
    if stop_at == 5:
        # After 15 snippets, 4 frames apart, the last of which reaches 8 frames.
        assert "a: goes on at second 2.6" in capsys.readouterr().out


def test_the_part_of_another_file_is_not_gone_on_with(folder, tmp_path):
    video = tmp_path / "a.mp4"
    shutil.copy(folder / "a.mp4", video)
    with pytest.raises(KeyboardInterrupt):
        run(video, tmp_path / "out.json", Brightness(4))
    shutil.copy(folder / "b.mkv", video)
    answers = run(video, tmp_path / "out.json", model := Brightness())
    assert model.batches == 11 and answers.sections["lengths"] == {"a": [131, 32, False]}


def test_parts_of_other_batches_or_damaged_ones_are_not_used(folder, tmp_path):
    for change in ("batches", "rows", "nothing"):
        output = tmp_path / f"{change}.json"
        with pytest.raises(KeyboardInterrupt):
            run(folder / "b.mkv", output, Brightness(4))
        if change == "rows":
            (row_file,) = tmp_path.glob(".rows.json.unfinished/2.npz")
            row_file.write_bytes(b"rubbish")
        size = 2 if change == "batches" else 3
        run(folder / "b.mkv", output, model := Brightness(), batch_size=size)
        assert model.batches == {"batches": 16, "rows": 11, "nothing": 7}[change]


def test_finished_videos_stay_and_others_are_added(folder, tmp_path):
    output = tmp_path / "out.json"
    run(folder / "a.mp4", output)
    answers = run([folder / "b.mkv", folder / "a.mp4"], output, model := Brightness())
    assert model.batches == 11 and answers.asked == ["b", "a"]
    assert list(json.loads(output.read_text())["results"]) == ["a", "b"]


def test_another_file_of_the_same_id_is_refused(folder, tmp_path):
    output = tmp_path / "out.json"
    run(folder / "a.mp4", output)
    other = tmp_path / "other" / "a.mp4"
    other.parent.mkdir()
    shutil.copy(folder / "b.mkv", other)
    with pytest.raises(InputError, match=rf"{output}.*'a'.*{other}"):
        run(other, output)


def test_other_settings_are_refused_and_other_inputs_make_it_anew(folder, tmp_path):
    output = tmp_path / "out.json"
    run(folder / "c.avi", output)
    with pytest.raises(InputError, match="stride was 4, is now 8"):
        run(folder / "c.avi", output, settings={"stride": 8})
    run(folder / "a.mp4", output, inputs={"model": "2"})
    assert list(json.loads(output.read_text())["results"]) == ["a"]


def test_outputs_are_apart_from_the_videos(folder, tmp_path):
    with pytest.raises(InputError, match=f"--output.*{folder}"):
        find_videos([folder], {"output": folder / "out.json"})
    with pytest.raises(InputError, match="--csv"):
        find_videos([folder / "a.mp4"], {"output": tmp_path / "o", "csv": folder / "a.mp4"})


def test_a_file_that_another_run_writes_is_refused(folder, tmp_path):
    with lock_place(tmp_path / "out.json"), pytest.raises(InputError, match="out.json"):
        run(folder, tmp_path / "out.json")


def test_bad_videos_among_good_ones(folder, tmp_path):
    videos = tmp_path / "videos"
    shutil.copytree(folder, videos)
    content = (videos / "b.mkv").read_bytes()
    (videos / "b.mkv").write_bytes(content[: len(content) // 2])
    (videos / "empty.mp4").touch()
    (videos / "note.txt").write_text("no video\n" * 30)
    Path(os.fsdecode(os.fsencode(videos) + b"/\xe9.mp4")).write_text("no video\n" * 30)
    answers = run(videos, tmp_path / "out.json")
    assert list(answers.sections["results"]) == ["a", "c"]
    failed = {path.rpartition("/")[2]: reason for path, reason in answers.failures.items()}
    assert sorted(failed) == ["\\udce9.mp4", "b.mkv", "empty.mp4", "note.txt"]
    assert "cut short" in failed["b.mkv"] and "empty" in failed["empty.mp4"]
    # They are tried again; nothing of them is left in the output.
    answers = run(videos, tmp_path / "out.json", allow_partial=True)
    assert answers.sections["lengths"]["b"][2] is True and len(answers.failures) == 3
    content = json.loads((tmp_path / "out.json").read_text())
    assert sorted(content["external_data"]["failures"]) == sorted(answers.failures)


def test_an_answer_that_cannot_be_given_is_a_failure_of_its_own(folder, tmp_path):
    def refuse(name, outputs, about):
        if name == "a":
            raise InputError("NaN")
        return answer(name, outputs, about)

    answers = answer_videos(
        name_all_videos([folder]), Brightness(), SNIPPETS, refuse, tmp_path / "out.json", {}, {}, 3,
        False,
    )  # fmt: skip
    assert list(answers.sections["results"]) == ["b", "c"]
    assert answers.failures == {str(folder / "a.mp4"): "NaN"}


def test_a_file_of_another_program_is_not_overwritten(folder, tmp_path):
    (tmp_path / "out.json").write_text('{"results": {}}')
    with pytest.raises(InputError, match="out.json"):
        run(folder, tmp_path / "out.json")


def test_unfinished_rows_of_other_settings(tmp_path):
    assert Unfinished(tmp_path / "out.json", {"stride": 4}).load() is None
