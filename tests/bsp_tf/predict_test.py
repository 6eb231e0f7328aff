"""From videos to detections: with a real model and head, the numbers of extract and detect."""

import json
import resource

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.detect import detect
from bsp_tf.evaluation.predictions import load_predictions
from bsp_tf.extract import extract
from bsp_tf.features.video_ids import name_all_videos
from bsp_tf.localization.detection import Options
from bsp_tf.predict import Predictor, predict
from bsp_tf.prediction.video_run import find_videos
from bsp_tf.video.stream import VideoError
from tests.fixtures import warm_python
from tests.fixtures.change_model import save_jump_model, write_jumps
from tests.fixtures.interrupted import interrupt_after_first_answer
from tests.fixtures.small_head import save_head
from tests.fixtures.web_server import serve

LABELS = ("bright", "dark")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_jump_model(tmp_path_factory.mktemp("model") / "two_stream")


@pytest.fixture(scope="module")
def gtad(tmp_path_factory):
    return save_head(tmp_path_factory.mktemp("heads") / "gtad", 2, labels=LABELS)


@pytest.fixture(scope="module")
def in_windows(tmp_path_factory):
    return save_head(tmp_path_factory.mktemp("heads") / "gtad", 2, labels=LABELS, windows=True)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A video of 40 s, one of 3 s in another container, one shorter than a snippet."""
    root = tmp_path_factory.mktemp("videos")
    write_jumps(root / "long.mp4", [(300, 60), (250, 200), (450, 100)])
    write_jumps(root / "sub" / "other.mkv", [(40, 200), (50, 30)], fps=30)
    write_jumps(root / "short.mp4", [(5, 120)])
    return root


def extract_and_detect(model, gtad, video, folder, options=None, class_scores=None, **snippets):
    """What bsp_tf.extract and bsp_tf.detect say of one video, whose length nobody has annotated."""
    extract(model, video, folder / "features", **snippets)
    entry = {"subset": "validation", "duration": None, "annotations": []}
    entry["annotations"] = [{"segment": [0, 1], "label": label} for label in LABELS]
    (folder / "annotations.json").write_text(json.dumps({"database": {video.stem: entry}}))
    detect(
        str(gtad), str(folder / "features"), str(folder / "annotations.json"), "validation",
        str(folder / "detections.json"), class_scores, options,
    )  # fmt: skip
    return json.loads((folder / "detections.json").read_text())["results"][video.stem]


@pytest.mark.parametrize(
    ("name", "windows"),
    [
        ("long.mp4", False),
        ("long.mp4", True),
        ("short.mp4", False),
        pytest.param("short.mp4", True, marks=pytest.mark.thorough),
        pytest.param("sub/other.mkv", False, marks=pytest.mark.thorough),
        pytest.param("sub/other.mkv", True, marks=pytest.mark.thorough),
    ],
)
def test_the_numbers_are_those_of_extract_and_detect(
    model, gtad, in_windows, videos, tmp_path, name, windows
):
    head = in_windows if windows else gtad
    found = predict(videos / name, model, head)
    assert found == extract_and_detect(model, head, videos / name, tmp_path)
    assert name == "short.mp4" or {detection["label"] for detection in found} == set(LABELS)


def test_a_video_at_a_signed_address(model, gtad, videos, tmp_path):
    pytest.importorskip("aiohttp", reason="NOT TESTED: http://, aiohttp is missing")
    with serve(videos) as server:
        url = f"{server.url}/sub/other.mkv?signature=5ec3e7"
        assert predict(url, model, gtad) == predict(videos / "sub" / "other.mkv", model, gtad)
        Predictor(model, gtad).write(find_videos([url], {}), tmp_path / "out.json")
    content = json.loads((tmp_path / "out.json").read_text())
    (about,) = content["external_data"]["videos"].values()
    assert about["uri"] == f"{server.url}/sub/other.mkv?..." and "5ec3e7" not in str(content)


def test_a_head_that_names_classes_itself(model, videos, tmp_path):
    names = ("swim", "walk", "wave")
    head = save_head(tmp_path / "head", 2, labels=names, head="actionformer")
    found = predict(videos / "long.mp4", model, head)
    assert found == extract_and_detect(model, head, videos / "long.mp4", tmp_path)
    assert {detection["label"] for detection in found} == set(names)


def test_a_folder_gives_what_extract_and_detect_give(model, gtad, videos, tmp_path):
    """There the head sees several videos at once, which may move the last digits."""
    extract(model, videos, tmp_path / "features")
    entries = [{"segment": [0, 1], "label": label} for label in LABELS]
    entry = {"subset": "validation", "duration": None, "annotations": entries}
    database = {name: entry for name in name_all_videos([videos])}
    (tmp_path / "annotations.json").write_text(json.dumps({"database": database}))
    arguments = [str(gtad), str(tmp_path / "features"), str(tmp_path / "annotations.json")]
    detect(*arguments, "validation", str(tmp_path / "d.json"))
    expected = json.loads((tmp_path / "d.json").read_text())["results"]
    answers = Predictor(model, gtad).write(name_all_videos([videos]), tmp_path / "p.json")
    assert list(answers.of_asked()) == list(expected)
    for name, found in answers.of_asked().items():
        assert len(found) == len(expected[name])
        for ours, theirs in zip(found, expected[name], strict=True):
            assert ours["label"] == theirs["label"]
            assert ours["segment"] == pytest.approx(theirs["segment"])
            assert ours["score"] == pytest.approx(theirs["score"], rel=1e-4)


def test_settings_and_options(model, gtad, videos, tmp_path):
    options = Options(top_classes=1, fusion="sqrt", nms="hard", nms_threshold=0.5, max_proposals=7)
    found = predict(videos / "long.mp4", model, gtad, stride=4, frame_step=2, options=options)
    assert 0 < len(found) <= 7
    assert found == extract_and_detect(
        model, gtad, videos / "long.mp4", tmp_path, options, stride=4, frame_step=2
    )


def test_class_scores_of_a_file(model, gtad, videos, tmp_path):
    scores = tmp_path / "scores.json"
    scores.write_text(json.dumps({"results": {"long": [0.5, 0.25]}, "class": ["dark", "bright"]}))
    found = predict(videos / "long.mp4", model, gtad, str(scores))
    assert found[0]["label"] == "dark"
    assert found == extract_and_detect(
        model, gtad, videos / "long.mp4", tmp_path, class_scores=str(scores)
    )
    with pytest.raises(InputError, match="'short'"):
        predict(videos / "short.mp4", model, gtad, str(scores))


def test_classes_that_nothing_tells(model, videos, tmp_path, capsys):
    head = save_head(tmp_path / "gtad", 2, labels=("jump",))
    found = predict(videos / "long.mp4", model, head)
    assert {detection["label"] for detection in found} == {"proposal"}
    assert capsys.readouterr().out.count("no class scores") == 1


def test_a_folder_into_a_file_that_evaluate_reads(model, gtad, videos, tmp_path):
    predictor = Predictor(model, gtad)
    answers = predictor.write(name_all_videos([videos]), tmp_path / "p.json")
    content = json.loads((tmp_path / "p.json").read_text())
    assert list(content["results"]) == ["long", "short", "other"] == answers.asked
    assert content["results"]["other"] == predictor(videos / "sub" / "other.mkv")
    about = content["external_data"]["videos"]["long"]
    assert about["complete"] and about["duration_seconds"] == 40.0
    assert content["external_data"]["settings"]["stride"] == 8
    predictions = load_predictions(tmp_path / "p.json")
    assert len(predictions) == len(sum(content["results"].values(), []))


@pytest.mark.parametrize(
    "head, message",
    [
        ({"streams": ("action", "flow"), "feature_dim": 2}, "no flow stream"),
        ({"feature_dim": 4}, "4 channels.* 2"),
        ({"features": {"window": 16}}, "16 frames.* 8"),
        ({"features": {"window": 8, "model": "runs/old", "model_sha256": "0"}}, "runs/old"),
        ({"features": {"window": 8, "stride": 4}}, "--stride=8.*stride 4"),
        ({"features": {}}, "another tool"),
    ],
)
def test_a_head_that_does_not_fit_is_named(model, videos, tmp_path, head, message):
    workdir = save_head(tmp_path / "gtad", **{"feature_dim": 2} | head)
    with pytest.raises(InputError, match=rf"(?s){message}") as error:
        predict(videos / "short.mp4", model, workdir, stride=8)
    assert str(workdir) in str(error.value)


def test_snippets_are_those_that_the_head_was_trained_on(model, videos, tmp_path):
    features = {"window": 8, "frame_step": 2, "stride": 4, "short_side": 24}
    workdir = save_head(tmp_path / "gtad", 2, features=features, labels=LABELS)
    settings = Predictor(model, workdir).settings
    assert {name: settings[name] for name in ("frame_step", "stride", "short_side")} == {
        "frame_step": 2,
        "stride": 4,
        "short_side": 24,
    }


def test_bad_videos(model, gtad, videos, tmp_path):
    predictor = Predictor(model, gtad)
    with pytest.raises(InputError, match="folder"):
        predictor(videos)
    with pytest.raises(InputError, match="nowhere"):
        predictor(tmp_path / "nowhere.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoError, match="empty.mp4"):
        predictor(tmp_path / "empty.mp4")
    content = (videos / "long.mp4").read_bytes()
    (tmp_path / "note.mp4").write_text("no video\n" * 30)
    named = name_all_videos([tmp_path / "note.mp4", videos / "short.mp4"])
    answers = predictor.write(named, tmp_path / "p.json")
    assert list(answers.of_asked()) == ["short"]
    assert list(answers.failures) == [str(tmp_path / "note.mp4")]
    assert (videos / "long.mp4").read_bytes() == content
    with pytest.raises(InputError, match="--output"):
        find_videos([videos], {"output": videos / "new.json"})


def test_the_command(model, gtad, videos, tmp_path):
    (tmp_path / "note.mp4").write_text("no video\n" * 30)
    command = "-m", "bsp_tf.predict", f"--model={model}", f"--gtad={gtad}"
    run = warm_python.run(
        *command, videos / "long.mp4", tmp_path / "note.mp4", f"--output={tmp_path / 'p.json'}",
        "--show=3",
    )  # fmt: skip
    assert run.returncode == 3, run.stderr
    lines = run.stdout.splitlines()
    at = lines.index("long")
    assert all(line.endswith(LABELS) and " - " in line for line in lines[at + 1 : at + 4])
    assert "more with lower scores" in lines[at + 4]
    assert "note.mp4" in run.stderr and "1 of 2 videos failed" in run.stderr
    assert lines[-1].startswith(str(tmp_path / "p.html"))
    (tmp_path / "none").mkdir()
    run = warm_python.run(*command, tmp_path / "none")
    assert run.returncode == 2 and str(tmp_path / "none") in run.stderr


def test_the_page_beside_the_output(model, gtad, videos, tmp_path):
    command = "-m", "bsp_tf.predict", videos / "sub", f"--model={model}", f"--gtad={gtad}"
    command += (f"--output={tmp_path / 'p.json'}",)
    run = warm_python.run(*command, "--nopage")
    assert run.returncode == 0 and not (tmp_path / "p.html").exists()
    entry = {"annotations": [{"segment": [1, 2], "label": "dark"}]}
    for name, status in (("none", 2), ("other", 0)):
        (tmp_path / "a.json").write_text(json.dumps({"database": {name: entry}}))
        run = warm_python.run(*command, f"--annotations={tmp_path / 'a.json'}")
        assert run.returncode == status and ("a.json" in run.stderr) == bool(status)
    text = (tmp_path / "p.html").read_text()
    (video,) = json.loads(text.partition('id="data">')[2].partition("<")[0])["videos"]
    assert (tmp_path / video["uri"]).resolve() == videos / "sub" / "other.mkv"
    assert video["truth"] and video["detections"] and video["curve"]
    (tmp_path / "p.html").write_text("my own")
    run = warm_python.run(*command)
    assert run.returncode == 2 and "p.html" in run.stderr
    assert (tmp_path / "p.html").read_text() == "my own"


def test_ctrl_c_keeps_what_there_is_and_the_same_command_goes_on(model, gtad, make_video, tmp_path):
    video = make_video(tmp_path / "long.mp4", num_frames=1200, height=120, width=160)
    output = tmp_path / "p.json"
    arguments = (video, f"--model={model}", f"--gtad={gtad}", "--batch_size=4")
    arguments += ("--stride=2",)
    errors = interrupt_after_first_answer("bsp_tf.predict", output, *arguments)
    part = json.loads(output.read_text())
    about = part["external_data"]["videos"]["long"]
    assert not about["complete"] and 0 < about["until_seconds"] < 48
    assert f"long up to second {about['until_seconds']:.1f}" in errors
    ends = [detection["segment"][1] for detection in part["results"]["long"]]
    assert ends and max(ends) <= about["until_seconds"]
    run = warm_python.run("-m", "bsp_tf.predict", *arguments, f"--output={output}")
    assert run.returncode == 0, run.stderr
    assert "long: goes on at second" in run.stdout
    found = json.loads(output.read_text())["results"]["long"]
    assert found == predict(video, model, gtad, stride=2, batch_size=4)


@pytest.mark.thorough
def test_memory_holds_features_and_no_frames(model, gtad, make_video, tmp_path):
    """The long video has 18 times the frames; they alone would take 415 MB."""
    make_video(tmp_path / "short.mp4", num_frames=100, height=240, width=320)
    make_video(tmp_path / "long.mp4", num_frames=1800, height=240, width=320)
    predictor = Predictor(model, gtad)
    predictor.write(name_all_videos([tmp_path / "short.mp4"]), tmp_path / "p.json")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    predictor.write(name_all_videos([tmp_path / "long.mp4"]), tmp_path / "p.json")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250_000
