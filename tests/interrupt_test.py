"""What ends a command early. Ctrl-C: one line, status 130, no process left, no traceback.

Each command runs in a session of its own, as in a terminal, and is sent SIGINT at random moments,
a few of them here and BSP_TF_INTERRUPTS of each command where that is set. A command that had
ended before is right, too.

A full disk, and which test kills which command: at the end.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bsp_tf.__main__ import COMMANDS
from tests.conftest import PROJECT
from tests.fixtures import warm_python
from tests.fixtures.mean_model import save_mean_model
from tests.fixtures.small_head import save_head
from tfrecords_tools.convert import convert
from tfrecords_tools.make_sample import make_sample

MOMENTS = int(os.environ.get("BSP_TF_INTERRUPTS", "2"))
# A command answers within 2 s on a machine that does nothing else.
PATIENCE_SECONDS = 10.0
SPLITS = "--config.data.train_dir={inputs}/records --config.data.validation_dir={inputs}/records"
SCORED = "--ground_truth={inputs}/annotations.json"
# Command -> its flags, and the seconds in which most of what it does comes by.
CASES = {
    "bsp_tf.quickstart": ("--output={out}", 8),
    "tfrecords_tools.make_sample": ("--output={out}", 5),
    "tfrecords_tools.convert": ("--input={inputs}/clips/train --output={out} --workers=2", 2),
    "tfrecords_tools.inspect": ("--records={inputs}/records --contact_sheet={out}.png", 1),
    "bsp_tf.preview": (f"--config=configs/sample_boundary.py --output={{out}}.png {SPLITS}", 8),
    "bsp_tf.import_weights": ("--checkpoint={inputs}/annotations.json --output={out}", 3),
    "bsp_tf.data_service": ("--role=dispatcher", 6),
    "bsp_tf.pretrain": (f"--config=configs/sample_action.py --workdir={{out}} {SPLITS}", 15),
    "bsp_tf.evaluate_clips": ("--workdir={inputs} --output={out}", 5),
    "bsp_tf.export": (
        "--action_workdir={inputs} --boundary_workdir={inputs} --output={out}",
        5,
    ),
    "bsp_tf.boundaries": ("{inputs}/videos --model={inputs}/model --output={out}", 8),
    "bsp_tf.extract": ("--model={inputs}/model --videos={inputs}/videos --output={out}", 8),
    "bsp_tf.train_head": (
        "--config=configs/sample_gtad.py --workdir={out} --config.features_dir={inputs}/features "
        "--config.annotations={inputs}/annotations.json --config.feature_layout=whole",
        10,
    ),
    "bsp_tf.classify_videos": (
        "--features={inputs}/features --annotations={inputs}/annotations.json --output={out} "
        "--folds=2",
        8,
    ),
    "bsp_tf.detect": (
        "--workdir={inputs} --features={inputs}/features "
        "--annotations={inputs}/annotations.json --output={out}",
        0.5,
    ),
    "bsp_tf.predict": (
        "{inputs}/videos --model={inputs}/model --gtad={inputs}/head --output={out}",
        8,
    ),
    "bsp_tf.evaluate": (
        f"{SCORED} --predictions={{inputs}}/detections.json --output={{out}}.json",
        0.5,
    ),
    "bsp_tf.compare": (
        f"{SCORED} {{inputs}}/detections.json {{inputs}}/detections.json --output={{out}}.json",
        3,
    ),
    "bsp_tf.report": ("--root={inputs} --output={out}", 3),
    "bsp_tf.convert_annotations": ("--input={inputs}/detections.json --to=srt --output={out}", 0.5),
    "bsp_tf.convert_features": (
        "--features={inputs}/features --annotations={inputs}/annotations.json --tool=gtad "
        "--output={out}",
        0.5,
    ),
}


# These are interrupted in `make test-all` only.
LONG = [name for name, (_, seconds) in CASES.items() if seconds >= 5]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """What the commands work on: as little as keeps them busy for some seconds."""
    root = tmp_path_factory.mktemp("inputs")
    make_sample(
        root,
        clips_per_class_train=2,
        clips_per_class_validation=1,
        videos_train=2,
        videos_validation=2,
        videos_test=1,
    )
    convert(root / "clips" / "train", root / "records", workers=2)
    save_mean_model(root / "model")
    save_head(root / "head", 2)
    (root / "features").mkdir()
    videos = json.loads((root / "annotations.json").read_text())["database"]
    for name in videos:
        np.save(root / "features" / f"{name}.npy", np.zeros((100, 1024), np.float32))
    found = {
        name: [
            {"label": truth["label"], "score": 0.5, "segment": truth["segment"]}
            for truth in video["annotations"]
        ]
        for name, video in videos.items()
    }
    (root / "detections.json").write_text(json.dumps({"results": found}))
    return root


def living(group: int) -> list[str]:
    """Names of the processes of a group; those that only wait to be collected are gone."""
    names = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition(" (")[2].rpartition(") ")
        except OSError:
            continue
        state, _, number = rest.split()[:3]
        if int(number) == group and state not in "ZX":
            names.append(name)
    return names


def wait_for_threads(process: subprocess.Popen) -> None:
    """Waits until our first line has run: before it Python itself would answer."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None and "Threads:\t1\n" in status.read_text():
        time.sleep(0.002)


def interrupt(command: str, flags: str, seconds: float, draw: random.Random) -> tuple[int, str]:
    """Status and stderr of a command that was interrupted some time, once or twice."""
    process = subprocess.Popen(
        [sys.executable, "-m", command, *flags.split()],
        cwd=PROJECT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in its background with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_for_threads(process)
        time.sleep(draw.uniform(0, seconds))
        send = draw.choice([os.kill, os.killpg])
        for _ in range(draw.choice([1, 2])):
            if process.poll() is None:
                send(process.pid, signal.SIGINT)
                time.sleep(draw.uniform(0, 0.2))
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (left := living(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == []
        return process.returncode, errors
    finally:
        if living(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_every_command_is_interrupted():
    assert list(CASES) == list(COMMANDS)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    "command",
    [pytest.param(name, marks=[pytest.mark.thorough] if name in LONG else []) for name in COMMANDS],
)
def test_ctrl_c_is_one_line_and_status_130(command, inputs, tmp_path):
    draw = random.Random(command)
    flags, seconds = CASES[command]
    for number in range(MOMENTS):
        values = {"inputs": inputs, "out": tmp_path / str(number)}
        status, errors = interrupt(command, flags.format(**values), seconds, draw)
        assert "Traceback" not in errors and "Exception ignored" not in errors, errors
        assert "leaked" not in errors, errors
        if status == 130:
            assert re.search(r"(?m)^interrupted;.*\n\Z", errors)
            assert errors.count("interrupted;") == 1
        else:
            # The last: Python was being taken down, all was done.
            assert status in (0, 2, -signal.SIGINT), errors


# What a command writes all at once takes its place when it is whole: these show it for all of them.
AT_ONCE = "tests/bsp_tf/base/atomic_file_test.py"
AT_ONCE_KILLED = f"{AT_ONCE}::test_a_kill_in_the_middle_leaves_the_old_file"
AT_ONCE_FULL = f"{AT_ONCE}::test_a_full_disk_is_told_and_other_faults_are_left_alone"
FOLDER_AT_ONCE = f"{AT_ONCE}::test_an_error_leaves_no_folder"
TRAINED_FULL = "test_a_full_disk_is_named_and_the_run_goes_on_from_there"
# Command -> the tests of a kill and of a full disk; HERE: it is one of those below.
HERE = f"tests/{Path(__file__).name}::test_a_full_disk_is_one_line_and_leaves_nothing"
KILLED_AND_FULL = {
    "bsp_tf.quickstart": (
        "tests/bsp_tf/quickstart/running_test.py::"
        "test_a_kill_takes_the_running_stage_along_and_a_new_run_goes_on",
        HERE,
    ),
    "tfrecords_tools.make_sample": (
        "tests/tfrecords_tools/make_sample_test.py::"
        "test_a_killed_run_goes_on_and_two_workers_give_the_same_bytes",
        HERE,
    ),
    "tfrecords_tools.convert": (
        "tests/tfrecords_tools/conversion/job_test.py::test_killed_at_any_moment",
        HERE,
    ),
    "tfrecords_tools.inspect": (AT_ONCE_KILLED, HERE),
    "bsp_tf.preview": (AT_ONCE_KILLED, AT_ONCE_FULL),
    "bsp_tf.import_weights": (AT_ONCE_KILLED, FOLDER_AT_ONCE),
    "bsp_tf.pretrain": (
        "tests/bsp_tf/pretrain_test.py::"
        "test_killed_and_resumed_run_equals_uninterrupted_one_bit_for_bit",
        f"tests/bsp_tf/pretraining/trainer_test.py::{TRAINED_FULL}",
    ),
    "bsp_tf.evaluate_clips": (
        "tests/bsp_tf/evaluate_clips_test.py::"
        "test_a_killed_evaluation_goes_on_and_ends_with_the_same_numbers",
        AT_ONCE_FULL,
    ),
    "bsp_tf.export": (
        AT_ONCE_KILLED,
        "tests/bsp_tf/export_test.py::test_a_full_disk_is_named_and_nothing_is_left",
    ),
    "bsp_tf.boundaries": (AT_ONCE_KILLED, HERE),
    "bsp_tf.extract": ("tests/bsp_tf/extract_test.py::test_killed_and_started_again", HERE),
    "bsp_tf.train_head": (
        "tests/bsp_tf/train_head_test.py::"
        "test_a_run_that_was_killed_and_stopped_ends_as_an_undisturbed_one",
        f"tests/bsp_tf/train_head_test.py::{TRAINED_FULL}",
    ),
    "bsp_tf.classify_videos": (
        "tests/bsp_tf/classify_videos/main_test.py::"
        "test_a_killed_run_leaves_no_output_and_the_next_one_is_whole",
        AT_ONCE_FULL,
    ),
    "bsp_tf.detect": (
        "tests/bsp_tf/localization/detection_file_test.py::"
        "test_leftovers_of_a_killed_run_are_swept",
        AT_ONCE_FULL,
    ),
    "bsp_tf.predict": (AT_ONCE_KILLED, HERE),
    "bsp_tf.evaluate": (AT_ONCE_KILLED, HERE),
    "bsp_tf.compare": (AT_ONCE_KILLED, HERE),
    "bsp_tf.report": (AT_ONCE_KILLED, AT_ONCE_FULL),
    "bsp_tf.convert_annotations": (AT_ONCE_KILLED, HERE),
    "bsp_tf.convert_features": (AT_ONCE_KILLED, AT_ONCE_FULL),
}
WRITES_NOTHING = {"bsp_tf.data_service"}
ON_A_FULL_DISK = [command for command, (_, full) in KILLED_AND_FULL.items() if full == HERE]
# Who writes beside `base.atomic_file`, and why.
WRITERS = {
    "bsp_tf/base/output_lock.py",  # who holds the lock
    "bsp_tf/base/servers/local_copy.py",  # its lock; copies take their place when they are whole
    "bsp_tf/records/storage.py",  # s3:// and the like have no name that a file could take
    "bsp_tf/records/index.py",  # to the same
    "bsp_tf/exchange/files.py",  # into a folder that takes its place at the end
}


def test_every_command_that_writes_is_killed_and_has_a_full_disk():
    assert KILLED_AND_FULL.keys() | WRITES_NOTHING == set(COMMANDS)
    for name in {name for names in KILLED_AND_FULL.values() for name in names}:
        file, _, function = name.partition("::")
        assert f"def {function}(" in (PROJECT / file).read_text(), name


def test_all_other_files_take_their_place_when_they_are_whole():
    writes = re.compile(r"""\bopen\([^)]*["'][wax]b?\+?["']|\.write_(text|bytes)\(|O_CREAT""")
    found = {
        path.relative_to(PROJECT).as_posix()
        for package in ("bsp_tf", "tfrecords_tools")
        for path in (PROJECT / package).rglob("*.py")
        for line in path.read_text().splitlines()
        if writes.search(line) and ">>>" not in line and "av.open(file" not in line
    }
    assert found == WRITERS


# A command where no file gets any larger. Its messages go through a pipe, which has room.
NO_ROOM = """
import os, resource, runpy, sys
ends, errors = os.pipe(), os.dup(2)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
os.dup2(ends[1], 2)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
# Python would leave the first bytes of the bytecode of modules, and find it damaged ever after.
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
# Semaphores, too, are files, of 32 bytes.
resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
try:
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
finally:
    sys.stderr.flush()
    os.dup2(errors, 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    os.write(ends[1], b"\\n")
    os.write(2, os.read(ends[0], 1 << 16))
"""


@pytest.mark.parametrize("command", ON_A_FULL_DISK)
def test_a_full_disk_is_one_line_and_leaves_nothing(command, inputs, tmp_path):
    flags = CASES[command][0].format(inputs=inputs, out=tmp_path / "out")
    done = warm_python.run("-c", NO_ROOM, command, *flags.split())
    *_, last = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and "Free space there" in done.stderr, done.stderr
    assert last.startswith("error: ") and (str(tmp_path) in last or "stage 'sample" in last)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
