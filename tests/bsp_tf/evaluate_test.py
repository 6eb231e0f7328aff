"""The scoring command: as a user runs it, and its parts."""

import csv
import gzip
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from bsp_tf import evaluate
from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.score_tables import format_scores
from bsp_tf.evaluation.thresholds import parse_tiou

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
        [sys.executable, "-m", "bsp_tf.evaluate", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_writes_and_prints_the_scores(files, tmp_path):
    ended = run(
        *files({"v": [GOOD, {"label": "fly", "score": 1, "segment": [0, 1]}]}), "--tiou=0.5:0.1:0.9"
    )
    assert ended.returncode == 0, ended.stderr
    written = json.loads((tmp_path / "scores.json").read_text())
    alone = written.pop("localization_alone")
    # Video v has both classes: the segment of "fly" finds nothing, that of "jump" one of two.
    assert alone["mAP"] == [0.25, 0.25, 0.25, 0.25, 0]
    assert alone["average_mAP"] == pytest.approx(0.2) and 0 < alone["AUC"] < 0.5
    assert len(alone["average_recall"]) == len(alone["proposals_per_video"]) == 100
    assert written == {
        "tiou": np.linspace(0.5, 0.9, 5).tolist(),
        "mAP": [0.5, 0.5, 0.5, 0.5, 0],
        "average_mAP": pytest.approx(0.4),
        "ap": {"jump": [1, 1, 1, 1, 0], "run": [0] * 5},
        "warnings": {"predictions_with_unknown_label": 1, "classes_without_predictions": 1},
    }
    assert re.search(
        r"tIoU +0\.5 +0\.6 +0\.7 +0\.8 +0\.9 +average\nmAP % +50\.00.* 0\.00 +40\.00\n"
        r"true classes % +25\.00.* 20\.00\n.*AR@1.*\nrecall % ",
        ended.stdout,
    )
    assert (
        "1 predictions with a label that this ground truth lacks (ignored): 'fly'" in ended.stdout
    )


def test_bad_input_is_one_line_and_status_2(files, tmp_path):
    flags = files({"v": [GOOD, {"label": "jump", "segment": [0, 1]}]})
    ended = run(*flags)
    assert ended.returncode == 2 and ended.stdout == ""
    assert re.fullmatch(
        r"error: .*p\.json: video 'v', entry 1 has no key 'score'.*\n", ended.stderr
    )
    assert not (tmp_path / "scores.json").exists()


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("bsp_tf.evaluate", {"tensorflow", "keras", "scipy", "matplotlib", "av"}),
        ("bsp_tf.evaluation.joint_auc", {"tensorflow", "keras", "matplotlib", "av"}),
    ],
)
def test_never_imports_what_is_slow_to_load(module, heavy):
    code = f"import sys, {module}; sys.exit(' '.join({heavy!r} & set(sys.modules)) or 0)"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_without_an_output_nothing_is_written(files, tmp_path):
    truth, predictions, _ = (flag.split("=", 1)[1] for flag in files({"v": [GOOD]}))
    scores = evaluate.evaluate(truth, predictions, evaluate.Options(tiou=np.array([0.5])))
    assert scores.average == 0.5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gt.json", "p.json"]


def test_a_fine_grid_prints_its_average_only(files):
    truth, predictions, _ = (flag.split("=", 1)[1] for flag in files({"v": [GOOD]}))
    scores = evaluate.evaluate(
        truth, predictions, evaluate.Options(tiou=parse_tiou("0.1:0.01:0.9"))
    )
    assert max(map(len, format_scores(scores).splitlines())) < 100


def test_names_that_a_terminal_cannot_show(files):
    flags = files({"v": [GOOD, {"label": "\u00e9\x1b\n", "score": 1, "segment": [0, 1]}]})
    truth, predictions, _ = (flag.split("=", 1)[1] for flag in flags)
    text = format_scores(
        evaluate.evaluate(truth, predictions, evaluate.Options(tiou=np.array([0.5])))
    )
    assert r"'\xe9\x1b\n'" in text and text.isascii()


@pytest.mark.parametrize("flag", ["output", "errors"])
@pytest.mark.parametrize("name", ["p.json", "gt.json"])
def test_an_output_among_the_inputs_is_refused(files, tmp_path, name, flag):
    files({"v": [GOOD]})
    before = (tmp_path / name).read_bytes()
    with pytest.raises(InputError, match=f"--{flag}=.*{name}"):
        evaluate.evaluate(
            tmp_path / "gt.json", tmp_path / "p.json", evaluate.Options(), **{flag: tmp_path / name}
        )
    assert (tmp_path / name).read_bytes() == before


def test_outputs_that_make_no_sense(files, tmp_path):
    truth, predictions, _ = (flag.split("=", 1)[1] for flag in files({"v": [GOOD]}))
    out = tmp_path / "x.json"
    for keys, words in (
        ({"output": tmp_path / "x.txt"}, r"--output=.*x\.txt.*\.json, \.csv, \.md"),
        ({"errors_figure": out}, "--errors_figure=.*.png"),
        ({"output": out, "errors": out}, "--output, --errors"),
    ):
        with pytest.raises(InputError, match=words):
            evaluate.evaluate(truth, predictions, evaluate.Options(), **keys)
    with pytest.raises(InputError, match="--errors.*--recall"):
        evaluate.evaluate(truth, predictions, evaluate.Options(recall=True), errors=out)
    assert not out.exists()


def test_reversed_ground_truths_are_left_out_and_counted(files):
    rows = [*ROWS, {"segment": [9, 3], "label": "jump"}, {"segment": [9, 3], "label": "swim"}]
    truth = {"database": {"v": {"subset": "validation", "annotations": rows}}}
    paths = [flag.split("=", 1)[1] for flag in files({"v": [GOOD]}, truth)[:2]]
    scores = evaluate.evaluate(*paths, evaluate.Options(tiou=np.array([0.5])))
    assert scores.average == 0.5 and scores.class_names == ["jump", "run"]
    assert scores.warnings["reversed_ground_truths"] == 2
    assert "2 ground-truth segments" in format_scores(scores)


def test_the_forms_that_training_reads_are_scored_alike(files, tmp_path):
    paths = [flag.split("=", 1)[1] for flag in files({"v": [GOOD]})[:2]]
    options = evaluate.Options(tiou=np.array([0.5, 0.9]))
    expected = evaluate.evaluate(*paths, options).to_json()
    assert expected["mAP"] == [0.5, 0]
    (tmp_path / "anno.json").write_text(json.dumps({"v_v": {"annotations": ROWS}}))
    (tmp_path / "info.csv").write_text("video,subset\nv_v,validation\n")
    rows = [f"v,{row['label']},{row['segment'][0]},{row['segment'][1]}" for row in ROWS]
    (tmp_path / "rows.csv").write_text("\n".join(["video,type,start,end", *rows]))
    (tmp_path / "subsets.csv.gz").write_bytes(gzip.compress(b"video,subset\nv,validation\n"))
    for names in ("anno.json,info.csv", "rows.csv,subsets.csv.gz"):
        truth = ",".join(f"{tmp_path}/{name}" for name in names.split(","))
        assert evaluate.evaluate(truth, paths[1], options).to_json() == expected
        for part in truth.split(","):
            with pytest.raises(InputError, match=f"--errors={part}"):
                evaluate.evaluate(truth, paths[1], options, errors=part)


def test_csv_and_markdown(files, tmp_path):
    flags = files(
        {"v": [GOOD]},
        {
            "database": {
                "v": {
                    "subset": "validation",
                    "annotations": [ROWS[0], {"segment": [20, 30], "label": 'up | "down",\nx'}],
                }
            }
        },
    )
    options = evaluate.Options(tiou=np.array([0.5, 0.75]))
    for suffix in ("csv", "md"):
        evaluate.evaluate(
            *(flag.split("=", 1)[1] for flag in flags[:2]), options, tmp_path / f"s.{suffix}"
        )
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["class", "0.5", "0.75", "average"],
        ["jump", "1.0", "1.0", "1.0"],
        ['up | "down",\nx', "0.0", "0.0", "0.0"],
        ["mAP", "0.5", "0.5", "0.5"],
    ]
    assert (tmp_path / "s.md").read_text().splitlines() == [
        "| class | 0.5 | 0.75 | average |",
        "|---|---:|---:|---:|",
        "| jump | 100.00 | 100.00 | 100.00 |",
        '| up \\| "down", x | 0.00 | 0.00 | 0.00 |',
        "| **mAP** | **50.00** | **50.00** | **50.00** |",
    ]


def test_per_class_table_has_the_best_first(files):
    run_segment = {"label": "run", "score": 1, "segment": [20, 30]}
    ended = run(*files({"v": [run_segment]})[:2], "--tiou=0.5", "--per_class")
    assert re.search(
        r"class .*\nrun +100.00 +100.00\njump +0.00 +0.00\nmAP % +50.00 +50.00\n", ended.stdout
    )


def test_blocked_videos_and_duplicates(files, tmp_path):
    truth = {
        "database": {
            "v": {"subset": "validation", "annotations": [ROWS[0], ROWS[0]]},
            "w": {"subset": "validation", "annotations": ROWS},
        }
    }
    flags = files({"v": [GOOD], "w": [GOOD]}, truth)[:2]
    (tmp_path / "blocked.txt").write_text("w\n\nelsewhere\n")
    ended = run(
        *flags, "--tiou=0.5", f"--blocked_videos={tmp_path / 'blocked.txt'}", "--remove_duplicates"
    )
    assert "100.00" in ended.stdout, ended.stderr
    for text in (
        "1 videos of this subset left out as blocked",
        "1 blocked names",
        "1 ground-truth segments left out",
    ):
        assert f"note: {text}" in ended.stdout


def test_recall_of_proposals_without_labels(files, tmp_path):
    flags = files({"v": [{"score": 1, "segment": [0, 10]}, {"score": 0.5, "segment": [20, 30]}]})
    ended = run(*flags, "--recall", "--max_proposals=2", "--tiou=0.5", "--exact_recall")
    assert re.search(r"AR@1 +AUC\npercent +50.00 ", ended.stdout), ended.stderr
    written = json.loads((tmp_path / "scores.json").read_text())
    assert written["proposals_per_video"][-1] == 2 and written["average_recall"][-1] == 1
    assert run(*flags, "--recall", "--max_proposals=0").stderr.count("\n") == 1


def test_recall_is_printed_where_there_is_one(files):
    """A hundredth of the proposals is the smallest number that has an average recall."""
    for most, numbers in (
        (100, (1, 5, 10, 50, 100)),
        (200, (5, 10, 50, 100)),
        (600, (10, 50, 100)),
    ):
        process = run(*files({"v": [GOOD]}), "--recall", f"--max_proposals={most}")
        assert process.returncode == 0, process.stderr
        assert re.findall(r"AR@(\d+)", process.stdout) == [str(number) for number in numbers]


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_errors_and_their_picture(files, tmp_path, suffix):
    truth, predictions, _ = (flag.split("=", 1)[1] for flag in files({"v": [GOOD]}))
    figure, errors = tmp_path / f"e.{suffix}", tmp_path / "e.json"
    evaluate.evaluate(
        truth, predictions, evaluate.Options(errors_scale="thumos14"), None, errors, figure
    )
    written = json.loads(errors.read_text())
    assert written["scale"] == "thumos14" and written["ground_truths"]["without_duration"] == 2
    assert figure.read_bytes()[:4] in (b"\x89PNG", b"<?xm", b"%PDF")


def test_needs_numpy_and_absl_only(files, tmp_path):
    """As after `pip install --no-deps`: every other package is hidden from the command."""
    code = """
import importlib.abc, runpy, sys
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in sys.stdlib_module_names and top not in ("numpy", "absl", "bsp_tf"):
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)
sys.meta_path.insert(0, Hide())
runpy.run_module("bsp_tf.evaluate", run_name="__main__")
"""
    flags = files({"v": [GOOD]})
    outputs = [f"--errors={tmp_path / 'e.json'}", "--remove_duplicates", "--per_class"]
    ended = subprocess.run(
        [sys.executable, "-c", code, *flags, *outputs], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    ended = subprocess.run(
        [sys.executable, "-c", code, *flags, f"--errors_figure={tmp_path / 'e.png'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2 and "pip install matplotlib" in ended.stderr
