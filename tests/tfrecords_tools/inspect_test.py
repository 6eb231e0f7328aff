"""The command: statistics and a picture, or a check, and its exit status."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_command(records):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "tfrecords_tools.inspect", f"--records={records}", *arguments],
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )

    shown = run("--workers=1")
    assert shown.returncode == 0 and (records / "contact_sheet.png").is_file(), shown.stderr
    assert "6 records in 2 shards" in shown.stdout and "run up" in shown.stdout
    sound = run("--verify", "--jpeg_stride=2", "--workers=2")
    assert sound.returncode == 0 and "18 of 30 JPEGs" in sound.stdout
    path = records / "clips-00001-of-00002"
    path.write_bytes(path.read_bytes()[:-1])
    damaged = run("--verify")
    assert damaged.returncode == 3 and "2 faults" in damaged.stderr
    assert (
        "FAULT clips-00001-of-00002, offset " in damaged.stdout
        and "Traceback" not in damaged.stderr
    )
    wrong = run("--records=nowhere")
    assert (
        wrong.returncode == 2
        and wrong.stderr.strip() == "error: record folder nowhere does not exist; check --records."
    )
