"""Models, workdirs, features and outputs in buckets: the numbers of local ones."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath
from bsp_tf.boundaries import find_all_boundaries
from bsp_tf.detect import detect
from bsp_tf.extract import extract
from bsp_tf.predict import Predictor
from bsp_tf.prediction import video_run
from bsp_tf.prediction.video_run import find_videos
from tests.fixtures import warm_python
from tests.fixtures.change_model import save_jump_model, write_jumps
from tests.fixtures.small_head import save_head

pytest.importorskip("s3fs", reason="NOT TESTED: s3://, s3fs (extra `s3`) is not installed")

PROJECT = Path(__file__).resolve().parents[1]
LABELS = ("bright", "dark")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A model, a head, two videos, their features and what is true of them."""
    root = tmp_path_factory.mktemp("world")
    write_jumps(root / "videos" / "one.mp4", [(40, 60), (50, 200), (40, 100)])
    write_jumps(root / "videos" / "two.mp4", [(60, 200), (70, 20)])
    model = save_jump_model(root / "model")
    save_head(root / "gtad", 2, labels=LABELS)
    extract(model, root / "videos", root / "features")
    entry = {"subset": "validation", "duration": None}
    entry["annotations"] = [{"segment": [0, 1], "label": label} for label in LABELS]
    (root / "truth.json").write_text(json.dumps({"database": {"one": entry, "two": entry}}))
    return root


@pytest.fixture(scope="module")
def bucket(upload, local):
    return upload(local, "world")


def read(url):
    return json.loads(UrlPath(url).read_bytes())


def run_detect(place, output, **changed):
    arguments = {
        "workdir": f"{place}/gtad",
        "features": f"{place}/features",
        "annotations": f"{place}/truth.json",
        "subset": "validation",
        "output": str(output),
    }
    return detect(**(arguments | changed))


def test_detections_from_and_to_a_bucket(local, bucket, tmp_path, capsys):
    run_detect(local, tmp_path / "local.json")
    output = f"{bucket}/out/detections.json"
    run_detect(bucket, output)
    expected, found = json.loads((tmp_path / "local.json").read_text()), read(output)
    assert found["results"] == expected["results"] and sum(map(len, found["results"].values()))
    about, other = found["external_data"], expected["external_data"]
    for name in ("model", "features", "annotations"):
        assert about["inputs"][name] == other["inputs"][name]
    assert about["settings"]["workdir"] == f"{bucket}/gtad"
    assert str(tmp_path) not in json.dumps(found)
    # Where nothing has been copied yet, it is found finished all the same.
    (tmp_path / "cache").rename(tmp_path / "gone")
    capsys.readouterr()
    run_detect(bucket, output)
    assert "already done" in capsys.readouterr().out
    # Other content of the same size.
    place = UrlPath(f"{bucket}/features/one.npy")
    before = place.read_bytes()
    place.files.pipe_file(place.place, before[:-8] + np.array([5, 7], "f4").tobytes())
    run_detect(bucket, output)
    changed = read(output)
    assert changed["results"]["one"] != found["results"]["one"]
    assert changed["results"]["two"] == found["results"]["two"]
    place.files.pipe_file(place.place, before)


def test_left_out_videos_are_told_by_address(local, bucket, tmp_path):
    """Of two sources the one that lacks a video is named."""
    UrlPath(bucket).files.pipe_file("bucket/world/few/metadata.json", b"{}")
    np.save(tmp_path / "some.npy", np.zeros(3))
    with pytest.raises(InputError, match=f"{bucket}/few") as caught:
        run_detect(bucket, tmp_path / "out.json", features=f"{local}/features,{bucket}/few")
    assert "cache" not in str(caught.value)


def test_the_command_with_a_bucket(local, bucket):
    def command(*arguments):
        return warm_python.run("-m", *arguments)

    inputs = f"--annotations={local}/truth.json", f"--workdir={bucket}/gtad"
    output = f"{bucket}/out/command.json"
    ran = command("bsp_tf.detect", *inputs, f"--features={bucket}/features", f"--output={output}")
    assert ran.returncode == 0, ran.stderr
    for suffix in ("json", "csv", "md"):
        scored = command(
            "bsp_tf.evaluate",
            f"--ground_truth={local}/truth.json",
            f"--predictions={output}",
            f"--output={bucket}/out/scores.{suffix}",
            f"--errors={bucket}/out/errors.json",
        )
        assert scored.returncode == 0, scored.stderr
        assert UrlPath(f"{bucket}/out/scores.{suffix}").stat().st_size > 20
    assert "mAP" in read(f"{bucket}/out/scores.json") and read(f"{bucket}/out/errors.json")
    for wrong, words in (
        ((f"--features={bucket}/absent", f"--output={output}"), "check the address"),
        (("--features=https://host/features", f"--output={output}"), "lists no folders"),
        ((f"--features={bucket}/features", "--output=https://host/a.json"), "takes no files"),
    ):
        ran = command("bsp_tf.detect", *inputs, *wrong)
        assert ran.returncode == 2 and words in ran.stderr, ran.stderr
        assert len(ran.stderr.strip().splitlines()) == 1


def test_comparison_into_a_bucket(bucket, tmp_path):
    segment = {"segment": [0, 10], "label": "jump"}
    entry = {"subset": "validation", "duration": 20, "annotations": [segment]}
    found = {f"v{i}": [segment | {"score": 0.5, "segment": [i, 9]}] for i in range(3)}
    truth, detections = tmp_path / "truth.json", tmp_path / "found.json"
    truth.write_text(json.dumps({"database": {f"v{i}": entry for i in range(3)}}))
    detections.write_text(json.dumps({"results": found}))
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "bsp_tf.compare", "--resamples=100", detections, detections),
            *(f"--ground_truth={truth}", f"--output={bucket}/out/comparison.json"),
            f"--figure={bucket}/out/comparison.png",
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert "measures" in read(f"{bucket}/out/comparison.json")
    assert UrlPath(f"{bucket}/out/comparison.png").read_bytes().startswith(b"\x89PNG")


def test_features_of_a_model_in_a_bucket(local, bucket, tmp_path):
    extract(f"{bucket}/model", local / "videos", tmp_path / "features")
    for name in ("one.npy", "two.npy", "probabilities/one.npz"):
        same = (tmp_path / "features" / name, local / "features" / name)
        assert same[0].read_bytes() == same[1].read_bytes()
    about, expected = (
        json.loads((place / "features" / "metadata.json").read_text())
        for place in (tmp_path, local)
    )
    assert about.pop("model") == f"{bucket}/model" and expected.pop("model")
    assert about == expected
    with pytest.raises(InputError, match="--runner=beam"):
        extract(f"{bucket}/model", local / "videos", tmp_path / "beam", runner="beam")


def test_predictions_from_and_to_a_bucket(local, bucket, tmp_path, monkeypatch, capsys):
    videos = find_videos([local / "videos"], {})
    expected = Predictor(local / "model", local / "gtad").write(videos, tmp_path / "local.json")
    predictor = Predictor(f"{bucket}/model", f"{bucket}/gtad")
    output = UrlPath(f"{bucket}/out/predictions.json")
    # Each part at once; the second video does not come to its end.
    monkeypatch.setattr(video_run, "SAVE_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(video_run, "MOST_TIME_SAVING", 1e9)
    finish, number = video_run._Keeper.finish, []

    def killed(self, *arguments):
        number.append(1)
        if len(number) == 2:
            raise KeyboardInterrupt
        finish(self, *arguments)

    monkeypatch.setattr(video_run._Keeper, "finish", killed)
    with pytest.raises(KeyboardInterrupt):
        predictor.write(videos, output)
    partial = read(str(output))["external_data"]["videos"]
    assert [about["complete"] for about in partial.values()] == [True, False]
    monkeypatch.setattr(video_run._Keeper, "finish", finish)
    capsys.readouterr()
    found = predictor.write(videos, output)
    told = capsys.readouterr().out
    assert "1 of 2 videos were finished before" in told and "two: goes on at second" in told
    assert (
        found.sections
        == expected.sections
        == {name: read(str(output))[name] for name in expected.sections}
    )
    assert found.videos["one"]["uri"] == (local / "videos" / "one.mp4").as_uri()
    assert not list((tmp_path / "cache" / "bsp_tf" / "outputs").iterdir())


@pytest.mark.thorough
def test_boundaries_from_and_to_a_bucket(local, bucket, tmp_path):
    expected = find_all_boundaries([local / "videos"], local / "model", tmp_path / "local.json")
    found = find_all_boundaries(
        [f"{bucket}/videos"],
        f"{bucket}/model",
        f"{bucket}/out/boundaries.json",
        csv=f"{bucket}/out/boundaries.csv",
    )
    assert found.sections == expected.sections
    assert UrlPath(f"{bucket}/out/boundaries.csv").read_bytes().startswith(b"video,time")


def test_a_page_beside_an_output_in_a_bucket_is_refused(local, bucket):
    ran = warm_python.run(
        *("-m", "bsp_tf.boundaries", local / "videos", f"--model={bucket}/model"),
        f"--output={bucket}/out/page.json",
    )
    assert ran.returncode == 2 and "--nopage" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
