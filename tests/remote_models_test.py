"""Models, workdirs, features and outputs in buckets: the numbers of local ones."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath
from bsp_tf.boundaries import find_all_boundaries
from bsp_tf.detect import detect
from bsp_tf.evaluate import Options, evaluate
from bsp_tf.extract import extract
from bsp_tf.predict import Predictor
from bsp_tf.prediction.video_run import find_videos
from tests.fixtures import warm_python
from tests.fixtures.change_model import save_jump_model, write_jumps
from tests.fixtures.interrupted import interrupt_after_first_answer
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


def test_what_is_wrong_in_a_copy_is_told_by_address(local, bucket, tmp_path):
    UrlPath(bucket).files.pipe_file("bucket/world/few/metadata.json", b"{}")
    with pytest.raises(InputError, match=f"{bucket}/few") as caught:
        run_detect(bucket, tmp_path / "out.json", features=f"{local}/features,{bucket}/few")
    assert "cache" not in str(caught.value)


def test_scores_into_a_bucket(local, bucket, tmp_path):
    truth, output = local / "truth.json", f"{bucket}/out/scored.json"
    found = [{"label": "dark", "score": 0.5, "segment": [0, 2]}]
    place = UrlPath(output)
    place.files.pipe_file(place.place, json.dumps({"results": {"one": found}}).encode())
    for suffix in ("json", "csv", "md"):
        name = f"scores.{suffix}"
        outputs = [
            f"{place}/{kind}"
            for place in (tmp_path, f"{bucket}/out")
            for kind in (name, "errors.json")
        ]
        evaluate(truth, output, Options(), *outputs[:2])
        evaluate(truth, output, Options(), *outputs[2:])
        for here, there in zip(outputs[:2], outputs[2:], strict=True):
            assert UrlPath(there).read_bytes() == Path(here).read_bytes()
    with pytest.raises(InputError, match="one of the inputs"):
        evaluate(truth, output, Options(), output)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"features": "s3://bucket/absent"}, "s3://bucket/absent.*check the address"),
        ({"workdir": "s3://no-such-bucket/gtad"}, "s3://no-such-bucket/gtad"),
        ({"features": "https://host/features"}, "https://host/features: .*lists no folders"),
        ({"output": "s3://no-such-bucket/a.json"}, "--output=s3://no-such-bucket/a.json: .*bucket"),
        ({"output": "https://host/out.json"}, "--output=https://host/out.json: .*no files"),
    ],
)
def test_what_is_not_there_is_one_line(local, tmp_path, changed, words):
    with pytest.raises(InputError, match=words) as caught:
        run_detect(local, **({"output": tmp_path / "out.json"} | changed))
    assert "\n" not in str(caught.value) and not (tmp_path / "out.json").exists()


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


def test_predictions_from_and_to_a_bucket(local, bucket, tmp_path, capsys):
    videos = find_videos([local / "videos"], {})
    expected = Predictor(local / "model", local / "gtad").write(videos, tmp_path / "local.json")
    models = f"{bucket}/model", f"{bucket}/gtad"
    output = UrlPath(f"{bucket}/out/predictions.json")
    interrupt_after_first_answer(
        *("bsp_tf.predict", output, local / "videos", "--nopage"),
        *(f"--model={models[0]}", f"--gtad={models[1]}"),
        number=signal.SIGKILL,
    )
    partial = read(str(output))["external_data"]["videos"]
    assert [about["complete"] for about in partial.values()] == [False]
    capsys.readouterr()
    found = Predictor(*models).write(videos, output)
    assert "one: goes on at second" in capsys.readouterr().out
    assert (
        found.sections
        == expected.sections
        == {name: read(str(output))[name] for name in expected.sections}
    )
    assert found.videos["one"]["uri"] == (local / "videos" / "one.mp4").as_uri()
    kept = tmp_path / "cache" / "bsp_tf" / "outputs"
    assert not any(path.is_file() for path in kept.rglob("*"))


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
