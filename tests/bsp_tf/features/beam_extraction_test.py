"""The part of a Beam worker in an extraction: files, failures, one model a process."""

import dataclasses
import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.features.beam_extraction import (
    BeamExtraction,
    VideoTask,
    extract_task,
    extract_with_beam,
    video_worker,
)
from bsp_tf.features.extraction import extract_to, video_events

SETTINGS = {"window": 8, "frame_step": 1, "stride": 8, "short_side": 0, "model_sha256": "abc"}


@dataclasses.dataclass
class Means:
    """A snippet model without TensorFlow."""

    sha256: str

    def run(self, frames):
        return {"features": frames.mean((2, 3, 4), dtype=np.float32)[:, [0, -1]]}


loads = []


def load(path, trust):
    loads.append((path, trust))
    return Means("abc" if Path(path).name == "model" else "other")


@pytest.fixture(scope="module")
def videos(make_video, tmp_path_factory):
    root = tmp_path_factory.mktemp("input")
    paths = {str(i): make_video(root / f"{i}.mp4", num_frames=9 + i, seed=i) for i in range(3)}
    (root / "text.mp4").write_text("no video\n" * 20)
    return paths | {"text": root / "text.mp4"}


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def alone(videos, output):
    """The features as one machine makes them."""
    for name in sorted(set(videos) - {"text"}):
        events = video_events({name: videos[name]}, SETTINGS, 16)
        extract_to(output, name, events, Means("abc").run, SETTINGS, False)
    return files_of(output)


def test_a_worker_leaves_the_files_of_one_machine(videos, tmp_path):
    extraction = BeamExtraction(load, "model", True, SETTINGS, str(tmp_path / "out"), 16, False)
    loads.clear()
    for name, path in videos.items():
        result = tmp_path / "results" / name
        task = VideoTask(name, os.path.relpath(path), str(path), str(result))
        # Runners start workers as often as they like.
        with video_worker(extraction) as do:
            do(task)
    assert loads == [("model", True)]
    assert files_of(tmp_path / "out") == alone(videos, tmp_path / "alone")
    reason = json.loads(result.read_text())["reason"]
    assert reason.startswith(os.path.relpath(videos["text"])) and str(tmp_path) not in reason
    # What a lost worker has done is not done again.
    extract_task(task, extraction, run=None)


def test_another_model_on_a_worker_is_refused(tmp_path):
    extraction = BeamExtraction(load, "changed", False, SETTINGS, str(tmp_path), 16, False)
    with pytest.raises(InputError, match="changed"), video_worker(extraction):
        pass


@pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None,
    reason="apache-beam is not installed (pip install '.[beam]'): --runner=beam was NOT tested",
)
def test_with_beam(videos, tmp_path):
    """With relative paths, and the state of a run that was killed."""
    output = tmp_path / "out"
    (output / ".extract" / "killed").mkdir(parents=True)
    extraction = BeamExtraction(load, "model", False, SETTINGS, os.path.relpath(output), 16, False)
    relative = {name: Path(os.path.relpath(path)) for name, path in videos.items()}
    options = "--runner=DirectRunner --direct_running_mode=in_memory"
    results = dict(extract_with_beam(relative, extraction, options))
    assert sorted(results) == sorted(videos)
    assert str(results["text"]).startswith(f"{relative['text']}: ")
    assert results["1"]["num_frames"] == 10
    assert files_of(output) == alone(videos, tmp_path / "alone")
    assert list(extract_with_beam({}, extraction, options)) == []
