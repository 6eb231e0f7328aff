"""The command as a user starts it."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


def _run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "bsp_tf.report", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def test_report_by_command_does_without_tensorflow(results_root, tmp_path):
    output = tmp_path / "elsewhere"
    code = (
        "import sys; sys.modules['tensorflow'] = None; import runpy; "
        "runpy.run_module('bsp_tf.report', run_name='__main__', alter_sys=True)"
    )
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            code,
            f"--root={results_root}",
            f"--output={output}",
            "--timelines=1",
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.rstrip().endswith(f"Report: {output / 'index.html'}")
    assert (output / "index.html").is_file()


def test_wrong_root_and_wrong_flag_are_one_line(tmp_path):
    run = _run(f"--root={tmp_path / 'nowhere'}")
    assert run.returncode == 2
    assert run.stderr.startswith("error: ") and "annotations.json" in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
    run = _run(f"--root={tmp_path}", f"--videos={tmp_path / 'films'}")
    assert run.returncode == 2 and "--videos=" in run.stderr
