"""Bytes of a file, unpacked by what is in it."""

import gzip
import os
import socket
from pathlib import Path

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import read_input, special_file


def test_plain_and_gzipped_whatever_the_name(tmp_path):
    for name, data in (("a", b"x"), ("b.gz", b"x"), ("c", gzip.compress(b"x")), ("d", b"")):
        (tmp_path / name).write_bytes(data)
        assert read_input(tmp_path / name) == (b"" if name == "d" else b"x")


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "cut").write_bytes(gzip.compress(b"x" * 99)[:-3])
    for path in (tmp_path / "cut", tmp_path / "none", tmp_path):
        with pytest.raises(InputError, match=str(path)):
            read_input(path)


@pytest.mark.usefixtures("no_hang")
def test_pipes_sockets_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path / "socket", tmp_path / "link", "/dev/zero", tmp_path):
        with pytest.raises(InputError, match=str(path)):
            read_input(path)
    (tmp_path / "file").touch()
    assert special_file(tmp_path / "file") is None is special_file(Path("nowhere"))
