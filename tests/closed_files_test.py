"""Files and folders that the user may not read: named with the cause, and the others are done."""

import csv

import pytest

from tests.fixtures import plain_user


@pytest.fixture
def clips(make_video, tmp_path):
    for name in ("a", "b"):
        make_video(tmp_path / "clips" / name / f"{name}.mp4", num_frames=5)
    return tmp_path / "clips"


def convert(clips, output):
    return plain_user.run(
        "-m", "tfrecords_tools.convert", f"--input={clips}", f"--output={output}", "--workers=1"
    )


def test_a_clip_that_may_not_be_read(clips, tmp_path):
    (clips / "b" / "b.mp4").chmod(0)
    run = convert(clips, tmp_path / "records")
    assert run.returncode == 3 and "1 of 2 clips" in run.stderr, run.stderr
    with open(tmp_path / "records" / "failures.csv") as file:
        (failed,) = csv.DictReader(file)
    assert failed["path"] == "b/b.mp4" and "Permission denied" in failed["reason"]


@pytest.mark.parametrize("command", ["convert", "extract"])
def test_a_folder_that_may_not_be_read(command, clips, tmp_path):
    clips.chmod(0)
    try:
        run = convert(clips, tmp_path / "out")
        if command == "extract":
            run = plain_user.run(
                "-m", "bsp_tf.extract", "--model=m", f"--videos={clips}", f"--output={tmp_path}"
            )
    finally:
        clips.chmod(0o755)
    assert run.returncode == 2, run.stderr
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and f"{clips}: " in last and "Permission denied" in last
    assert "Traceback" not in run.stderr


def test_a_folder_that_may_not_be_written(clips, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o555)
    run = convert(clips, tmp_path / "closed" / "records")
    assert run.returncode == 2 and "Traceback" not in run.stderr
    last = run.stderr.strip().splitlines()[-1]
    assert str(tmp_path / "closed") in last and "Permission denied" in last
