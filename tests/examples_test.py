"""The examples, run as programs: on real records, a real SavedModel, features and detections."""

import ast
import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from packaging.requirements import Requirement

from bsp_tf.export import evaluation_input, export_two_stream
from bsp_tf.features.store import write_metadata, write_video
from bsp_tf.models.tsm import TSM
from bsp_tf.records.schema import Clip, encode_clip

PROJECT = Path(__file__).resolve().parents[1]
CLASSES = ("jump", "run up")


def run_example(name: str, *arguments: object, project: bool = False) -> str:
    """What an example prints; only with `project` can it import this project."""
    run = subprocess.run(
        [sys.executable, str(PROJECT / "examples" / name), *map(str, arguments)],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT) if project else ""},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.thorough
def test_records_are_read_in_batches(make_video, tmp_path):
    for i in range(6):
        path = tmp_path / "clips" / CLASSES[i % 2] / f"{i}.mp4"
        make_video(path, num_frames=(5, 12)[i // 3], seed=i)
    convert = [sys.executable, "-m", "tfrecords_tools.convert", "--workers=1", "--num_shards=2"]
    flags = [f"--input={tmp_path / 'clips'}", f"--output={tmp_path / 'records'}"]
    subprocess.run([*convert, *flags], cwd=PROJECT, check=True, capture_output=True)
    output = run_example(
        "read_records.py", f"--records={tmp_path / 'records'}", "--size=32", "--batch_size=3"
    )
    lines = output.splitlines()
    assert len(lines) == 3
    for line in lines:
        shape, labels = re.fullmatch(r"(\(.*\)) uint8 (\[.*\])", line).groups()
        assert shape == "(3, 8, 32, 32, 3)" and set(ast.literal_eval(labels)) <= set(CLASSES)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A small exported model; its folder is named as on the pages."""
    folder = tmp_path_factory.mktemp("pages") / "quickstart_output" / "two_stream"
    prepare = functools.partial(evaluation_input, short_side=40, crop_size=32)
    streams = TSM(2, depth=10, width=0.125), TSM(4, depth=10, width=0.125, input="rgb_diff")
    for seed, stream in enumerate(streams):
        keras.utils.set_random_seed(seed)
        stream.build()
    labels = CLASSES, ("diff_class", "same_class", "diff_speed", "same_speed")
    export_two_stream(*streams, *labels, {"num_frames": 8}, folder, prepare)
    return folder


@pytest.mark.thorough
def test_the_page_about_the_saved_model(model):
    page = (PROJECT / "docs" / "saved_model.md").read_text()
    code = re.search(r"^```python\n(.*?)^```$", page, re.M | re.S)[1]
    compare = "\nassert outputs['features'].shape == features.shape\n"
    run = subprocess.run(
        [sys.executable, "-I", "-c", code + compare],
        cwd=model.parents[1],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("(2, 128) ")


@pytest.mark.thorough
def test_the_saved_model_describes_a_folder_of_frames(model, tmp_path):
    (tmp_path / "frames").mkdir()
    frames = np.random.default_rng(0).integers(0, 256, (19, 48, 64, 3), dtype=np.uint8)
    for i, frame in enumerate(frames):
        jpeg = tf.io.encode_jpeg(frame).numpy()
        (tmp_path / "frames" / f"{i:06d}.jpg").write_bytes(jpeg)
    arguments = f"--model={model}", f"--frames={tmp_path / 'frames'}", "--batch_size=2"
    output = run_example("use_saved_model.py", *arguments, f"--output={tmp_path / 'out.npy'}")
    assert [line.split(":")[0] for line in output.splitlines()[:3]] == [
        "snippet 0",
        "snippet 1",
        "snippet 2",
    ]
    features = np.load(tmp_path / "out.npy")
    last = [
        tf.io.read_file(str(tmp_path / "frames" / f"{min(i, 18):06d}.jpg")) for i in range(16, 24)
    ]
    expected = tf.saved_model.load(str(model)).signatures["encoded"](jpegs=tf.stack([last]))
    assert features.shape == (3, 128)
    np.testing.assert_allclose(features[2:], expected["features"], rtol=1e-3, atol=1e-4)


@pytest.fixture
def annotated_features(tmp_path) -> tuple[Path, Path]:
    """Features of nine videos that show their class in one column, and annotations."""
    rng = np.random.default_rng(0)
    folder, database, entries = tmp_path / "features", {}, {}
    for number in range(9):
        name, label = f"video_{number}", number % 2
        # 25 snippets of 8 frames at 8 fps: a second each; the action is from 5 to 15 s.
        features = rng.normal(size=(25, 6)).astype(np.float32)
        features[5:15, label] += 8
        about = {"num_snippets": 25, "fps": 8.0}
        write_video(folder, name, features, {}, about)
        entries[name] = about
        database[name] = {
            "subset": "training" if number < 6 else "validation",
            "duration": 25.0,
            "annotations": [{"segment": [5.0, 15.0], "label": CLASSES[label]}],
        }
    settings = {"window": 8, "frame_step": 1, "stride": 8, "feature_dim": 6}
    write_metadata(folder, {**settings, "streams": {"action": [0, 6]}}, entries)
    annotations = tmp_path / "annotations.json"
    annotations.write_text(json.dumps({"database": database}))
    return folder, annotations


@pytest.mark.thorough
def test_a_head_is_trained_on_features(annotated_features, tmp_path):
    folder, annotations = annotated_features
    head = tmp_path / "head.keras"
    output = run_example(
        "finetune_head.py",
        f"--features={folder}",
        f"--annotations={annotations}",
        f"--output={head}",
    )
    assert "150 snippets for training, 75 for validation" in output
    accuracy, chance = map(float, re.findall(r"\b[01]\.\d{3}\b", output))
    assert accuracy > 0.9 and chance == 0.6
    answers = keras.models.load_model(head).predict(np.load(folder / "video_8.npy"), verbose=0)
    assert answers.shape == (25, 3)


def test_a_file_is_scored(annotated_features, tmp_path):
    _, annotations = annotated_features
    predictions = tmp_path / "detections.json"
    found = [{"segment": [5.0, 15.0], "label": CLASSES[0], "score": 0.9}]
    predictions.write_text(json.dumps({"results": {"video_6": found, "video_8": found}}))
    arguments = f"--ground_truth={annotations}", f"--predictions={predictions}"
    output = run_example("score_file.py", *arguments, project=True)
    assert "3 segments of 2 classes, 2 detections" in output
    assert "average mAP 0.5000" in output and "jump 1.0000" in output
    assert "note: 1 classes without a prediction" in output


FOREIGN = PROJECT / "examples" / "finetune_with_addons"
ABOUT_AN_ENVIRONMENT = """
import importlib.metadata, importlib.util, json
versions = {package.name: package.version for package in importlib.metadata.distributions()}
print(json.dumps([versions, importlib.util.find_spec("bsp_tf") is not None]))
"""


@pytest.fixture(scope="module")
def foreign_python(tmp_path_factory) -> str:
    """The first Python that has what the foreign project requires; it cannot import this one."""
    requirements = [
        Requirement(line) for line in (FOREIGN / "requirements.txt").read_text().splitlines()
    ]
    for python in (os.environ.get("BSP_TF_OTHER_STACK", ""), sys.executable):
        if not Path(python).is_file():
            continue
        command = [python, "-I", "-c", ABOUT_AN_ENVIRONMENT]
        output = subprocess.check_output(command, cwd=tmp_path_factory.mktemp("foreign"))
        versions, has_this_project = json.loads(output)
        if all(
            versions.get(wanted.name) and wanted.specifier.contains(versions[wanted.name])
            for wanted in requirements
        ):
            assert not has_this_project, f"{python} has bsp_tf: the example would prove nothing"
            return python
    pytest.skip(
        f"NOT TESTED: {FOREIGN.name}; neither this Python nor that of BSP_TF_OTHER_STACK has its "
        "requirements: make setup-tf215"
    )


def write_bright_and_dark(folder: Path, clips_a_class: int, seed: int) -> list[list[bytes]]:
    """Two shards of clips that even an untrained network tells apart; returns all their frames."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    clips = []
    for shard in range(2):
        with tf.io.TFRecordWriter(str(folder / f"clips-{shard:05d}-of-00002")) as writer:
            for number in range(clips_a_class):
                shift = 150 * (number % 2)
                images = rng.integers(shift, shift + 100, (11, 36, 48, 3)).astype(np.uint8)
                frames = [tf.io.encode_jpeg(image).numpy() for image in images]
                clip = Clip(frames, number % 2, CLASSES[number % 2], 0, 0.44, "a.mp4", 25.0, 36, 48)
                writer.write(encode_clip(clip))
                clips.append(frames)
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    return clips


@pytest.mark.parametrize("place", ["local", "s3"])
def test_a_foreign_project_trains_a_head_with_io_and_addons(
    foreign_python, model, place, tmp_path, request
):
    write_bright_and_dark(tmp_path / "train", 12, seed=0)
    clips = write_bright_and_dark(tmp_path / "validation", 6, seed=1)
    records = {"train": "train", "validation": "validation"}
    if place == "s3":
        upload = request.getfixturevalue("upload")
        records = {part: upload(tmp_path / part, part) for part in records}
    run = subprocess.run(
        [foreign_python, "-I", FOREIGN / "finetune.py", f"--model={model}", "--output=head.keras"]
        + [f"--{part}={folder}" for part, folder in records.items()]
        + ["--snippets=2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert run.returncode == 0, run.stderr
    assert "24 clips for training, 12 for validation, 2 classes" in run.stdout
    accuracy, f1 = map(float, re.findall(r"\b[01]\.\d{3}\b", run.stdout))
    assert accuracy > 0.9 and f1 > 0.9
    assert (tmp_path / "head.keras").is_file()
    with h5py.File(tmp_path / "validation.h5") as file:
        features, labels = file["features"][:], file["labels"][:]
    assert sorted(labels) == [0] * 6 + [1] * 6
    # The same features on this stack: two snippets of a clip, from its first and its fourth frame.
    encode = tf.saved_model.load(str(model)).signatures["encoded"]
    expected = [
        encode(jpegs=tf.constant([frames[:8], frames[3:]]))["features"].numpy().mean(0)
        for frames in clips
    ]
    sort = functools.partial(sorted, key=np.sum)
    np.testing.assert_allclose(sort(features), sort(expected), rtol=1e-3, atol=1e-4)
