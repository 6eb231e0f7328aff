"""Files on servers: what is there, their bytes, what servers do wrong, what is not installed."""

import subprocess
import sys

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath
from bsp_tf.base.servers import failures
from bsp_tf.base.servers.ranges import read_ranges
from tests.fixtures.web_server import serve

fsspec = pytest.importorskip("fsspec", reason="NOT TESTED: fsspec is not installed")
pytest.importorskip("aiohttp", reason="NOT TESTED: http://, aiohttp (extra `http`) is missing")

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server of a folder with one file, whose faults are over soon."""
    monkeypatch.setattr(failures, "FIRST_PAUSE_SECONDS", 0.01)
    (tmp_path / "a.bin").write_bytes(CONTENT)
    with serve(tmp_path) as started:
        yield started


@pytest.fixture
def memory(tmp_path):
    """A folder in memory with one file and one folder."""
    files = fsspec.filesystem("memory")
    files.pipe({f"/{tmp_path.name}/a.bin": CONTENT, f"/{tmp_path.name}/b/c.bin": b"c"})
    yield UrlPath(f"memory://{tmp_path.name}")
    files.rm(f"/{tmp_path.name}", recursive=True)


def test_what_is_there(memory):
    assert sorted(memory.names()) == ["a.bin", "b"]
    file = memory / "a.bin"
    assert str(file) == f"{memory}/a.bin" and file.name == "a.bin"
    kinds = [(path.is_dir(), path.is_file()) for path in (memory, file, memory / "absent")]
    assert kinds == [(True, False), (False, True), (False, False)]
    assert file.stat().st_size == len(CONTENT) and file.read_bytes() == CONTENT
    with file.open() as opened:
        assert opened.read(3) == CONTENT[:3]


def test_another_content_of_the_same_size_is_another_file(server, tmp_path):
    file = UrlPath(f"{server.url}/a.bin")
    before = file.stat()
    assert file.stat() == before
    (tmp_path / "a.bin").write_bytes(CONTENT[::-1])
    after = file.stat()
    assert after.st_size == before.st_size and after.st_mtime_ns != before.st_mtime_ns


@pytest.mark.parametrize("place", ["memory", "web"])
def test_ranges_in_the_order_asked_for(place, memory, server):
    file = memory / "a.bin" if place == "memory" else UrlPath(f"{server.url}/a.bin")
    starts, ends = [700, 0, 5], [710, 1, 1024]
    expected = [CONTENT[start:end] for start, end in zip(starts, ends, strict=True)]
    assert read_ranges([file] * 3, starts, ends) == expected
    if place == "web":
        assert len(server.asked) == 3


@pytest.mark.parametrize("fault", [408, 429, 500, 503, "reset", "late"])
def test_a_part_that_fails_for_the_moment_is_asked_for_again(server, fault):
    before = failures.repeated.count
    server.fault = lambda number: fault if number < 3 else None
    file = UrlPath(f"{server.url}/a.bin")
    parts = read_ranges([file] * 4, [0, 10, 20, 30], [10, 20, 30, 40])
    assert b"".join(parts) == CONTENT[:40]
    # A connection that was reset aiohttp itself may open again.
    expected = {"late": {0}, "reset": {0, 1, 2, 3}}.get(fault, {3})
    assert failures.repeated.count - before in expected


def test_a_server_that_stays_broken_is_named(server):
    server.fault = lambda number: 500
    with pytest.raises(InputError, match=f"{server.url}/a.bin.*500"):
        read_ranges([UrlPath(f"{server.url}/a.bin")], [0], [9])
    assert len(server.asked) == failures.ATTEMPTS


def test_what_is_gone_is_not_asked_for_again(server):
    with pytest.raises(InputError, match=f"{server.url}/gone.bin"):
        read_ranges([UrlPath(f"{server.url}/gone.bin")], [0], [9])
    assert len(server.asked) == 1


@pytest.mark.parametrize("fault", ["whole", "html"])
def test_an_answer_of_another_length_is_refused(server, fault):
    server.fault = lambda number: fault
    with pytest.raises(InputError, match=f"{server.url}/a.bin.*10 bytes"):
        read_ranges([UrlPath(f"{server.url}/a.bin")], [0], [10])


def test_no_server_is_one_line():
    with pytest.raises(InputError, match=r"127\.0\.0\.1:9/a") as caught:
        UrlPath("http://127.0.0.1:9/a").read_bytes()
    assert "\n" not in str(caught.value)


def test_unknown_schemes_and_passwords_are_refused():
    with pytest.raises(InputError, match="nothing://bucket"):
        UrlPath("nothing://bucket/records")
    with pytest.raises(InputError, match="password") as caught:
        UrlPath("https://me:secret@host/records")
    assert "secret" not in str(caught.value)


def test_a_missing_package_says_what_to_install():
    """In a process where s3fs cannot be imported."""
    program = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from bsp_tf.base.remote_path import UrlPath\n"
        "UrlPath('s3://bucket/records')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install 'bsp_tf[s3]'" in ended.stderr.splitlines()[-1]


def test_repeated_requests_are_counted_at_the_end():
    program = (
        "from bsp_tf.base.servers import failures\n"
        "failures.repeated.note(2)\nfailures.repeated.note(1)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stderr.startswith("3 ") and ended.stderr.count("\n") == 1
