"""Files and folders are whole or not there, also after a kill."""

import errno
import os
import signal
import stat
import subprocess
import sys

import pytest

from bsp_tf.base.atomic_file import (
    atomic_folder,
    atomic_write,
    hidden_prefix,
    make_folder,
    remove_leftovers,
)
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json, write_json

HANGS_IN_THE_MIDDLE = """
import sys, time
from bsp_tf.base.atomic_file import atomic_write
with atomic_write(sys.argv[1], "w") as file:
    file.write("half of the new ")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


def test_writes_bytes_text_and_makes_folders(tmp_path):
    with atomic_write(tmp_path / "a" / "b" / "x.bin") as file:
        file.write(b"\x00\r\n")
    with atomic_write(tmp_path / "x.txt", "w") as file:
        file.write("é\n")
    assert (tmp_path / "a" / "b" / "x.bin").read_bytes() == b"\x00\r\n"
    assert (tmp_path / "x.txt").read_bytes() == "é\n".encode()


@pytest.mark.parametrize("name", ["x" * 255, "\u20ac" * 85, "x" * 70, "x" * 48])
def test_temporary_names_are_never_too_long(tmp_path, name):
    with atomic_write(tmp_path / name, "w") as file:
        (temporary,) = tmp_path.iterdir()
        assert len(os.fsencode(temporary.name)) <= max(64, len(os.fsencode(name)))
        file.write("new")
    assert (tmp_path / name).read_text() == "new"
    (tmp_path / name).unlink()
    with atomic_folder(tmp_path / name) as folder:
        (folder / "a").touch()
    assert (tmp_path / name / "a").exists()
    with pytest.raises(InputError, match="shorter name"), atomic_write(tmp_path / ("x" * 256)):
        pass


def test_leftovers_of_one_name_are_removed(tmp_path):
    names = ["a[1]", "x" * 200]
    others = [".b.abc.partial", ".a1.abc.partial"]
    for name in others:
        (tmp_path / name).touch()
    for name in names:
        (tmp_path / f"{hidden_prefix(tmp_path / name)}abc.partial").touch()
        remove_leftovers(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="stop"), atomic_write(path, "w") as file:
        file.write("new")
        raise RuntimeError("stop")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["x"]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with subprocess.Popen(
        [sys.executable, "-c", HANGS_IN_THE_MIDDLE, str(path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_text() == "old"
    write_json(path, [1])
    assert read_json(path) == [1]


@pytest.mark.skipif(os.name != "posix", reason="POSIX rights")
def test_rights_are_those_of_a_new_file(tmp_path):
    with atomic_write(tmp_path / "ours", "w") as file:
        file.write("x")
    (tmp_path / "usual").write_text("x")
    ours, usual = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "usual"))
    assert ours == usual


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for place in (
        tmp_path / "file" / "x.json",
        tmp_path / "file" / "below" / "x.json",
        tmp_path / "folder",
    ):
        with pytest.raises(InputError, match=f"{place}: "):
            write_json(place, [1])
    with pytest.raises(InputError, match=str(tmp_path / "file" / "below")):
        make_folder(tmp_path / "file" / "below")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"] and not os.listdir(
        tmp_path / "folder"
    )


def test_a_full_disk_is_told_and_other_faults_are_left_alone(tmp_path):
    with (
        pytest.raises(InputError, match=f"{tmp_path}/x: {os.strerror(errno.ENOSPC)}"),
        atomic_write(tmp_path / "x"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "x"):
        open(tmp_path / "what the block wants to read")
    assert not os.listdir(tmp_path)


def test_a_folder_takes_its_place_at_the_end(tmp_path):
    place = tmp_path / "a" / "model"
    with atomic_folder(place) as folder:
        (folder / "x").write_text("1")
        assert not place.exists()
    assert os.listdir(tmp_path / "a") == ["model"] and os.listdir(place) == ["x"]
    (tmp_path / "usual").mkdir()
    ours, usual = (stat.S_IMODE(path.stat().st_mode) for path in (place, tmp_path / "usual"))
    assert ours == usual
    with atomic_folder(tmp_path / "usual") as folder:
        (folder / "y").touch()
    assert os.listdir(tmp_path / "usual") == ["y"]


def test_an_error_leaves_no_folder(tmp_path):
    with pytest.raises(RuntimeError, match="stop"), atomic_folder(tmp_path / "model") as folder:
        (folder / "x").write_text("half")
        raise RuntimeError("stop")
    with (
        pytest.raises(InputError, match=f"model: {os.strerror(errno.ENOSPC)}"),
        atomic_folder(tmp_path / "model"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not os.listdir(tmp_path)


def test_folders_in_the_way(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "filled").mkdir()
    (tmp_path / "filled" / "x").touch()
    for place in (tmp_path / "file", tmp_path / "filled"):
        with pytest.raises(InputError, match=f"{place}: "), atomic_folder(place):
            pass
    with pytest.raises(InputError, match=str(tmp_path / "file")):
        atomic_folder(tmp_path / "file" / "below").__enter__()
    assert sorted(os.listdir(tmp_path)) == ["file", "filled"]
