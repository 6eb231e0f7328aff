"""Buckets of Google Cloud Storage, against an emulator on this machine."""

import socket

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json, write_json
from bsp_tf.base.remote_path import UrlPath
from bsp_tf.base.servers import failures
from bsp_tf.base.servers.ranges import read_ranges
from bsp_tf.video.reader import read_frames
from tfrecords_tools.conversion.plan import ShardingOptions
from tfrecords_tools.convert import convert

pytest.importorskip("gcsfs", reason="NOT TESTED: gs://, gcsfs (extra `gcs`) is not installed")
emulator = pytest.importorskip(
    "gcp_storage_emulator.server", reason="NOT TESTED: gs://, gcp-storage-emulator is not installed"
)


@pytest.fixture(scope="module")
def bucket():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = emulator.create_server("127.0.0.1", port, in_memory=True, default_bucket="bucket")
    server.start()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        # Else it asks Google over gRPC, which emulators do not speak, of what kind the bucket is.
        environment.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        environment.setattr(failures, "FIRST_PAUSE_SECONDS", 0.01)
        yield "gs://bucket"
    server.stop()


def test_files(bucket, tmp_path):
    file = UrlPath(f"{bucket}/a/b.json")
    assert not file.is_file() and not file.parent.is_dir() and file.parent.names() == []
    write_json(file, {"b": 1})
    assert read_json(str(file)) == {"b": 1} and file.is_file() and file.parent.is_dir()
    assert file.parent.names() == ["b.json"] and UrlPath(f"{bucket}/a").files_below() == ["b.json"]
    before, content = file.stat(), file.read_bytes()
    assert before.st_size == len(content) and file.stat() == before
    assert read_ranges([file] * 2, [0, 3], [2, 5]) == [content[:2], content[3:5]]
    file.unlink()
    assert not file.is_file()
    with pytest.raises(InputError, match="gs://nowhere/a.json.*bucket"):
        write_json("gs://nowhere/a.json", {})


def test_conversion_from_and_to_a_bucket(bucket, make_video, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for i in range(4):
        video = make_video(tmp_path / "clips" / "ab"[i % 2] / f"{i}.mp4", num_frames=5, seed=i)
        UrlPath(f"{bucket}/clips/{video.parent.name}/{i}.mp4").upload(video)
    sharding = ShardingOptions(2)
    convert(tmp_path / "clips", tmp_path / "whole", sharding=sharding)
    for _ in range(2):
        convert(f"{bucket}/clips", f"{bucket}/records", sharding=sharding)
    for file in (tmp_path / "whole").glob("clips-*"):
        assert UrlPath(f"{bucket}/records/{file.name}").read_bytes() == file.read_bytes()
    assert len(list(read_frames(f"{bucket}/clips/a/0.mp4"))) == 5
