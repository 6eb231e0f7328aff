"""Records as programs read them that know nothing of this project: the snippets of the pages, DMVR,
Model Garden.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

PROJECT = Path(__file__).resolve().parents[1]
PAGES = ("docs/tfrecords.md",)


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


def snippets() -> list:
    """Every Python block of the pages that parses records."""
    found = []
    for page in PAGES:
        for block in re.findall(
            r"^```python\n(.*?)^```$", (PROJECT / page).read_text(), re.M | re.S
        ):
            if "parse_single_sequence_example" in block:
                found.append(pytest.param(block, id=page))
    return found


def test_the_pages_hold_a_snippet_of_twelve_lines():
    assert snippets()
    for snippet in snippets():
        assert len([line for line in snippet.values[0].splitlines() if line.strip()]) <= 12


@pytest.mark.parametrize("snippet", snippets())
def test_snippets_run_with_plain_tensorflow(snippet, folder):
    summary = "\nprint(sorted((frames.shape.as_list(), int(label)) for frames, label in clips))"
    # Isolated: neither this project nor the current folder can be imported.
    run = subprocess.run(
        [sys.executable, "-I", "-c", snippet + summary], cwd=folder, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == str(
        [([8, 48, 64, 3], label) for label in (0, 0, 0, 1, 1)]
    )


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
