"""What the quickstart reuses, and how it ends when a stage fails or it is killed itself."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.quickstart.running import run_stages, seconds_left
from bsp_tf.quickstart.stages import Stage, plan_stages

PROJECT = Path(__file__).resolve().parents[3]
TINY = (
    "--clips_per_class_train=1",
    "--clips_per_class_validation=1",
    "--videos_train=1",
    "--videos_validation=1",
    "--videos_test=1",
)


def stages(root: Path) -> list[Stage]:
    """Two real stages: a tiny sample, and its ground truth scored against itself."""
    truth = root / "sample" / "annotations.json"
    scores = root / "scores.json"
    return [
        Stage(
            "sample", "tfrecords_tools.make_sample", (f"--output={root / 'sample'}", *TINY), truth
        ),
        Stage(
            "score",
            "bsp_tf.evaluate",
            (
                f"--ground_truth={truth}",
                f"--predictions={root / 'detections.json'}",
                f"--output={scores}",
            ),
            scores,
        ),
    ]


@pytest.fixture(autouse=True)
def project_folder(monkeypatch):
    """Stages are started with `python -m` from the project's top folder."""
    monkeypatch.chdir(PROJECT)


def test_finished_stages_are_reused_and_a_failure_names_its_stage(tmp_path, capfd):
    with pytest.raises(InputError, match="'score'"):
        run_stages(tmp_path, stages(tmp_path))
    assert "detections.json" in capfd.readouterr().err
    remembered = json.loads((tmp_path / "stages.json").read_text())
    assert list(remembered) == ["sample"] and remembered["sample"]["peak_megabytes"] > 1

    database = json.loads((tmp_path / "sample" / "annotations.json").read_text())["database"]
    results = {
        name: [row | {"score": 1.0} for row in video["annotations"]]
        for name, video in database.items()
    }
    (tmp_path / "detections.json").write_text(
        json.dumps({"version": "1", "results": results, "external_data": {}})
    )
    run_stages(tmp_path, stages(tmp_path))
    assert "sample: already done" in capfd.readouterr().out
    assert json.loads((tmp_path / "scores.json").read_text())["average_mAP"] == pytest.approx(1.0)


def test_the_time_left_follows_the_pace_of_the_stages_before(tmp_path):
    plan = plan_stages(tmp_path, "a.py", "b.py", "c.py", 1)
    usual = sum(stage.usual_seconds for stage in plan)
    assert all(stage.usual_seconds for stage in plan)
    assert seconds_left(plan, plan, {}) == usual
    finished = {stage.name: {"seconds": 3 * stage.usual_seconds} for stage in plan[:4]}
    rest = sum(stage.usual_seconds for stage in plan[4:])
    assert seconds_left(plan[4:], plan, finished) == pytest.approx(3 * rest)
    # A stage that nobody knows neither counts nor tells the pace.
    other = Stage("other", "json.tool", (), tmp_path)
    assert seconds_left([other], [other], {"other": {"seconds": 9}}) == 0


def test_a_missing_config_is_named_before_anything_runs(tmp_path):
    with pytest.raises(InputError, match="no_such_config"):
        run_stages(
            tmp_path, plan_stages(tmp_path, "configs/sample_action.py", "no_such_config.py", "y", 1)
        )
    assert not (tmp_path / "stages.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_kill_takes_the_running_stage_along_and_a_new_run_goes_on(tmp_path):
    command = [sys.executable, "-m", "bsp_tf.quickstart", f"--output={tmp_path}", "--workers=1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(list(tmp_path.rglob("*.mp4"))) >= 3)
    process.kill()
    process.wait()
    wait_until(lambda: not running(str(tmp_path)))
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(list(tmp_path.rglob("*.mp4"))) > len(made))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (
        made.items() <= {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")}.items()
    )


def running(text: str) -> list[str]:
    """Processes with `text` on their command line, this one excepted."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text in path.read_text() and path.parent.name != str(os.getpid()):
                found.append(path.parent.name)
        except OSError:
            continue  # it has ended meanwhile
    return found


def wait_until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)


def test_a_second_quickstart_is_told_of_the_first(tmp_path):
    command = [sys.executable, "-m", "bsp_tf.quickstart", f"--output={tmp_path}"]
    with lock_folder(tmp_path):
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and f"process {os.getpid()}" in done.stderr
    assert not list(tmp_path.iterdir())
