"""From a folder of features and annotations to class scores that bsp_tf.detect reads."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.classify_videos.__main__ import classify_videos
from bsp_tf.classify_videos.settings import Settings
from bsp_tf.localization.class_scores import class_scores_from_file
from tests.fixtures import warm_python
from tests.fixtures.small_videos import CLASSES, write_annotations, write_features

SETTINGS = Settings(num_folds=2, num_steps=16, fewest_updates=60, epochs=1)
TRAINING = {f"train_{i}": [CLASSES[i % 3]] for i in range(15)}
VALIDATION = {f"v_val_{i}": [CLASSES[i % 3]] for i in range(3)}
TESTING = {"test_0": []}


@pytest.fixture
def world(tmp_path):
    """Arguments of the call."""
    features = write_features(tmp_path / "features", TRAINING | VALIDATION | TESTING)
    subsets = {"training": TRAINING, "validation": VALIDATION, "testing": TESTING}
    return {
        "features": str(features),
        "annotations": str(write_annotations(tmp_path / "annotations.json", subsets)),
        "output": str(tmp_path / "out" / "scores.json"),
    }


def run(world, **changed):
    arguments = {"settings": SETTINGS} | world | changed
    about = classify_videos(**arguments)
    content = json.loads(Path(arguments["output"]).read_text())
    assert content["external_data"] == about
    return content


def test_all_videos_get_scores_that_detection_reads(world, capsys):
    content = run(world)
    assert content["class"] == list(CLASSES)
    assert sorted(content["results"]) == sorted(TRAINING | VALIDATION | TESTING)
    scores = class_scores_from_file(world["output"], CLASSES)
    # Ids with and without "v_".
    np.testing.assert_array_equal(scores.of_video("val_1"), content["results"]["v_val_1"])
    assert scores.of_video("test_0").sum() == pytest.approx(1, abs=1e-5)
    accuracy = content["external_data"]["accuracy"]
    assert {name: row["videos"] for name, row in accuracy.items()} == {
        "training": 15,
        "validation": 3,
    }
    assert set(accuracy["training"]) == {"videos", "top1", "mAP"}
    assert content["external_data"]["settings"]["num_folds"] == 2
    assert "already done" not in capsys.readouterr().out
    assert os.listdir(os.path.dirname(world["output"])) == ["scores.json"]


def test_a_finished_output_is_reused_and_never_mixed(world, capsys):
    first = run(world)
    assert run(world) == first and "already done" in capsys.readouterr().out
    with pytest.raises(InputError, match="seed was 0, is now 1"):
        classify_videos(**world, settings=dataclasses.replace(SETTINGS, seed=1))
    array = np.load(f"{world['features']}/train_0.npy")
    np.save(f"{world['features']}/train_0.npy", array + 1)
    assert run(world)["external_data"]["inputs"] != first["external_data"]["inputs"]
    assert "already done" not in capsys.readouterr().out


def test_the_order_of_the_annotations_does_not_count(world, tmp_path):
    first = run(world)
    database = json.loads(Path(world["annotations"]).read_text())["database"]
    turned = tmp_path / "turned.json"
    turned.write_text(json.dumps({"database": dict(reversed(database.items()))}))
    again = run(world, annotations=str(turned), output=str(tmp_path / "again.json"))
    assert again["results"] == first["results"]


def test_videos_left_out_and_classes_never_seen_are_named(world, capsys):
    os.remove(f"{world['features']}/v_val_2.npy")
    np.save(f"{world['features']}/train_3.npy", np.full((9, 6), np.nan, np.float32))
    annotations = Path(world["annotations"])
    database = json.loads(annotations.read_text())["database"]
    database["test_0"]["annotations"] = [{"segment": [0, 1], "label": "fly"}]
    database["nowhere"] = {"subset": "testing", "duration": 3, "annotations": []}
    annotations.write_text(json.dumps({"database": database}))
    content = run(world)
    assert content["class"] == ["fly", *CLASSES]
    assert set(content["external_data"]["left_out"]) == {"nowhere", "train_3", "v_val_2"}
    assert not set(content["external_data"]["left_out"]) & set(content["results"])
    printed = capsys.readouterr().out
    assert "3 of 20 videos left out" in printed and "train_3" in printed
    assert "without a training video" in printed and "fly" in printed
    with pytest.raises(InputError, match="'nowhere'"):
        class_scores_from_file(world["output"], CLASSES).of_video("nowhere")


def test_bad_input_leaves_nothing(world, tmp_path):
    annotations = tmp_path / "one_class.json"
    write_annotations(annotations, {"training": {name: ["run"] for name in TRAINING}})
    for changed, words in [
        ({"train_subset": "trainning"}, "'trainning'.*'training'"),
        ({"streams": ["flow"]}, "'flow'"),
        ({"annotations": str(annotations)}, "one class"),
        ({"settings": Settings(num_folds=16)}, "--folds=16 for 15"),
        ({"features": str(tmp_path / "nothing")}, "nothing"),
        ({"output": world["annotations"]}, "--output"),
    ]:
        with pytest.raises(InputError, match=words):
            run(world, **changed)
    assert not os.path.exists(world["output"])


def test_features_and_output_on_a_server(world, tmp_path, monkeypatch):
    files = pytest.importorskip("fsspec", reason="NOT TESTED: no fsspec").filesystem("memory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    features = f"memory://{tmp_path.name}/features"
    files.put(world["features"], features, recursive=True)
    expected, output = run(world), f"memory://{tmp_path.name}/scores.json"
    about = classify_videos(**world | {"features": features, "output": output}, settings=SETTINGS)
    found = json.loads(files.cat_file(output))
    assert found["results"] == expected["results"] and found["external_data"] == about
    assert str(tmp_path / "cache") not in json.dumps(about)


def command(world):
    return [f"--{name}={value}" for name, value in world.items()]


def test_the_command_prints_cross_validated_accuracy(world):
    done = warm_python.run("-m", "bsp_tf.classify_videos", "--folds=2", *command(world))
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["training,", "cross-validated", "15"] in [line[:3] for line in lines]
    assert ["validation", "3"] in [line[:2] for line in lines]
    assert os.path.exists(world["output"])


@pytest.mark.thorough
def test_a_killed_run_leaves_no_output_and_the_next_one_is_whole(world):
    process = warm_python.Process("-m", "bsp_tf.classify_videos", *command(world))
    process.wait_until(lambda: "classifier:  1" in process.errors)
    process.kill()
    process.wait()
    assert not os.path.exists(world["output"])
    assert len(run(world)["results"]) == 19
