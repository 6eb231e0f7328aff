"""Conversion from servers and into a bucket: the local run's bytes, also after kills."""

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UrlPath
from bsp_tf.records.schema import FILENAME, SequenceExample
from tests.fixtures.web_server import serve
from tfrecords_tools.conversion.clip_encoder import EncodingOptions, convert_clip
from tfrecords_tools.conversion.plan import ShardingOptions
from tfrecords_tools.convert import convert
from tfrecords_tools.inputs.clip_sources import InputSource, index_clips
from tfrecords_tools.inspection.record_reader import read_records

pytest.importorskip("s3fs", reason="NOT TESTED: s3://, s3fs (extra `s3`) is not installed")
pytest.importorskip("aiohttp", reason="NOT TESTED: http://, aiohttp (extra `http`) is missing")

PROJECT = Path(__file__).resolve().parents[1]
SHARDS = ShardingOptions(4)
FILES = [f"clips-0000{i}-of-00004" for i in range(4)] + ["labels.txt", "manifest.json"]
STATE = [".convert/plan.json", ".convert/settings.json"]


@pytest.fixture(scope="module")
def clips(make_video, tmp_path_factory):
    root = tmp_path_factory.mktemp("input") / "clips"
    for i in range(9):
        make_video(root / "ab"[i % 2] / f"{i}.mp4", num_frames=10 + 30 * (i % 4 == 0), seed=i)
    (root / "a" / "broken.mp4").write_text("no video")
    return root


@pytest.fixture(scope="module")
def bucket(upload, clips):
    return upload(clips, "clips")


@pytest.fixture(scope="module")
def whole(bucket, tmp_path_factory):
    """What is converted out of the bucket into a local folder."""
    output = tmp_path_factory.mktemp("whole") / "records"
    convert(bucket, output, sharding=SHARDS)
    return output


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def shards_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("clips-*"))}


def failures_of(text: bytes):
    return {row["path"]: row["reason"] for row in csv.DictReader(text.decode().splitlines())}


def check_objects(url, whole):
    """That the bucket holds the local run's bytes, and nothing half done."""
    folder = UrlPath(url)
    state = [f".convert/shards/{name}.json" for name in FILES[:4]]
    assert sorted(folder.files_below()) == sorted([*FILES, *STATE, *state, "failures.csv"])
    for name in FILES:
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
    found, expected = (place / "failures.csv" for place in (folder, whole))
    assert failures_of(found.read_bytes()) == failures_of(expected.read_bytes())


def test_from_a_bucket_as_from_a_folder(clips, whole, tmp_path):
    convert(clips, tmp_path / "local", sharding=SHARDS)
    assert shards_of(tmp_path / "local") == shards_of(whole)
    texts = [(folder / "failures.csv").read_bytes() for folder in (tmp_path / "local", whole)]
    assert failures_of(texts[0]) == failures_of(texts[1]) and b"broken" in texts[0]


def test_a_table_of_videos_on_a_web_server(clips, tmp_path):
    table = tmp_path / "clips.csv"
    rows = [f"{path.relative_to(clips)},0.1,0.3,{path.parent.name}" for path in clips.glob("*/?.*")]
    table.write_text("\n".join(["video_path,start,end,label", *sorted(rows)]))
    records = []
    with serve(clips) as server:
        for place in (str(clips), server.url):
            index = index_clips(InputSource(str(table), videos=place))
            found = [convert_clip(clip, EncodingOptions(), index.root) for clip in index.clips]
            records.append([list(clip) for clip in found])
    assert records[0] == records[1] and len(records[0]) == len(rows) > 5


def test_signatures_are_not_kept_and_may_change(clips, tmp_path, capfd):
    table, output = tmp_path / "clips.csv", tmp_path / "records"
    names = ["a/0.mp4", "b/1.mp4", "b/1.mp4", "a/broken.mp4", "a/gone.mp4", ""]
    with serve(clips) as server, serve(tmp_path) as tables:
        for signature in ("5ec3e7", "0the5"):
            signed = f"?X-Amz-Signature={signature}"
            rows = [f"{server.url}/{name}{signed},x" if name else ",x" for name in names]
            table.write_text("\n".join(["video_path,label", *rows]))
            convert(f"{tables.url}/clips.csv{signed}", output, sharding=ShardingOptions(1))
        told = capfd.readouterr()
        assert "already done: 2 clips" in told.out and "clips.csv?..." in told.err
        assert not any(secret in "".join(told) for secret in ("5ec3e7", "0the5"))
        records = [
            SequenceExample.FromString(record.data).context.feature[FILENAME].bytes_list.value[0]
            for record in read_records(output / "clips-00000-of-00001")
        ]
        assert sorted(records) == [f"{server.url}/{name}?...".encode() for name in names[:2]]
        for path in filter(Path.is_file, output.rglob("*")):
            content = path.read_bytes()
            assert b"5ec3e7" not in content and b"0the5" not in content, path
        table.write_text(f"video_path\n{server.url}/a/0.mp4?id=1\n{server.url}/a/0.mp4?id=2\n")
        with pytest.raises(InputError, match=r"clips\.csv.*a/0\.mp4"):
            convert(str(table), tmp_path / "other")


def test_into_a_bucket(clips, bucket, whole, cache, capfd):
    output = "s3://bucket/records"
    convert(bucket, output, sharding=SHARDS, workers=2)
    check_objects(output, whole)
    assert not list((cache / "bsp_tf" / "outputs").iterdir())
    convert(bucket, output, sharding=SHARDS)
    assert "already done" in capfd.readouterr().out
    with pytest.raises(InputError, match=f"{output}.*shuffle_seed"):
        convert(bucket, output, sharding=ShardingOptions(4, shuffle_seed=1))
    with pytest.raises(InputError, match=f"--output={bucket}/records"):
        convert(bucket, f"{bucket}/records")
    with pytest.raises(InputError, match="unknown origin"):
        (UrlPath(output) / ".convert/settings.json").unlink()
        convert(bucket, output, sharding=SHARDS)


def test_without_the_cache_of_the_machine_that_began(upload, clips, make_video, tmp_path, cache):
    """A shard that is gone, a clip that is mended, a clip that was replaced."""
    bucket, output = upload(clips, "changing"), UrlPath("s3://bucket/again")
    convert(bucket, output, sharding=SHARDS)
    before = [(output / name).read_bytes() for name in FILES[:4]]
    shutil.rmtree(cache)
    (output / FILES[1]).unlink()
    make_video(tmp_path / "mended" / "a" / "broken.mp4", num_frames=5)
    upload(tmp_path / "mended", "changing")
    manifest = convert(bucket, output, sharding=SHARDS, retry_failures=True)
    assert manifest["num_failures"] == 0 and manifest["num_clips"] == 10
    after = [(output / name).read_bytes() for name in FILES[:4]]
    same = sum(one == other for one, other in zip(before, after, strict=True))
    assert same == 3 and sum(map(len, after)) > sum(map(len, before))
    make_video(tmp_path / "new" / "a" / "0.mp4", num_frames=40, seed=99)
    upload(tmp_path / "new", "changing")
    with pytest.raises(InputError, match=f"{bucket}/a/0.mp4 was another file"):
        convert(bucket, output, sharding=SHARDS)


def start(source, output):
    command = [sys.executable, "-m", "tfrecords_tools.convert", f"--input={source}"]
    return subprocess.Popen(
        [*command, f"--output={output}", "--num_shards=4", "--workers=1"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=os.setsid,
    )


@pytest.mark.parametrize("most_kills", [1, pytest.param(10, marks=pytest.mark.thorough)])
def test_killed_at_random_moments(bucket, whole, most_kills):
    """SIGKILL of the whole group, until it has hit that often."""
    moments, kills, outputs = random.Random(5), 0, 0
    begin = time.monotonic()
    process = start(bucket, f"s3://bucket/killed/{most_kills}/0")
    assert process.communicate() and process.returncode == 3
    longest = time.monotonic() - begin
    while kills < most_kills:
        outputs += 1
        output = f"s3://bucket/killed/{most_kills}/{outputs}"
        while not (UrlPath(output) / "manifest.json").is_file():
            process = start(bucket, output)
            if kills < most_kills:
                time.sleep(moments.uniform(0.3, 1) * longest)
                os.killpg(process.pid, signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
            error = process.communicate()[1]
            assert process.returncode in (3, -signal.SIGKILL), error
        check_objects(output, whole)
