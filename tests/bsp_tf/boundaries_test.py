"""Boundaries of real videos with a real SavedModel that sees jumps of brightness."""

import csv
import json

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.boundaries import find_all_boundaries
from bsp_tf.evaluation.gebd.predictions import load_boundaries
from tests.fixtures import warm_python
from tests.fixtures.change_model import save_jump_model, write_jumps
from tests.fixtures.interrupted import interrupt_after_first_answer
from tests.fixtures.mean_model import save_mean_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_jump_model(tmp_path_factory.mktemp("model") / "two_stream")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Joints at 1.6 and 3.6 s (40 and 90 frames), at 2 s (20 frames, 10 fps), none."""
    root = tmp_path_factory.mktemp("videos")
    write_jumps(root / "two.mp4", [(40, 60), (50, 200), (40, 100)])
    write_jumps(root / "sub" / "slow.mkv", [(20, 200), (21, 50)], fps=10)
    write_jumps(root / "short.mp4", [(5, 120)])
    return root


def test_times_types_and_scores(model, videos, tmp_path):
    answers = find_all_boundaries([videos], model, tmp_path / "b.json", csv=tmp_path / "b.csv")
    content = json.loads((tmp_path / "b.json").read_text())
    results = content["results"]
    assert list(results) == ["short", "slow", "two"] == answers.asked and results["short"] == []
    first, second = results["two"]
    assert (first["time"], first["type"]) == (pytest.approx(1.6), "diff_class")
    assert (second["time"], second["type"]) == (pytest.approx(3.6), "same_class")
    # jump / (jump + 10); the codec keeps grey pictures to a level or two.
    assert first["score"] == pytest.approx(140 / 150, abs=0.002)
    (slow,) = results["slow"]
    assert slow["time"] == pytest.approx(2.0)
    curve = content["curves"]["two"]
    assert curve["times"][:2] == [0.16, 0.32]
    assert curve["probabilities"]["diff_class"][9] == pytest.approx(0.8 * 140 / 150, abs=0.002)
    settings = content["external_data"]["settings"]
    assert (settings["stride"], settings["frame_step"], settings["threshold"]) == (4, 1, 0.5)
    with open(tmp_path / "b.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["video"], float(row["time"]), row["type"]) for row in rows] == [
        ("slow", 2.0, "same_class"),
        ("two", 1.6, "diff_class"),
        ("two", 3.6, "same_class"),
    ]


def test_options(model, videos, tmp_path):
    def times(name, **options):
        answers = find_all_boundaries(
            [videos / "two.mp4"], model, tmp_path / f"{name}.json", **options
        )
        return [boundary["time"] for boundary in answers.sections["results"]["two"]]

    assert times("high", threshold=0.92) == [pytest.approx(1.6)]
    assert times("far", min_distance=2.1) == [pytest.approx(1.6)]
    # Of stride 8 no snippet shows the joint between frames 39 and 40.
    assert times("stride", stride=8) == [pytest.approx(92 / 25)]
    assert len(times("step", frame_step=2, stride=2)) == 2


def test_a_model_that_places_boundaries_gives_the_frame(videos, tmp_path):
    places = save_jump_model(tmp_path / "places", places=True)
    answers = find_all_boundaries(
        [videos / "two.mp4"], places, tmp_path / "b.json", stride=5, threshold=0.3
    )
    times = [boundary["time"] for boundary in answers.sections["results"]["two"]]
    assert times == [pytest.approx(1.6), pytest.approx(3.6)]


def test_models_that_cannot_tell_boundaries_are_named(videos, tmp_path):
    types = ("diff_class", "same_class", "diff_speed", "diff_motion")
    model = save_jump_model(tmp_path / "model", types=types)
    with pytest.raises(InputError, match="model.*same_speed"):
        find_all_boundaries([videos], model, tmp_path / "b.json")
    model = save_jump_model(tmp_path / "action", boundary=False)
    with pytest.raises(InputError, match="action has no boundary stream"):
        find_all_boundaries([videos], model, tmp_path / "b.json")
    with pytest.raises(InputError, match="nowhere"):
        find_all_boundaries([videos], tmp_path / "nowhere", tmp_path / "b.json")


def test_a_placing_model_whose_curve_is_flat_finds_one_boundary(videos, tmp_path):
    """The mean model says .75 everywhere: one flat top."""
    model = save_mean_model(tmp_path / "model")
    answers = find_all_boundaries([videos / "short.mp4"], model, tmp_path / "b.json")
    (found,) = answers.sections["results"]["short"]
    assert found["score"] == 0.75 and 0 <= found["time"] <= 0.2


def test_bad_paths(model, videos, tmp_path):
    (tmp_path / "empty").mkdir()
    for paths, message in (
        ([], "no video is given"),
        ([tmp_path / "nowhere.mp4"], "nowhere.mp4"),
        ([tmp_path / "empty"], "empty"),
    ):
        with pytest.raises(InputError, match=message):
            find_all_boundaries(paths, model, tmp_path / "b.json")
    with pytest.raises(InputError, match="--csv"):
        find_all_boundaries([videos], model, tmp_path / "b.json", csv=videos / "two.mp4")
    with pytest.raises(InputError, match="--output, --csv"):
        find_all_boundaries([videos], model, tmp_path / "b", csv=tmp_path / "b")


def test_evaluate_reads_the_output(model, videos, tmp_path):
    find_all_boundaries([videos], model, tmp_path / "b.json")
    found, left_out = load_boundaries(tmp_path / "b.json", min_score=0.92)
    assert found["two"].tolist() == [pytest.approx(1.6)] and left_out == 1


def test_the_command(model, videos, tmp_path):
    (tmp_path / "note.mp4").write_text("no video\n" * 30)
    run = warm_python.run(
        "-m", "bsp_tf.boundaries", videos / "two.mp4", tmp_path / "note.mp4", f"--model={model}",
        f"--output={tmp_path / 'b.json'}",
    )  # fmt: skip
    assert run.returncode == 3, run.stderr
    assert run.stdout.splitlines()[:2] == ["two", "   0:01.60  diff_class    0.933"]
    assert "note.mp4" in run.stderr and "1 of 2 videos failed" in run.stderr
    text = (tmp_path / "b.html").read_text()
    (video,) = json.loads(text.partition('id="data">')[2].partition("<")[0])["videos"]
    assert [row[1] for row in video["boundaries"]] == [1.6, 3.6] and video["curve"]
    assert (tmp_path / video["uri"]).resolve() == videos / "two.mp4"
    run = warm_python.run("-m", "bsp_tf.boundaries", f"--model={model}")
    assert run.returncode == 2 and "no video is given" in run.stderr


def test_ctrl_c_keeps_what_there_is_and_the_same_command_goes_on(model, make_video, tmp_path):
    video = make_video(tmp_path / "long.mp4", num_frames=1500, height=120, width=160)
    output = tmp_path / "b.json"
    arguments = (video, f"--model={model}", "--batch_size=2", "--stride=2")
    errors = interrupt_after_first_answer("bsp_tf.boundaries", output, *arguments)
    about = json.loads(output.read_text())["external_data"]["videos"]["long"]
    assert not about["complete"] and 0 < about["until_seconds"] < 60
    assert "long up to second " in errors
    assert [path.name for path in tmp_path.glob(".b.json.unfinished")]
    run = warm_python.run("-m", "bsp_tf.boundaries", *arguments, f"--output={output}")
    assert run.returncode == 0, run.stderr
    assert "long: goes on at second" in run.stdout
    find_all_boundaries([video], model, tmp_path / "whole.json", stride=2, batch_size=2)
    gone_on, whole = (
        json.loads((tmp_path / name).read_text()) for name in ("b.json", "whole.json")
    )
    assert gone_on["results"] == whole["results"] and gone_on["curves"] == whole["curves"]
    assert not list(tmp_path.glob(".b.json*"))
