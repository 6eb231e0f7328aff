"""Conversion of real files: the records, the failures, the same bytes every time."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.records.parser import parse_clip
from bsp_tf.video.reader import read_frames
from tfrecords_tools.conversion.clip_encoder import EncodingOptions
from tfrecords_tools.conversion.plan import ShardingOptions
from tfrecords_tools.convert import convert
from tfrecords_tools.inputs.clip_sources import InputSource

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def clips(make_video, tmp_path_factory):
    """Ten good clips of two classes, an empty class, and six files that cannot be converted."""
    root = tmp_path_factory.mktemp("input") / "clips"
    for i in range(5):
        make_video(root / "jump" / f"{i}.mp4", num_frames=6 + i, seed=i)
        make_video(
            root / "run up" / f"{i}.avi", num_frames=8, height=40, width=80, seed=i, codec="mpeg4"
        )
    (root / "empty").mkdir()
    bad = root / "run up"
    (bad / "nothing.mp4").touch()
    (bad / "notes.txt").write_text("buy milk\n" * 20)
    (bad / "gone.mp4").symlink_to("nowhere.mp4")
    os.mkfifo(bad / "endless.mp4")
    make_video(bad / "one.mp4", num_frames=1)
    whole = make_video(root / "whole.mkv", num_frames=100, height=96, width=128)
    (bad / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    whole.unlink()
    return root


def records_of(folder):
    shards = sorted(str(path) for path in folder.glob("clips-*"))
    return [
        {key: value.numpy() for key, value in parse_clip(record).items()}
        for record in tf.data.TFRecordDataset(shards)
    ]


def contents_of(folder):
    """All files but the list of failures, whose seconds differ."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != "failures.csv"
    }


def command(*arguments):
    return [sys.executable, "-m", "tfrecords_tools.convert", *map(str, arguments)]


def test_records_failures_and_manifest(clips, tmp_path, capsys):
    output = tmp_path / "records"
    manifest = convert(clips, output, sharding=ShardingOptions(4))
    assert str(clips / "empty") in capsys.readouterr().err
    assert (output / "labels.txt").read_text() == "empty\njump\nrun up\n"
    assert json.loads((output / "manifest.json").read_text()) == manifest
    assert (
        manifest["num_clips"] == 10
        and manifest["num_failures"] == 6
        and manifest["num_shards"] == 4
    )
    assert sum(shard["num_clips"] for shard in manifest["shards"]) == 10
    assert manifest["flags"]["jpeg_quality"] == 95 and manifest["flags"]["num_shards"] == 4
    assert manifest["versions"].keys() >= {"python", "av", "simplejpeg", "libavcodec", "libswscale"}
    assert (
        manifest["label_map_sha256"]
        == hashlib.sha256((output / "labels.txt").read_bytes()).hexdigest()
    )
    for shard in manifest["shards"]:
        assert hashlib.sha256((output / shard["name"]).read_bytes()).hexdigest() == shard["sha256"]
        assert (output / shard["name"]).stat().st_size == shard["num_bytes"]
    records = {record["filename"].decode(): record for record in records_of(output)}
    assert sorted(records) == [f"jump/{i}.mp4" for i in range(5)] + [
        f"run up/{i}.avi" for i in range(5)
    ]
    record = records["run up/3.avi"]
    assert (record["label"], record["label_text"]) == (2, b"run up")
    assert (record["height"], record["width"], record["fps"]) == (40, 80, 25.0)
    assert (record["start_seconds"], record["end_seconds"]) == (0.0, pytest.approx(8 / 25))
    frames = np.stack([tf.io.decode_jpeg(frame).numpy() for frame in record["frames"]]).astype(int)
    source = np.stack(list(read_frames(clips / "run up" / "3.avi"))).astype(int)
    assert frames.shape == source.shape == (8, 40, 80, 3)
    assert np.abs(frames - source).mean() < 8
    with open(output / "failures.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["path", "reason", "seconds"] and all(float(row[2]) >= 0 for row in rows[1:])
    reasons = {row[0]: row[1] for row in rows[1:]}
    expected = {
        "run up/nothing.mp4": "empty",
        "run up/notes.txt": "not a video",
        "run up/gone.mp4": "no such file",
        "run up/endless.mp4": "regular file",
        "run up/one.mp4": "--min_frames=2",
        "run up/cut.mkv": "damaged",
    }
    assert sorted(reasons) == sorted(expected)
    for path, reason in expected.items():
        assert reason in reasons[path] and str(clips) not in reasons[path]


def test_same_bytes_whatever_the_workers(clips, tmp_path):
    options = EncodingOptions(short_side=24, fps=12.5, jpeg_quality=80)
    convert(clips, tmp_path / "one", sharding=ShardingOptions(3), options=options, workers=1)
    convert(clips, tmp_path / "two", sharding=ShardingOptions(3), options=options, workers=2)
    one, two = contents_of(tmp_path / "one"), contents_of(tmp_path / "two")
    assert one == two and len(one) == 5
    convert(clips, tmp_path / "other", sharding=ShardingOptions(3, shuffle_seed=1), options=options)
    assert contents_of(tmp_path / "other")["clips-00000-of-00003"] != one["clips-00000-of-00003"]
    record = next(
        record for record in records_of(tmp_path / "one") if record["filename"] == b"run up/0.avi"
    )
    assert (record["height"], record["width"], record["fps"], len(record["frames"])) == (
        24,
        48,
        12.5,
        4,
    )


def test_a_finished_conversion_is_reused_and_other_flags_are_refused(clips, tmp_path, capsys):
    convert(clips, tmp_path, sharding=ShardingOptions(2))
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("clips-*")}
    convert(clips, tmp_path, sharding=ShardingOptions(2), workers=2)
    assert "10 clips in 2 shards" in capsys.readouterr().out
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("clips-*")} == times
    with pytest.raises(InputError, match="num_shards was 2, is now 3"):
        convert(clips, tmp_path, sharding=ShardingOptions(3))
    # A shard that was lost is made again, the others stay.
    (tmp_path / "clips-00001-of-00002").unlink()
    convert(clips, tmp_path, sharding=ShardingOptions(2))
    assert len(records_of(tmp_path)) == 10
    assert (tmp_path / "clips-00000-of-00002").stat().st_mtime_ns == times["clips-00000-of-00002"]


def test_a_video_that_was_replaced_is_refused(make_video, tmp_path):
    clips, output = tmp_path / "clips", tmp_path / "out"
    make_video(clips / "a" / "0.mp4", seed=1)
    (clips / "a" / "1.mp4").write_text("a download that failed")
    convert(clips, output)
    # Failures are there to be mended; another time of the same content is a copy.
    make_video(clips / "a" / "1.mp4", seed=2)
    os.utime(clips / "a" / "0.mp4", ns=(1, 1))
    assert convert(clips, output)["num_failures"] == 1
    assert convert(clips, output, retry_failures=True)["num_failures"] == 0
    make_video(clips / "a" / "0.mp4", seed=3)
    with pytest.raises(InputError, match=r"out .*a/0\.mp4"):
        convert(clips, output)


def test_other_clips_in_the_same_output(make_video, tmp_path):
    make_video(tmp_path / "clips" / "a" / "1.mp4", num_frames=4)
    convert(tmp_path / "clips", tmp_path / "records")
    assert len(records_of(tmp_path / "records")) == 1
    make_video(tmp_path / "clips" / "a" / "2.mp4", num_frames=4)
    with pytest.raises(InputError, match=f"{tmp_path}/records .*clips"):
        convert(tmp_path / "clips", tmp_path / "records")


def test_kinetics_csv(make_video, tmp_path):
    make_video(tmp_path / "clips" / "shaking_hands" / "-x_000007_000017.mp4", num_frames=4)
    (tmp_path / "k.csv").write_text(
        "label,youtube_id,time_start,time_end,split\nshaking hands,-x,7,17,val\nyoga,y,1,11,val\n"
    )
    (tmp_path / "labels.txt").write_text("yoga\nshaking hands\n")
    source = InputSource(
        str(tmp_path / "k.csv"), str(tmp_path / "clips"), labels=str(tmp_path / "labels.txt")
    )
    manifest = convert(source, tmp_path / "records")
    assert (manifest["num_clips"], manifest["num_failures"], manifest["num_missing"]) == (1, 1, 1)
    record = records_of(tmp_path / "records")[0]
    assert (record["label"], record["label_text"]) == (1, b"shaking hands")
    assert (record["start_seconds"], record["end_seconds"]) == (7.0, 17.0)
    assert (
        "yoga/y_000001_000011.mp4,no such file"
        in (tmp_path / "records" / "failures.csv").read_text()
    )


def test_segments_are_cut_out(make_video, tmp_path):
    make_video(tmp_path / "videos" / "long.mp4", num_frames=50)
    (tmp_path / "k.csv").write_text(
        "video_path,start,end,label\nlong.mp4,0.4,0.8,b\nlong.mp4,1,2.5,a\nlong.mp4,9,11,a\n"
    )
    output = tmp_path / "records"
    manifest = convert(InputSource(str(tmp_path / "k.csv"), str(tmp_path / "videos")), output)
    records = {record["start_seconds"]: record for record in records_of(output)}
    assert manifest["num_failures"] == 1 and "long.mp4" in (output / "failures.csv").read_text()
    assert [(len(records[time]["frames"]), records[time]["label"]) for time in (0.4, 1.0)] == [
        (10, 1),
        (25, 0),
    ]
    source = np.stack(list(read_frames(tmp_path / "videos" / "long.mp4"))).astype(int)
    first = tf.io.decode_jpeg(records[0.4]["frames"][0]).numpy().astype(int)
    assert np.abs(first - source[10]).mean() < np.abs(first - source[13]).mean() < 20


def test_command_exit_status(clips, tmp_path):
    run = subprocess.run(
        command(f"--input={clips}", f"--output={tmp_path / 'r'}", "--num_shards=2", "--workers=1"),
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 3, run.stderr
    assert "10 clips" in run.stdout and "6 of 16 clips" in run.stderr
    run = subprocess.run(
        command("--input=nowhere", f"--output={tmp_path / 'x'}"),
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2 and "Traceback" not in run.stderr
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and "nowhere" in last and "--input" in last


def test_output_that_cannot_be_written(clips, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/records"):
        convert(clips, tmp_path / "file" / "records")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "clips-00000-of-00001").touch()
    with pytest.raises(InputError, match="foreign"):
        convert(clips, tmp_path / "foreign")


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("manifest.json", "{}", "manifest.json.*'shards'"),
        (".convert/settings.json", "[]", "settings.json"),
        (".convert/shards/clips-00000-of-00001.json", "{}", "clips-00000-of-00001.json.*'name'"),
        (".convert/plan.json", "{}", "plan.json.*'root'"),
    ],
)
def test_damaged_files_of_an_earlier_run_are_named(make_video, tmp_path, name, content, fault):
    make_video(tmp_path / "in" / "jump" / "a.mp4", num_frames=3)
    output = tmp_path / "records"
    convert(tmp_path / "in", output, sharding=ShardingOptions(1))
    if "/clips-" in name:
        (output / "manifest.json").unlink()
    (output / name).write_text(content)
    with pytest.raises(InputError, match=fault):
        convert(tmp_path / "in", output, sharding=ShardingOptions(1))


def test_a_folder_that_another_run_writes_is_refused(clips, tmp_path):
    with lock_folder(tmp_path / "out"):
        with pytest.raises(InputError, match=f"process {os.getpid()}.*{tmp_path / 'out'}"):
            convert(clips, tmp_path / "out")
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
