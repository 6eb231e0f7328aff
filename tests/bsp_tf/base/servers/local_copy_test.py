"""Copies of what lies on servers: fetched once, up to date, whole after any kill."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath, cache_folder
from bsp_tf.base.servers.local_copy import local_copies
from tests.fixtures.full_disk import files_end_at
from tests.fixtures.web_server import serve

fsspec = pytest.importorskip("fsspec", reason="NOT TESTED: fsspec is not installed")

PROJECT = Path(__file__).resolve().parents[4]
FILES = {"a.npy": b"one", "sub/b.npy": b"two", "sub/deep/empty": b"", "é ü#%.npy": b"three"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    return tmp_path / "folder"


@pytest.fixture(params=["memory", "s3"])
def address(request, tmp_path, folder):
    """The same files, on a server of each kind."""
    if request.param == "s3":
        upload = request.getfixturevalue("upload")
        fsspec.filesystem("s3").pipe_file("bucket/marker/", b"")
        return upload(folder, f"{tmp_path.name}/folder")
    url = f"memory://{tmp_path.name}/folder"
    fsspec.filesystem("memory").pipe({f"{url}/{name}": value for name, value in FILES.items()})
    return url


def copied(*names):
    """Relative name -> content of the last of the copies."""
    with local_copies(*names) as copies:
        return content_of(Path(copies.names[-1]))


def content_of(place):
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file()
    }


def write(url, content):
    place = UrlPath(url)
    place.files.pipe_file(place.place, content)


def test_local_names_stay_as_they_are(tmp_path):
    names = ("", "runs/a,b+c", str(tmp_path), "absent", "C:/x")
    with local_copies(*names, Path("folder")) as copies:
        assert copies.names == [*names, "folder"]
    assert not (tmp_path / "cache").exists()


def test_a_copy_follows_its_original(address, folder):
    assert copied(address) == FILES
    with local_copies(address) as copies:
        place = Path(copies.names[0])
        before = {path: path.stat() for path in place.rglob("*") if path.is_file()}
    # Of the same length, so that the size does not tell.
    write(f"{address}/a.npy", b"ONE")
    write(f"{address}/sub/new/c.npy", b"four")
    UrlPath(f"{address}/sub/deep/empty").unlink()
    expected = FILES | {"a.npy": b"ONE", "sub/new/c.npy": b"four"}
    del expected["sub/deep/empty"]
    assert copied(address) == expected
    assert not (place / "sub" / "deep").exists()
    for name in ("sub/b.npy", "é ü#%.npy"):
        assert (place / name).stat().st_ino == before[place / name].st_ino, name


def test_what_was_changed_here_is_fetched_again(address):
    with local_copies(address) as copies:
        place = Path(copies.names[0])
    (place / "a.npy").write_bytes(b"two")
    (place / "stranger").write_bytes(b"")
    shutil.rmtree(place / "sub")
    assert copied(address) == FILES


def test_a_file_in_place_of_a_folder_and_back(tmp_path):
    url = f"memory://{tmp_path.name}/thing.h5"
    write(url, b"one file")
    with local_copies(url) as copies:
        assert copies.names[0].endswith("/thing.h5")
        assert Path(copies.names[0]).read_bytes() == b"one file"
    UrlPath(url).unlink()
    write(f"{url}/a", b"in a folder")
    assert copied(url) == {"a": b"in a folder"}
    UrlPath(url).files.rm(UrlPath(url).place, recursive=True)
    write(url, b"a file again")
    with local_copies(url) as copies:
        assert Path(copies.names[0]).read_bytes() == b"a file again"


def test_several_in_one_flag(tmp_path, folder):
    urls = [f"memory://{tmp_path.name}/{name}" for name in ("a", "b", "c++")]
    for url in urls:
        write(f"{url}/file", url.encode())
    first, second, third = urls
    with local_copies(first, f"{first},{folder},{second}+{first}+{third}") as copies:
        assert not any("://" in name for name in copies.names)
        one, here, more = copies.names[1].split(",")
        assert one == copies.names[0] and here == str(folder)
        for url, place in zip((second, first, third), more.split("+", 2), strict=True):
            assert Path(place, "file").read_bytes() == url.encode()
        assert copies.as_given(f"{one}/x and {more}") == f"{first}/x and {second}+{first}+{third}"


def test_messages_name_the_address(tmp_path):
    url = f"memory://{tmp_path.name}/folder"
    write(f"{url}/file", b"")
    with pytest.raises(InputError, match=f"^{url}/file is wrong$"), local_copies(url) as copies:
        raise InputError(f"{copies.names[0]}/file is wrong")


def test_what_cannot_be_copied_is_one_line(tmp_path, monkeypatch):
    name = tmp_path.name
    write(f"memory://{name}/good/a", b"")
    store = fsspec.filesystem("memory").store
    store[f"/{name}/odd/../../x"] = store[f"/{name}/good/a"]
    for url, words in (
        (f"memory://{name}/absent", "check the address"),
        (f"memory://{name}/odd", "rename"),
        ("nonsense://x/y", "nonsense"),
    ):
        with pytest.raises(InputError, match=words) as caught, local_copies(url):
            pass
        assert "\n" not in str(caught.value) and url.partition("://")[0] in str(caught.value)
    assert not (tmp_path / "cache").exists()
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with (
        pytest.raises(InputError, match="XDG_CACHE_HOME"),
        local_copies(f"memory://{name}/good"),
    ):
        pass


def test_a_full_disk(tmp_path):
    url = f"memory://{tmp_path.name}/folder"
    write(f"{url}/large", bytes(100_000))
    with (
        files_end_at(20_000),
        pytest.raises(InputError, match=f"copy of {url} .*XDG_CACHE_HOME"),
        local_copies(url),
    ):
        pass
    kept = (tmp_path / "cache").rglob("*")
    assert {path.name for path in kept if path.is_file()} == {".lock", ".update.lock"}
    assert copied(url) == {"large": bytes(100_000)}


def test_folders_in_the_web_are_refused(folder):
    pytest.importorskip("aiohttp", reason="NOT TESTED: http://, aiohttp is missing")
    with serve(folder) as server:
        url = f"{server.url}/sub?signature=5ec3e7"
        with pytest.raises(InputError, match="lists no folders") as caught, local_copies(url):
            pass
        assert "5ec3e7" not in str(caught.value) and not server.asked


COPY = """
import sys
from bsp_tf.base.servers.local_copy import local_copies
print("ready", flush=True)
sys.stdin.readline()
with local_copies(sys.argv[1]) as copies:
    print(copies.names[0], flush=True)
    sys.stdin.read()
"""


def start(*urls):
    """A process for each address, all of which begin to copy at once and then keep reading."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COPY, url],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for url in urls
    ]
    assert all(process.stdout.readline() == "ready\n" for process in processes)
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return processes


@pytest.fixture
def bucket(upload, tmp_path):
    """A folder of many small files, and the process that copies it can be killed amid them."""
    many = {f"{number:03}.npy": bytes([number]) * 50_000 for number in range(150)}
    (tmp_path / "many").mkdir()
    for name, content in many.items():
        (tmp_path / "many" / name).write_bytes(content)
    return upload(tmp_path / "many", f"{tmp_path.name}/many"), many


def test_a_killed_copy_goes_on(bucket):
    url, many = bucket
    place = cache_folder(UrlPath(url), "copies") / "content" / "many"
    (process,) = start(url)
    while len(content_of(place)) < 10:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = {path.name: path.stat().st_ino for path in place.iterdir()}
    assert 10 <= len(kept) < len(many)
    assert all((place / name).read_bytes() == many[name] for name in kept)
    assert copied(url) == many
    assert all((place / name).stat().st_ino == inode for name, inode in kept.items())
    assert sorted(os.listdir(place.parents[1])) == [".lock", ".update.lock", "content"]


def places(readers):
    return {process.stdout.readline().strip() for process in readers}


def end(readers):
    for process in readers:
        assert process.communicate(timeout=60)[1].count("error") == 0


def test_a_copy_is_changed_between_readers_by_one_of_those_that_wait(upload, folder, tmp_path):
    url = upload(folder, f"{tmp_path.name}/shared")
    readers = start(url, url)
    (place,) = places(readers)
    assert content_of(Path(place)) == FILES
    write(f"{url}/a.npy", b"new")
    waiting = start(url, url)
    assert all("waits" in process.stderr.readline() for process in waiting)
    assert content_of(Path(place)) == FILES
    end(readers)
    # They read beside each other: the second one does not wait for the first to end.
    assert places(waiting) == {place}
    assert content_of(Path(place)) == FILES | {"a.npy": b"new"}
    end(waiting)
