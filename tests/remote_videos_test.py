"""Videos on servers: the frames, features and boundaries of local ones; what servers do wrong."""

import json

import av
import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath, given_path
from bsp_tf.base.servers import failures
from bsp_tf.base.settings import fingerprint, is_unchanged
from bsp_tf.boundaries import find_all_boundaries
from bsp_tf.extract import extract
from bsp_tf.features.video_ids import name_videos
from bsp_tf.video.reader import probe_video, read_frames
from bsp_tf.video.stream import TruncatedVideoError, VideoError
from tests.fixtures.change_model import save_jump_model, write_jumps
from tests.fixtures.mean_model import save_mean_model
from tests.fixtures.web_server import serve

fsspec = pytest.importorskip("fsspec", reason="NOT TESTED: fsspec is not installed")
pytest.importorskip("aiohttp", reason="NOT TESTED: http://, aiohttp (extra `http`) is missing")

SIGNED = "?X-Amz-Signature=5ec3e7"


@pytest.fixture(scope="module")
def videos(make_video, tmp_path_factory):
    """Three forms, one of them several blocks long, and one that is cut."""
    root = tmp_path_factory.mktemp("input") / "videos"
    make_video(root / "a" / "one.mp4", num_frames=40, seed=1)
    make_video(root / "two.avi", num_frames=16, seed=3, codec="mpeg4", fps=30)
    whole = make_video(root / "whole.mkv", num_frames=120, height=96, width=128)
    (root / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (root / ".hidden.mp4").touch()
    return root


@pytest.fixture
def web(videos, monkeypatch):
    monkeypatch.setattr(failures, "FIRST_PAUSE_SECONDS", 0.01)
    with serve(videos) as server:
        yield server


@pytest.fixture(scope="module")
def bucket(upload, videos):
    return upload(videos, "videos")


def frames_of(path, **options):
    """The frames, and the kind of error that ended them."""
    frames, error = [], None
    try:
        frames += read_frames(path, **options)
    except TruncatedVideoError as caught:
        frames, error = frames, type(caught)
    return frames, error


def same_frames(path, other, **options):
    found, expected = frames_of(path, **options), frames_of(other, **options)
    return np.array_equal(found[0], expected[0]) and found[1] == expected[1] and found[0]


def test_the_same_frames(videos, bucket, web):
    files = fsspec.filesystem("memory")
    for name in ("a/one.mp4", "two.avi", "cut.mkv"):
        local = videos / name
        files.pipe(f"/{videos.parent.name}/{name}", local.read_bytes())
        for url in (
            f"{bucket}/{name}",
            f"{web.url}/{name}{SIGNED}",
            f"memory://{videos.parent.name}/{name}",
        ):
            assert same_frames(url, local) and probe_video(url) == probe_video(local)
            assert same_frames(UrlPath(url), local, fps=5, start_seconds=0.2)
            about, expected = fingerprint(url), fingerprint(local)
            assert is_unchanged(local, about) and is_unchanged(url, expected)


def test_long_videos_are_read_in_blocks(tmp_path):
    """Noise, so that it is long; its index lies at the end."""
    path = tmp_path / "noise.mp4"
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.bit_rate = 320, 240, 50_000_000
        for _ in range(60):
            image = random.integers(0, 256, (240, 320, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    assert path.stat().st_size > 3 << 20
    with serve(tmp_path) as server:
        assert same_frames(f"{server.url}/noise.mp4", path)
        asked = [part for method, _, part in server.asked if method == "GET"]
    assert all(asked) and len(asked) <= 2 + path.stat().st_size / (1 << 20)


def test_names(bucket, videos, web):
    local, remote = name_videos(videos), name_videos(bucket)
    assert list(remote) == list(local) and str(remote["one"]) == f"{bucket}/a/one.mp4"
    assert list(name_videos(f"{web.url}/a%20b.mp4{SIGNED}")) == ["a b"]
    with pytest.raises(InputError, match=f"{bucket}/absent"):
        name_videos(f"{bucket}/absent")


@pytest.mark.parametrize("fault", [500, 503, "reset"])
def test_what_fails_for_the_moment_is_asked_for_again(web, videos, fault):
    web.fault = lambda number: fault if number % 3 else None
    assert same_frames(f"{web.url}/whole.mkv", videos / "whole.mkv")


def test_a_server_that_fails_is_no_damage(web):
    """Else --allow_partial would keep what came before."""
    for first in (0, 1):
        web.asked.clear()
        web.fault = lambda number, first=first: 500 if number >= first else None
        with pytest.raises(VideoError, match=r"whole\.mkv.*500") as caught:
            list(read_frames(f"{web.url}/whole.mkv{SIGNED}"))
        assert not isinstance(caught.value, TruncatedVideoError) and "5ec3e7" not in str(caught)


def test_what_is_no_video(web, videos, tmp_path):
    for name, fault, message in (
        ("gone.mp4", None, "gone.mp4"),
        ("two.avi", "html", "web page"),
        (".hidden.mp4", None, "empty"),
    ):
        web.fault = lambda number, fault=fault: fault
        with pytest.raises(VideoError, match=message):
            probe_video(f"{web.url}/{name}")


def test_a_file_that_names_others_is_not_followed(web, videos):
    (videos / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:1,\n{web.url}/a/one.mp4\n#EXT-X-ENDLIST\n")
    (videos / "list.txt").write_text(f"ffconcat version 1.0\nfile {web.url}/a/one.mp4\n")
    for name in ("list.m3u8", "list.txt"):
        with pytest.raises(VideoError, match=name):
            probe_video(f"{web.url}/{name}")
        (videos / name).unlink()
    assert not any(path.endswith("one.mp4") for _, path, _ in web.asked)


def content_of(folder) -> dict[str, bytes]:
    """Name -> bytes of what extraction made, in a folder anywhere."""
    where = given_path(folder)
    names = (
        where.files_below()
        if isinstance(where, UrlPath)
        else [path.relative_to(where).as_posix() for path in where.rglob("*") if path.is_file()]
    )
    return {name: (where / name).read_bytes() for name in names}


def test_features_from_and_to_a_bucket(videos, bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = save_mean_model(tmp_path / "model")
    assert extract(model, videos, tmp_path / "local")[0] == 3
    output = "s3://bucket/features"
    number, failed = extract(model, bucket, output)
    assert number == 3 and [path for path, _ in failed] == [f"{bucket}/cut.mkv"]
    expected, found = content_of(tmp_path / "local"), content_of(output)
    assert found.keys() == expected.keys()
    for name, content in expected.items():
        if name.endswith(".json"):
            for entry in (content, found[name]):
                about = json.loads(entry)
                for video in about.get("videos", {"": about}).values():
                    del video["source"]["modified_ns"]
        elif not name.endswith(".csv"):
            assert found[name] == content, name
    # Nothing is done again, from wherever the same videos are read.
    (tmp_path / "cache").rename(tmp_path / "gone")
    for place in (bucket, videos):
        extract(model, place, output)
    assert {name for name, value in content_of(output).items() if value != found[name]} == {
        "failures.csv"
    }


def test_boundaries_from_signed_addresses(tmp_path, capsys):
    write_jumps(tmp_path / "jumps" / "two.mp4", [(40, 60), (50, 200), (40, 100)])
    model = save_jump_model(tmp_path / "model")
    local = find_all_boundaries([tmp_path / "jumps"], model, tmp_path / "local.json")
    with serve(tmp_path / "jumps") as server:
        url = f"{server.url}/two.mp4{SIGNED}"
        for _ in range(2):
            remote = find_all_boundaries([url], model, tmp_path / "remote.json")
        with pytest.raises(InputError, match="--output=http:.*takes no files"):
            find_all_boundaries([url], model, f"{server.url}/out.json")
    assert remote.sections == local.sections and "finished before" in capsys.readouterr().out
    assert "5ec3e7" not in (tmp_path / "remote.json").read_text()
