"""One writer for each output: told by name, gone with its process, and seen by readers."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder, lock_place, refuse_pattern, warn_of_writer
from bsp_tf.features.store import FeatureStore
from bsp_tf.localization.workdir import load_trained
from bsp_tf.pretraining.trained_model import load_trained_model
from bsp_tf.records.folder import open_folder
from tfrecords_tools.inspection.folder_check import check_folder

HOLDS = """
import signal, sys, time
from bsp_tf.base.output_lock import lock_folder, lock_place
# A suite that a shell runs in the background ignores Ctrl-C, and so would this process.
signal.signal(signal.SIGINT, signal.default_int_handler)
with {"folder": lock_folder, "place": lock_place}[sys.argv[1]](sys.argv[2]):
    print("holding", flush=True)
    time.sleep(60)
"""
LOCKS = {"folder": lock_folder, "place": lock_place}


@pytest.fixture(params=["folder", "place"])
def kind(request) -> str:
    return request.param


@pytest.fixture
def holder(kind, tmp_path) -> Iterator[subprocess.Popen]:
    """Another process that holds the lock of tmp_path/out."""
    command = [sys.executable, "-c", HOLDS, kind, str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "holding\n"
        yield process
        process.kill()


def test_a_second_writer_is_told_who_the_first_is(kind, holder, tmp_path):
    who = rf"host {socket.gethostname()}, process {holder.pid}.*{tmp_path / 'out'}.*--workdir"
    with pytest.raises(InputError, match=who), LOCKS[kind](tmp_path / "out", "--workdir"):
        pass


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_lock_of_a_process_that_is_gone_is_taken_over(kind, holder, tmp_path, how):
    holder.send_signal(how)
    holder.wait()
    with LOCKS[kind](tmp_path / "out"):
        refused = rf"process {os.getpid()}"
        with pytest.raises(InputError, match=refused), LOCKS[kind](tmp_path / "out"):
            pass


def test_nothing_is_left(kind, tmp_path):
    for end in (None, RuntimeError):
        try:
            with LOCKS[kind](tmp_path / "out"):
                if end:
                    raise end
        except RuntimeError:
            pass
        assert list(tmp_path.iterdir()) == []
    with lock_folder(tmp_path / "out"):
        (tmp_path / "out" / "result").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["result"]


def test_names_as_long_as_they_can_be(kind, tmp_path):
    with LOCKS[kind](tmp_path / ("x" * 255)):
        pass


def test_one_of_many_at_once_gets_it(kind, tmp_path):
    """Each adds to a file what it read and one; without a lock numbers are lost."""
    program = f"""
import sys, time
from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder, lock_place
done = 0
while done < 20:
    try:
        with lock_{kind}(sys.argv[1] + "/out"):
            path = sys.argv[1] + "/number"
            number = int(open(path).read())
            time.sleep(0.001)
            open(path, "w").write(str(number + 1))
            done += 1
    except InputError:
        pass
"""
    (tmp_path / "number").write_text("0")
    command = [sys.executable, "-c", program, str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(timeout=120) for process in processes] == [0] * 4
    assert (tmp_path / "number").read_text() == "80"


@pytest.mark.parametrize("kind", ["folder"], indirect=True)
def test_readers_say_that_a_writer_is_there(holder, tmp_path, capsys):
    warn_of_writer(tmp_path / "out")
    line = capsys.readouterr().err
    assert f"process {holder.pid}" in line and str(tmp_path / "out") in line
    holder.kill()
    holder.wait()
    for folder in (tmp_path / "out", tmp_path, tmp_path / "nowhere"):
        warn_of_writer(folder)
    with lock_folder(tmp_path / "own"):
        warn_of_writer(tmp_path / "own")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", ["folder"], indirect=True)
@pytest.mark.parametrize(
    "read", [open_folder, check_folder, FeatureStore, load_trained, load_trained_model]
)
def test_every_reader_of_an_output_says_so(holder, tmp_path, capsys, read):
    """What is there then is read: here it is not enough for any of them."""
    for name in ("metadata.json", "config.json"):
        (tmp_path / "out" / name).write_text('{"task": "action", "data": {}, "model": {}}')
    with pytest.raises(InputError, match=str(tmp_path / "out")):
        read(tmp_path / "out")
    assert f"process {holder.pid}" in capsys.readouterr().err


def test_places_that_cannot_be(kind, tmp_path):
    (tmp_path / "file").touch()
    below = tmp_path / "file" / "out"
    with pytest.raises(InputError, match=f"{tmp_path}/file is a file"), LOCKS[kind](below):
        pass
    with (
        pytest.raises(InputError, match=f"--output={tmp_path}/file"),
        lock_folder(tmp_path / "file"),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_named(tmp_path):
    folder = Path(tmp_path / "locked")
    folder.mkdir(mode=0o500)
    with pytest.raises(InputError, match=str(folder)), lock_folder(folder):
        pass


@pytest.mark.parametrize("name", ["run[1]", "run*", "run?", "a\\b"])
def test_paths_that_tensorflow_takes_for_patterns(tmp_path, name):
    with pytest.raises(InputError, match=re.escape(str(tmp_path / name))):
        refuse_pattern(tmp_path / name / "checkpoints")
    refuse_pattern(tmp_path / "run 1]{a,b}-'x'")
