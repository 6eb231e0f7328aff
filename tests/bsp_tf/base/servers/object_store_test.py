"""Parts of objects through obstore: asked as s3fs asks, and s3fs again where that fails."""

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath
from bsp_tf.base.servers import failures, object_store
from bsp_tf.base.servers.ranges import read_ranges
from tests.fixtures.web_server import serve

s3fs = pytest.importorskip("s3fs", reason="NOT TESTED: s3://, s3fs (extra `s3`) is not installed")
pytest.importorskip("obstore", reason="NOT TESTED: obstore (extra `s3`) is not installed")

CONTENT = bytes(range(256)) * 40
SECRET = "5ec3e7"
# A name with all that addresses write in another way.
ODD_NAME = "a b+c&=ü~(x)!'*@:,;$[]{}|^%20#.bin"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server with one bucket of two files."""
    monkeypatch.setattr(failures, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    (tmp_path / "bucket").mkdir()
    for name in ("a.bin", ODD_NAME):
        (tmp_path / "bucket" / name).write_bytes(CONTENT)
    with serve(tmp_path) as started:
        monkeypatch.setenv("AWS_ENDPOINT_URL", started.url)
        s3fs.S3FileSystem.clear_instance_cache()
        yield started
        s3fs.S3FileSystem.clear_instance_cache()


def read(name: str = "a.bin", start: int = 0, count: int = 1) -> None:
    """Reads parts that follow each other, and checks them."""
    starts = [start + 10 * k for k in range(count)]
    parts = read_ranges(
        [UrlPath(f"s3://bucket/{name}")] * count, starts, [first + 10 for first in starts]
    )
    assert parts == [CONTENT[first : first + 10] for first in starts]


def askers(server) -> list[str]:
    """ "s3fs" or "obstore" for each request."""
    agents = [headers["User-Agent"] for headers in server.headers]
    return ["s3fs" if "Botocore" in agent else "obstore" for agent in agents]


def test_s3fs_asks_first_then_obstore_in_the_same_way(server):
    for name in ("a.bin", ODD_NAME):
        read(name)
        read(name, 300, count=4)
    assert askers(server) == ["s3fs"] + ["obstore"] * 9
    assert len({path for _, path, _ in server.asked}) == 2
    signers = {
        re.match(r".*Credential=(\w+)/\d+/([\w-]+)/s3/", headers["Authorization"]).groups()
        for headers in server.headers
    }
    assert signers == {("first", "eu-central-1")}


def test_keys_that_expire_are_renewed(server, monkeypatch, tmp_path):
    """They come out of a program: the first ones go stale 15 minutes before they expire."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    program = tmp_path / "keys.py"
    program.write_text(
        "import pathlib, datetime, json\n"
        f"calls = pathlib.Path({str(tmp_path / 'calls')!r})\n"
        "with calls.open('a') as file: file.write('x')\n"
        "number = len(calls.read_text())\n"
        "left = datetime.timedelta(minutes=15, seconds=2 if number == 1 else 3000)\n"
        "end = datetime.datetime.now(datetime.timezone.utc) + left\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'key{number}', 'SecretAccessKey': 'x',\n"
        "    'SessionToken': f'token{number}', 'Expiration': end.isoformat()}))\n"
    )
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    read(count=2)
    read(count=2)
    time.sleep(2)
    with monkeypatch.context() as soon:
        soon.setattr(object_store, "LIFETIME_SECONDS", 0)
        read()
    read(count=2)
    assert askers(server)[-3:] == ["s3fs", "obstore", "obstore"]
    numbers = []
    for headers in server.headers:
        token = headers["X-Amz-Security-Token"]
        assert f"Credential={token.replace('token', 'key')}/" in headers["Authorization"]
        numbers.append(token.removeprefix("token"))
    assert numbers[0] == "1" and numbers[-3:] == ["2", "2", "2"]


@pytest.mark.parametrize(
    ("options", "name", "value", "later"),
    [
        ({"anon": True}, "Authorization", None, "obstore"),
        ({"key": "mine", "secret": "x", "token": "t"}, "X-Amz-Security-Token", "t", "obstore"),
        ({"client_kwargs": {"region_name": "sa-east-1"}}, "Authorization", "sa-east", "obstore"),
        ({"requester_pays": True}, "x-amz-request-payer", "requester", "s3fs"),
        ({"version_aware": True}, "Authorization", "first", "obstore"),
        ({"config_kwargs": {"proxies": {}}}, "Authorization", "first", "obstore"),
    ],
)
def test_options_of_the_file_system_hold(server, monkeypatch, options, name, value, later):
    monkeypatch.setattr("fsspec.config.conf", {"s3": options})
    # obstore's own, which s3fs does not know.
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "false" if options.get("anon") else "true")
    monkeypatch.setenv("AWS_REQUEST_PAYER", "true")
    for _ in range(3):
        read()
    assert askers(server) == ["s3fs", later, later]
    for headers in server.headers:
        assert (value in headers[name]) if value else (headers[name] is None)
        assert options.get("requester_pays") or not headers["x-amz-request-payer"]


@pytest.mark.parametrize("fault", [429, 500, 503, "reset", "late"])
def test_a_part_that_fails_for_the_moment_is_asked_for_again(server, fault, monkeypatch):
    options = {"config_kwargs": {"read_timeout": 1}}
    monkeypatch.setattr("fsspec.config.conf", {"s3": options})
    read()
    server.fault = lambda number: fault if number < 3 else None
    read(count=4)
    assert set(askers(server)[1:]) == {"obstore"}


def test_what_goes_on_failing_is_left_to_s3fs_for_a_while(server, monkeypatch):
    read()
    before = failures.repeated.count
    server.fault = lambda number: 400 if askers(server)[number] == "obstore" else None
    read()
    assert failures.repeated.count == before + 1
    read()
    with monkeypatch.context() as later:
        later.setattr(object_store, "LIFETIME_SECONDS", 0)
        server.fault = lambda number: None
        read()
    read()
    assert askers(server) == ["s3fs", "obstore", "s3fs", "s3fs", "s3fs", "obstore"]


def test_final_answers_are_told_at_once(server):
    read()
    asked = len(server.asked)
    with pytest.raises(InputError, match="s3://bucket/gone.bin"):
        read("gone.bin")
    assert askers(server)[asked:] == ["obstore", "s3fs"]
    server.fault = lambda number: 403
    with pytest.raises(InputError, match="s3://bucket/a.bin.*AWS_ACCESS_KEY_ID") as caught:
        read()
    assert "\n" not in str(caught.value) and SECRET not in str(caught.value)
    assert askers(server)[asked + 2 :] == ["obstore", "s3fs"]


def test_a_shorter_file_is_named(server, tmp_path):
    read()
    (tmp_path / "bucket" / "a.bin").write_bytes(CONTENT[:15])
    with pytest.raises(InputError, match="s3://bucket/a.bin.*replaced"):
        read(start=10)


def test_names_that_obstore_changes_are_left_to_s3fs(server, tmp_path):
    (tmp_path / "bucket" / "b").mkdir()
    (tmp_path / "bucket" / "b" / "a.bin").write_bytes(CONTENT)
    read()
    read("b//a.bin")
    assert askers(server) == ["s3fs", "s3fs"]


def test_versions_are_left_to_s3fs(server):
    for _ in range(2):
        read()
        read("a.bin?versionId=v1")
    assert askers(server) == ["s3fs", "s3fs", "obstore", "s3fs"]
    assert ["versionId=v1" in path for _, path, _ in server.asked] == [False, True] * 2


def test_many_threads(server):
    with ThreadPoolExecutor(8) as pool:
        # A part that is wrong, or does not come, is raised here.
        list(pool.map(lambda _: read(count=3), range(80)))
    assert len(server.asked) == 240


def test_a_fork_and_the_end_of_the_process_do_not_hang(server):
    program = (
        "import multiprocessing, sys\n"
        "from bsp_tf.base.remote_path import UrlPath\n"
        "from bsp_tf.base.servers.ranges import read_ranges\n"
        "def read():\n"
        "    for _ in range(3):\n"
        "        part, = read_ranges([UrlPath('s3://bucket/a.bin')], [0], [10])\n"
        f"        assert part == {CONTENT[:10]!r}\n"
        "read()\n"
        "child = multiprocessing.get_context('fork').Process(target=read)\n"
        "child.start()\n"
        "child.join(30)\n"
        "sys.exit(child.exitcode if child.exitcode is not None else 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert ended.returncode == 0, ended.stderr.decode()
    assert askers(server) == ["s3fs", "obstore", "obstore"] + ["s3fs"] * 3
