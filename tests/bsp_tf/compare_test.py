"""The comparing command: as a user runs it, and its parts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.compare import split_sides

PROJECT = Path(__file__).resolve().parents[2]
TRUTH = {
    "database": {
        f"v{i}": {
            "subset": "validation",
            "annotations": [{"segment": [i, i + 10], "label": "jump" if i % 2 else "run"}],
        }
        for i in range(12)
    }
}


def detections(shift: float) -> dict:
    """Every segment, moved by so many seconds; a better score for later videos."""
    return {
        "results": {
            video: [
                {
                    "segment": [time + shift for time in item["segment"]],
                    "label": item["label"],
                    "score": index / 20,
                }
                for item in entry["annotations"]
            ]
            for index, (video, entry) in enumerate(TRUTH["database"].items())
        }
    }


@pytest.fixture
def files(tmp_path):
    """A folder with the ground truth and the detections of three runs, the worst last."""
    (tmp_path / "gt.json").write_text(json.dumps(TRUTH))
    for name, shift in (("a", 0.5), ("a2", 1.0), ("b", 4.0)):
        (tmp_path / f"{name}.json").write_text(json.dumps(detections(shift)))
    return tmp_path


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "bsp_tf.compare", "--ground_truth=gt.json", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )


def test_command_prints_and_writes_the_differences(files):
    outputs = ("--output=out/c.json", "--figure=out/c.svg")
    ended = run(files, "a.json", "b.json", "--resamples=200", "--tiou=0.3,0.7", *outputs)
    assert ended.returncode == 0, ended.stderr
    rows = {line.split()[0]: line.split()[1:] for line in ended.stdout.splitlines()}
    # Moved by 4 of 10 seconds, tIoU is 6/14.
    assert rows["mAP@0.3"] == ["100.00", "100.00", "+0.00", "[+0.00,", "+0.00]", "holds", "0"]
    assert rows["mAP@0.7"] == ["100.00", "0.00", "-100.00", "[-100.00,", "-100.00]"]
    assert "200 resamples of 12 videos with 12 segments" in ended.stdout
    assert "not of seeds" in ended.stdout
    written = json.loads((files / "out" / "c.json").read_text())
    assert (written["a"], written["b"], written["videos"]) == (["a.json"], ["b.json"], 12)
    assert written["measures"]["mAP@0.7"] == {
        "a": 1.0,
        "b": 0.0,
        "difference": -1.0,
        "interval": [-1.0, -1.0],
        "holds_zero": False,
    }
    assert "mAP@0.7" in (files / "out" / "c.svg").read_text()


def test_several_runs_a_side(files):
    arguments = ("a.json,a2.json", "b.json,b.json", "--resamples=100", "--output=c.json")
    ended = run(files, *arguments)
    assert ended.returncode == 0, ended.stderr
    assert "A: a.json, a2.json\nB: b.json, b.json\n" in ended.stdout
    assert "videos and of seeds (2 and 2)" in ended.stdout
    written = json.loads((files / "c.json").read_text())
    assert written["covers_seeds"] and written["measures"]["mAP@0.85"]["a"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.json"], "1 arguments"),
        (["a.json", "b.json", "c.json"], "unexpected argument 'c.json'"),
        (["a.json", "missing.json"], "missing.json"),
        (["a.json", "b.json", "--output=b.json"], "--output=b.json is one of the inputs"),
        (["a.json", "b.json", "--output=c.csv"], "--output=c.csv"),
        (["a.json", "b.json", "--figure=c.txt"], "--figure=c.txt"),
        (["a.json", "b.json", "--resamples=5"], "5 resamples"),
    ],
)
def test_bad_input_is_one_line_and_status_2(files, arguments, message):
    ended = run(files, *arguments)
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr.count("\n") == 1 and message in ended.stderr


def test_sides():
    assert split_sides(["a,b", "c"]) == (["a", "b"], ["c"])
    for arguments in ([], ["a", "b,"], ["", "b"]):
        with pytest.raises(InputError, match="A.json"):
            split_sides(arguments)
