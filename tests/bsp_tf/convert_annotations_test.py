"""The converting command, as a user runs it: the loop of labelling, and mistakes in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bsp_tf.annotations.mended import load_annotations
from bsp_tf.base.errors import InputError
from bsp_tf.convert_annotations import convert_annotations
from bsp_tf.exchange.formats import FORMATS
from bsp_tf.exchange.table import Known

PROJECT = Path(__file__).resolve().parents[2]
ANNOTATIONS = {
    "database": {
        "a": {
            "subset": "training",
            "duration": 20.0,
            "fps": 29.97,
            "url": "https://host/a",
            "annotations": [
                {"segment": [1.2345, 5.4321], "label": "high jump"},
                {"segment": [4.0, 9.5], "label": "run, then walk"},
            ],
        },
        "b": {"subset": "validation", "duration": 8.0, "fps": 25.0, "annotations": []},
    }
}
DETECTIONS = {
    "results": {
        "a": [
            {"segment": [1.25, 5.5], "label": "high jump", "score": 0.75},
            {"segment": [15.0, 16.0], "label": "high jump", "score": 0.25},
        ],
        "b": [{"segment": [2.0, 3.0], "label": "high jump", "score": 0.5}],
    }
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "annotations.json").write_text(json.dumps(ANNOTATIONS))
    (tmp_path / "detections.json").write_text(json.dumps(DETECTIONS))
    (tmp_path / "info.csv").write_text("video,fps,duration\na,29.97,20\nb,25,8\n")
    return tmp_path


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "bsp_tf.convert_annotations", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )


def test_predict_correct_train_again(folder):
    """Detections to Label Studio; a person moves one, deletes one; annotations to train on."""
    done = run(
        folder,
        "--input=detections.json",
        "--to=label_studio",
        "--min_score=0.5",
        "--video_info=info.csv",
        "--video_prefix=https://host/",
        "--output=tasks.json",
    )
    assert done.returncode == 0, done.stderr
    assert "2 detections of 2 videos" in done.stdout
    assert '<Label value="high jump"/>' in done.stdout
    tasks = json.loads((folder / "tasks.json").read_text())
    assert tasks[0]["data"]["video"] == "https://host/a" and tasks[0]["data"]["fps"] == 29.97
    for task in tasks:
        result = [dict(region) for region in task["predictions"][0]["result"]]
        task["annotations"] = [{"id": 1, "result": result}]
    tasks[0]["annotations"][0]["result"][0]["value"]["ranges"][0]["end"] = 180
    tasks[1]["annotations"][0]["result"] = []
    (folder / "export.json").write_text(json.dumps(tasks))
    done = run(folder, "--input=export.json", "--subset=training", "--output=corrected.json")
    assert done.returncode == 0, done.stderr
    assert "1 annotated segments of 2 videos" in done.stdout
    corrected = load_annotations(folder / "corrected.json", "training")
    assert corrected["a"].labels == ["high jump"]
    # Frames 38 to 180.
    (segment,) = corrected["a"].segments
    assert segment == pytest.approx([37 / 29.97, 180 / 29.97], abs=1e-6)
    assert corrected["a"].fps == 29.97 and corrected["a"].duration_seconds == 20.0
    assert len(corrected["b"].labels) == 0


@pytest.mark.parametrize("form", [name for name in FORMATS if name != "activitynet"])
def test_annotations_there_and_back(form, folder):
    to, back = str(folder / "tool"), folder / "back.json"
    if not FORMATS[form].per_video:
        to += FORMATS[form].suffix
    done = run(folder, "--input=annotations.json", f"--to={form}", f"--output={to}")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "note: other keys of the videos are left out: url\n"
    done = run(folder, f"--input={to}", "--video_info=annotations.json", f"--output={back}")
    assert (done.returncode, done.stderr) == (0, "")
    wanted, found = load_annotations(folder / "annotations.json"), load_annotations(back)
    assert found.keys() == wanted.keys()
    for name, video in wanted.items():
        assert found[name].labels == video.labels
        assert abs(found[name].segments - video.segments).max(initial=0) < 0.001
        assert (found[name].subset, found[name].fps) == (video.subset, video.fps)
        assert found[name].duration_seconds == video.duration_seconds


def test_one_file_into_a_bucket(folder, tmp_path):
    files = pytest.importorskip("fsspec", reason="NOT TESTED: no fsspec").filesystem("memory")
    source, url = str(folder / "annotations.json"), f"memory://{tmp_path.name}/out"
    for form, name in (("via", "via.json"), ("srt", "srt")):
        arguments = ("activitynet", form, Known({}, None, "", ""))
        _, number = convert_annotations(source, str(tmp_path / name), *arguments)
        if FORMATS[form].per_video:
            with pytest.raises(InputError, match="--output=memory://"):
                convert_annotations(source, f"{url}/{name}", *arguments)
        else:
            convert_annotations(source, f"{url}/{name}", *arguments)
            assert files.cat_file(f"{url}/{name}") == (tmp_path / name).read_bytes()


def test_a_subset_is_chosen_and_scores_are_left_out(folder):
    table, files = convert_annotations(
        str(folder / "detections.json"),
        str(folder / "out"),
        "activitynet",
        "webvtt",
        kind="annotations",
    )
    assert files == 2 and not table.scored
    assert (folder / "out" / "b.vtt").read_text().endswith("high jump\n")
    done = run(
        folder, "--input=annotations.json", "--subset=training", "--to=srt", "--output=training"
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (folder / "training").iterdir()] == ["a.srt"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--input=annotations.json", "--output=x.json"], "--to=label_studio, fiftyone, via"),
        (["--input=detections.json", "--to=label_studio", "--output=x.json"], "video 'a'"),
        (["--input=annotations.json", "--to=via", "--output=annotations.json"], "--output"),
        (["--input=annotations.json", "--to=via", "--output=x", "--subset=test"], "'test'"),
        (["--input=annotations.json", "--to=via", "--output=x", "--kind=detections"], "no score"),
        (["--input=annotations.json", "--to=srt", "--output=x", "--fps=nan"], "--fps=nan"),
        (["--input=annotations.json", "--to=srt", "--output=x", "--fps=1e9"], "--fps"),
        (["--input=annotations.json", "--to=avi", "--output=x"], "avi"),
        (["--input=missing.vtt", "--output=x.json"], "missing.vtt"),
        (["--input=info.csv", "--output=x.json", "--to=via"], "info.csv"),
        (["--input=info.csv", "--from=fiftyone", "--output=x.json"], "info.csv"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, named, folder):
    before = sorted(folder.iterdir())
    done = run(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and named in done.stderr, done.stderr
    assert sorted(folder.iterdir()) == before
