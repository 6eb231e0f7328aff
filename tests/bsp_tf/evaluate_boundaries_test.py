"""Scoring of boundaries, as a user runs it."""

import csv
import json
import re
import subprocess
import sys

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.evaluate import evaluate_boundaries
from tests.fixtures import warm_python

TRUTH = {
    "a": {"substages_timestamps": [[2, 5, 8], [2]], "video_duration": 10, "f1_consis_avg": 0.8},
    "b": {"substages_timestamps": [[5]], "video_duration": 20, "f1_consis_avg": 0.8},
}
ROWS = [{"time": 2.4, "type": "same_class", "score": 0.9}, {"time": 4.0, "score": 0.4}]


@pytest.fixture
def flags(tmp_path):
    """Flags of the command for both files and an output."""
    (tmp_path / "gt.json").write_text(json.dumps(TRUTH))
    (tmp_path / "p.json").write_text(json.dumps({"results": {"a": ROWS, "b": [], "c": []}}))
    names = {"ground_truth": "gt.json", "predictions": "p.json", "output": "scores.json"}
    return ["--boundaries", *(f"--{flag}={tmp_path / name}" for flag, name in names.items())]


def run(*arguments):
    return warm_python.run("-m", "bsp_tf.evaluate", *arguments)


def test_command_writes_and_prints_the_scores(flags, tmp_path):
    done = run(*flags)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "scores.json").read_text())
    # At .05 one of two predictions finds one of 1 + 1, the second annotator of "a" being the best;
    # from .1 on both find two of 3 + 1, the first being the best.
    assert written["f1"] == pytest.approx([0.5] + [2 / 3] * 9)
    assert written["average_f1"] == pytest.approx(0.65)
    assert written["precision"] == [0.5] + [1] * 9 and written["recall"] == [0.5] * 10
    assert (written["num_predictions"], written["num_videos"]) == (2, 2)
    assert written["warnings"] == {"unknown_videos": 1}
    assert re.search(
        r"2 videos\ndistance +0\.05 +0\.1 .* 0\.5 +average\nprecision % +50\.00 +100\.00.*\n"
        r"recall % +50\.00.* 50\.00\nF1 % +50\.00 +66\.67.* 65\.00\nnote: 1 videos .*: 'c'\n",
        done.stdout,
    )


def test_min_score(flags, tmp_path):
    done = run(*flags, "--min_score=0.5", f"--output={tmp_path / 's.csv'}")
    assert "note: 1 predicted boundaries below --min_score" in done.stdout
    header, *rows = csv.reader((tmp_path / "s.csv").open())
    assert header[:2] == ["distance", "0.05"] and header[-1] == "average"
    assert [row[0] for row in rows] == ["precision", "recall", "F1"]
    # One prediction left: in "a" the second annotator counts, with one boundary.
    assert [float(rows[0][1]), float(rows[1][1])] == [1, 0.5]


def test_markdown(flags, tmp_path):
    evaluate_boundaries(tmp_path / "gt.json", tmp_path / "p.json", output=tmp_path / "s.md")
    lines = (tmp_path / "s.md").read_text().splitlines()
    assert lines[0].startswith("| distance | 0.05 |") and lines[-1].startswith("| **F1** | **50.00")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--recall"], "--recall .*--boundaries"),
        (["--tiou=0.5"], "--tiou .*--boundaries"),
        (["--errors=e.json"], "--errors .*--boundaries"),
        (["--noboundaries", "--min_score=1"], "--min_score .*--boundaries"),
        (["--output=x.txt"], r"--output=x\.txt"),
    ],
)
def test_flags_that_do_not_go_together(flags, more, words):
    done = run(*flags, *more)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert re.search(words, done.stderr)


def test_a_detections_file_is_no_file_of_boundaries(flags, tmp_path):
    row = {"label": "jump", "segment": [1, 2], "score": 0.5}
    (tmp_path / "p.json").write_text(json.dumps({"results": {"a": [row]}}))
    done = run(*flags)
    assert done.returncode == 2
    assert re.fullmatch(r"error: .*p\.json: video 'a', entry 0 has no key 'time'.*\n", done.stderr)
    assert not (tmp_path / "scores.json").exists()


def test_an_output_among_the_inputs_is_refused(flags, tmp_path):
    before = (tmp_path / "gt.json").read_bytes()
    with pytest.raises(InputError, match=r"--output=.*gt\.json"):
        evaluate_boundaries(tmp_path / "gt.json", tmp_path / "p.json", output=tmp_path / "gt.json")
    assert (tmp_path / "gt.json").read_bytes() == before


def test_never_imports_what_is_slow_to_load():
    code = (
        "import sys, bsp_tf.evaluation.gebd.predictions, bsp_tf.evaluation.gebd.ground_truth\n"
        "sys.exit(' '.join({'tensorflow', 'keras', 'scipy', 'matplotlib'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
