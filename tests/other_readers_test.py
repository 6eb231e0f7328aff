"""Records as other programs read them: plain TensorFlow, DMVR, the Model Garden."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

PROJECT = Path(__file__).resolve().parents[1]
PAGE = "docs/tfrecords.md"


@pytest.fixture(scope="module")
def folder(make_video, tmp_path_factory):
    """A folder with records/train of five clips in two classes."""
    root = tmp_path_factory.mktemp("project")
    for i in range(5):
        make_video(
            root / "clips" / ("jump", "run up")[i % 2] / f"{i}.mp4", num_frames=8 + i, seed=i
        )
    subprocess.run(
        [
            sys.executable,
            "-m",
            "tfrecords_tools.convert",
            f"--input={root / 'clips'}",
            "--num_shards=2",
            f"--output={root / 'records' / 'train'}",
            "--workers=1",
        ],
        cwd=PROJECT,
        check=True,
    )
    return root


def blocks() -> list[str]:
    """The Python blocks of the page: reading records, then batches of them."""
    return re.findall(r"^```python\n(.*?)^```$", (PROJECT / PAGE).read_text(), re.M | re.S)


def run_isolated(code: str, folder: Path) -> list[str]:
    """Lines that a program prints which can import neither this project nor the current folder."""
    run = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_the_page_reads_records_in_twelve_lines():
    assert len([line for line in blocks()[0].splitlines() if line.strip()]) <= 12


def test_the_page_runs_with_plain_tensorflow(folder):
    summary = "print(sorted((frames.shape.as_list(), int(label)) for frames, label in clips))\n"
    lines = run_isolated(blocks()[0] + summary + blocks()[1], folder)
    assert lines[:3] == [f"(8, 48, 64, 3) {line.split()[-1]}" for line in lines[:3]]
    assert lines[3] == str([([8, 48, 64, 3], label) for label in (0, 0, 0, 1, 1)])
    assert [line.partition(" [")[0] for line in lines[4:]] == [
        "(4, 8, 112, 112, 3)",
        "(1, 8, 112, 112, 3)",
    ]


def test_types_that_dmvr_and_the_model_garden_ask_for(folder):
    # dmvr.modalities.add_image and add_label; official/vision/dataloaders/video_input.py, Decoder:
    # the same types.
    context_types = {
        "clip/label/index": tf.io.VarLenFeature(tf.int64),
        "clip/label/text": tf.io.VarLenFeature(tf.string),
    }
    list_types = {"image/encoded": tf.io.FixedLenSequenceFeature((), tf.string)}
    # dmvr/examples/generate_from_file.py writes these too.
    context_types |= {
        "clip/start/timestamp": tf.io.FixedLenFeature([], tf.int64),
        "clip/end/timestamp": tf.io.FixedLenFeature([], tf.int64),
        "video/filename": tf.io.FixedLenFeature([], tf.string),
    }
    shards = sorted(str(path) for path in (folder / "records" / "train").glob("clips-*"))
    seen = {}
    for record in tf.data.TFRecordDataset(shards):
        context, lists = tf.io.parse_single_sequence_example(record, context_types, list_types)
        label = tf.sparse.to_dense(context["clip/label/index"]).numpy().tolist()
        text = tf.sparse.to_dense(context["clip/label/text"]).numpy().tolist()
        seen[context["video/filename"].numpy().decode()] = (label, text)
        frames = [tf.io.decode_jpeg(frame, channels=3) for frame in lists["image/encoded"]]
        assert {frame.shape.as_list() == [48, 64, 3] for frame in frames} == {True}
        seconds = int(context["clip/end/timestamp"] - context["clip/start/timestamp"]) / 1e6
        assert seconds == pytest.approx(len(frames) / 25)
    assert seen == {
        f"{('jump', 'run up')[i % 2]}/{i}.mp4": ([i % 2], [(b"jump", b"run up")[i % 2]])
        for i in range(5)
    }
