"""What is wrong with a server or an address: one line that says what to set, nothing written."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json
from bsp_tf.base.servers import failures
from bsp_tf.extract import extract
from tests.fixtures.web_server import serve
from tfrecords_tools.convert import convert

s3fs = pytest.importorskip("s3fs", reason="NOT TESTED: s3://, s3fs (extra `s3`) is not installed")

PROJECT = Path(__file__).resolve().parents[1]
SECRET = "5ec3e7"
# What Amazon's server answers: status, code, message.
REFUSALS = {
    "denied": (403, "AccessDenied", "Access Denied", "AWS_ACCESS_KEY_ID"),
    "unknown key": (403, "InvalidAccessKeyId", "The key does not exist.", "AWS_ACCESS_KEY_ID"),
    "region": (301, "PermanentRedirect", "Use the endpoint of its region.", "AWS_DEFAULT_REGION"),
    "signed for another region": (
        400,
        "AuthorizationHeaderMalformed",
        "The region 'us-east-1' is wrong.",
        "AWS_DEFAULT_REGION",
    ),
}


@pytest.fixture
def refusing(monkeypatch):
    """A server that refuses everything in the words of Amazon's; set `refusal`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            del arguments

        def answer(self):
            status, code, message, _ = REFUSALS[server.refusal]
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("x-amz-bucket-region", "eu-central-1")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_HEAD = do_PUT = do_POST = answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.server_address))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    s3fs.S3FileSystem.clear_instance_cache()
    yield server
    server.shutdown()
    server.server_close()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def clips(make_video, tmp_path):
    make_video(tmp_path / "clips" / "a" / "one.mp4", num_frames=5)
    return tmp_path / "clips"


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setattr(failures, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def refused(run, *words):
    """That an InputError of one line holds all words, and no secret."""
    with pytest.raises(InputError) as caught:
        run()
    text = str(caught.value)
    assert all(word in text for word in words) and "\n" not in text and SECRET not in text, text


@pytest.mark.parametrize("refusal", REFUSALS)
def test_refusals_name_what_to_set(refusing, clips, tmp_path, refusal):
    refusing.refusal = refusal
    variable = REFUSALS[refusal][3]
    refused(lambda: read_json("s3://bucket/a.json"), "s3://bucket/a.json", variable)
    refused(lambda: convert("s3://bucket/clips", tmp_path / "out"), "s3://bucket/clips", variable)
    refused(lambda: convert(clips, "s3://bucket/out"), "s3://bucket/out", variable)
    refused(lambda: extract("model", "s3://bucket/v", tmp_path / "f"), "s3://bucket/v", variable)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == ["clips"]


def test_no_credentials(refusing, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    refused(lambda: read_json("s3://bucket/a.json"), "s3://bucket/a.json", "AWS_ACCESS_KEY_ID")


def test_a_bucket_that_does_not_exist(upload, clips, tmp_path):
    upload(clips, "clips")
    refused(lambda: convert(clips, "s3://nowhere/out"), "s3://nowhere/out", "no such bucket")
    refused(lambda: convert("s3://nowhere/clips", tmp_path / "out"), "s3://nowhere/clips")
    refused(lambda: read_json("s3://nowhere/a.json"), "s3://nowhere/a.json", "no such bucket")
    assert not (tmp_path / "out").exists()


def test_web_servers_list_nothing_and_take_nothing(clips, tmp_path):
    pytest.importorskip("aiohttp", reason="NOT TESTED: http://, aiohttp is missing")
    (clips / "a" / "clips.json").write_text("{}")
    with serve(clips) as server:
        refused(lambda: convert(clips, f"{server.url}/out"), f"{server.url}/out", "--output")
        server.fault = lambda number: "html"
        signed = f"{server.url}/a/clips.json?signature={SECRET}"
        refused(lambda: convert(signed, tmp_path / "out"), "a/clips.json", "web page")
    assert not (tmp_path / "out").exists()


def test_a_missing_extra_is_one_line_of_the_command(tmp_path):
    (tmp_path / "s3fs.py").write_text("raise ImportError('not here')\n")
    ran = subprocess.run(
        [sys.executable, "-m", "tfrecords_tools.convert", "--input=s3://b/c", "--output=out"],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2 and ran.stderr.count("\n") == 1 and "bsp_tf[s3]" in ran.stderr
    assert not (PROJECT / "out").exists()
