"""The scoring command: as a user runs it, and its parts."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from bsp_tf import evaluate
from bsp_tf.base.errors import InputError

ROWS = [{"segment": [0, 10], "label": "jump"}, {"segment": [20, 30], "label": "run"}]
TRUTH = {"database": {"v": {"subset": "validation", "annotations": ROWS}}}
GOOD = {"label": "jump", "score": 0.9, "segment": [0, 8]}


@pytest.fixture
def files(tmp_path):
    """A function that writes both files and returns their flags; the output is scores.json."""

    def write(results, truth=TRUTH):
        (tmp_path / "gt.json").write_text(json.dumps(truth))
        (tmp_path / "p.json").write_text(json.dumps({"results": results}))
        names = {"ground_truth": "gt.json", "predictions": "p.json", "output": "scores.json"}
        return [f"--{flag}={tmp_path / name}" for flag, name in names.items()]

    return write


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "bsp_tf.evaluate", *arguments], capture_output=True, text=True, check=False
    )


def test_command_writes_and_prints_the_scores(files, tmp_path):
    ended = run(*files({"v": [GOOD, {"label": "fly", "score": 1, "segment": [0, 1]}]}), "--tiou=0.5:0.1:0.9")
    assert ended.returncode == 0, ended.stderr
    written = json.loads((tmp_path / "scores.json").read_text())
    assert written == {
        "tiou": np.linspace(0.5, 0.9, 5).tolist(),
        "mAP": [0.5, 0.5, 0.5, 0.5, 0],
        "average_mAP": pytest.approx(0.4),
        "ap": {"jump": [1, 1, 1, 1, 0], "run": [0] * 5},
        "warnings": {"predictions_with_unknown_label": 1, "classes_without_predictions": 1},
    }
    assert re.search(
        r"tIoU +0\.5 +0\.6 +0\.7 +0\.8 +0\.9 +average\nmAP % +50\.00.* 0\.00 +40\.00\n", ended.stdout
    )
    assert "1 predictions with a label that this ground truth lacks (ignored): 'fly'" in ended.stdout


def test_bad_input_is_one_line_and_status_2(files, tmp_path):
    flags = files({"v": [GOOD, {"label": "jump", "segment": [0, 1]}]})
    ended = run(*flags)
    assert ended.returncode == 2 and ended.stdout == ""
    assert re.fullmatch(r"error: .*p\.json: video 'v', entry 1 has no key 'score'.*\n", ended.stderr)
    assert not (tmp_path / "scores.json").exists()


@pytest.mark.parametrize(("module", "heavy"), [
    ("bsp_tf.evaluate", {"tensorflow", "keras", "scipy", "matplotlib", "av"}),
    ("bsp_tf.evaluation.joint_auc", {"tensorflow", "keras", "matplotlib", "av"})])
def test_never_imports_what_is_slow_to_load(module, heavy):
    code = f"import sys, {module}; sys.exit(' '.join({heavy!r} & set(sys.modules)) or 0)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_without_an_output_nothing_is_written(files, tmp_path):
    truth, predictions, _ = (flag.split("=", 1)[1] for flag in files({"v": [GOOD]}))
    scores = evaluate.evaluate(truth, predictions, "validation", np.array([0.5]))
    assert scores.average == 0.5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gt.json", "p.json"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5:0.05:0.95", np.linspace(0.5, 0.95, 10)),
        ("0.3:0.1:0.7", np.linspace(0.3, 0.7, 5)),
        ("0.1:0.1:1", np.linspace(0.1, 1, 10)),
        ("0.5,0.75,0.95", [0.5, 0.75, 0.95]),
        ("0.5", [0.5]),
        ("0.5:0.1:0.5", [0.5]),
    ],
)
def test_grids(text, expected):
    np.testing.assert_array_equal(evaluate.parse_tiou(text), expected)


@pytest.mark.parametrize(
    "text",
    ["", "a", "0.5:0.95", "0.5:0:0.9", "0.5:-0.1:0.3", "0.9:0.1:0.5", "0:0.1:0.5", "0.5:0.1:1.5",
     "0.5:0.2:0.8", "0.5,,0.7", "0.5,1.2", "nan", "0.5:nan:0.9", "0.1:0.000001:0.9", "0.5:0.1:0.7:0.8", "inf"],
)  # fmt: skip
def test_impossible_grids_are_refused(text):
    with pytest.raises(InputError, match="--tiou"):
        evaluate.parse_tiou(text)


def test_a_fine_grid_prints_its_average_only(files):
    truth, predictions, _ = (flag.split("=", 1)[1] for flag in files({"v": [GOOD]}))
    scores = evaluate.evaluate(truth, predictions, "validation", evaluate.parse_tiou("0.1:0.01:0.9"))
    assert max(map(len, evaluate.format_scores(scores).splitlines())) < 100


def test_names_that_a_terminal_cannot_show(files):
    flags = files({"v": [GOOD, {"label": "\ud800\n", "score": 1, "segment": [0, 1]}]})
    truth, predictions, _ = (flag.split("=", 1)[1] for flag in flags)
    text = evaluate.format_scores(evaluate.evaluate(truth, predictions, "validation", np.array([0.5])))
    assert r"'\ud800\n'" in text and text.isascii()


@pytest.mark.parametrize("name", ["p.json", "gt.json"])
def test_the_output_is_none_of_the_inputs(files, tmp_path, name):
    files({"v": [GOOD]})
    before = (tmp_path / name).read_bytes()
    with pytest.raises(InputError, match=f"{name} is one of the inputs"):
        evaluate.evaluate(tmp_path / "gt.json", tmp_path / "p.json", "validation", [0.5], tmp_path / name)
    assert (tmp_path / name).read_bytes() == before
