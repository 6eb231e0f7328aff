"""Nothing lost, nothing twice, after kills, a full disk, vanished input, dead workers."""

import csv
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.records.folder import open_folder
from bsp_tf.records.schema import FILENAME, SequenceExample
from tfrecords_tools.conversion.clip_encoder import EncodingOptions
from tfrecords_tools.conversion.plan import ShardingOptions
from tfrecords_tools.conversion.shard_writer import shuffled
from tfrecords_tools.convert import convert
from tfrecords_tools.inspection.record_reader import read_records

PROJECT = Path(__file__).resolve().parents[3]
NUM_CLIPS = 24


@pytest.fixture(scope="module")
def clips(make_video, tmp_path_factory):
    """Clips of very different length, one of them broken."""
    root = tmp_path_factory.mktemp("input") / "clips"
    for i in range(NUM_CLIPS - 1):
        make_video(
            root / "ab"[i % 2] / f"{i}.mp4",
            num_frames=10 + 60 * (i % 5 == 0),
            height=96,
            width=128,
            seed=i,
        )
    (root / "a" / "broken.mp4").write_text("no video")
    return root


@pytest.fixture(scope="module")
def whole(clips, tmp_path_factory):
    """The undisturbed conversion."""
    output = tmp_path_factory.mktemp("whole") / "records"
    convert(clips, output, sharding=ShardingOptions(4))
    return output


def shards_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("clips-*"))}


def keys_of(folder):
    return [
        SequenceExample.FromString(record.data)
        .context.feature[FILENAME]
        .bytes_list.value[0]
        .decode()
        for path in sorted(folder.glob("clips-*"))
        for record in read_records(path)
    ]


def failures_of(folder):
    with open(folder / "failures.csv", newline="") as file:
        return {row["path"]: row["reason"] for row in csv.DictReader(file)}


def start(clips, output, *arguments, limit=None):
    def prepare():
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [
        sys.executable,
        "-m",
        "tfrecords_tools.convert",
        f"--input={clips}",
        f"--output={output}",
        *arguments,
    ]
    return subprocess.Popen(
        command,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=prepare,
        # Of bytecode a full disk would keep a useless part.
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )


def worker_at(process, output, rank, number):
    """Id of the one worker of a run, as soon as it has begun with a clip.

    Args:
        process: the run.
        output: its output.
        rank: number of the clip as its file names it; "*": any.
        number: how often it must have begun.
    """
    while len(list(output.glob(f".convert/results/.{rank}.*.partial"))) < number:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return next(
        int(child)
        for child in children
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    )


@pytest.mark.parametrize("kills_wanted", [6, pytest.param(30, marks=pytest.mark.thorough)])
def test_killed_at_any_moment(kills_wanted, clips, whole, tmp_path):
    """SIGKILL of the whole group; at the end every clip is there once, in the same bytes."""
    moments = random.Random(5)
    outputs, kills = 0, 0
    while kills < kills_wanted:
        outputs += 1
        output = tmp_path / str(outputs)
        while not (output / "manifest.json").exists():
            process = start(clips, output, "--num_shards=4", "--workers=2")
            if kills < kills_wanted:
                time.sleep(moments.uniform(0.1, 0.9))
                os.killpg(process.pid, signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
            error = process.communicate()[1]
            assert process.returncode in (3, -signal.SIGKILL), error
        assert shards_of(output) == shards_of(whole)
        assert not list(output.rglob("*.partial")) and not list(
            (output / ".convert" / "results").iterdir()
        )
        keys = keys_of(output)
        inputs = {path.relative_to(clips).as_posix() for path in clips.rglob("*.mp4")}
        assert len(keys) == len(set(keys)) and set(keys) == inputs - set(failures_of(output))


@pytest.mark.thorough
def test_a_reader_is_given_the_whole_folder_or_none(clips, whole, tmp_path):
    output, expected = tmp_path / "records", open_folder(whole).num_clips
    process = start(clips, output, "--num_shards=4", "--workers=2")
    refused = 0
    while process.poll() is None:
        try:
            assert open_folder(output).num_clips == expected
        except InputError as error:
            assert str(output) in str(error)
            refused += 1
    process.communicate()
    assert refused and open_folder(output).num_clips == expected


@pytest.mark.thorough
def test_a_worker_killed_once_costs_nothing(clips, whole, tmp_path):
    process = start(clips, tmp_path / "records", "--num_shards=4", "--workers=1")
    os.kill(worker_at(process, tmp_path / "records", "*", 1), signal.SIGKILL)
    process.communicate()
    assert process.returncode == 3 and shards_of(tmp_path / "records") == shards_of(whole)
    assert failures_of(tmp_path / "records").keys() == {"a/broken.mp4"}


@pytest.mark.thorough
def test_a_clip_whose_worker_dies_each_time_is_a_failure(make_video, tmp_path):
    """As if its decoder crashed; and one that makes no progress, as if it hung.

    The other clip is converted.
    """
    root = tmp_path / "clips"
    make_video(root / "a" / "short.mp4", num_frames=4)
    for name in ("x", "y"):
        make_video(root / "a" / f"{name}.mp4", num_frames=400, height=240, width=320)
    names = sorted(path.name for path in (root / "a").iterdir())
    seed = next(
        seed
        for seed in range(99)
        if [names[i] for i in shuffled(3, seed)] == ["x.mp4", "y.mp4", "short.mp4"]
    )
    output = tmp_path / "records"
    process = start(
        root, output, f"--shuffle_seed={seed}", "--workers=1", "--num_shards=1", "--stall_seconds=5"
    )
    for rank, number, sign in (
        (0, 1, signal.SIGKILL),
        (0, 2, signal.SIGKILL),
        (1, 1, signal.SIGSTOP),
    ):
        os.kill(worker_at(process, output, f"{rank:09d}", number), sign)
    process.communicate()
    assert process.returncode == 3
    reasons = failures_of(tmp_path / "records")
    assert reasons.keys() == {"a/x.mp4", "a/y.mp4"} and set(keys_of(tmp_path / "records")) == {
        "a/short.mp4"
    }
    assert "SIGKILL" in reasons["a/x.mp4"] and "--stall_seconds" in reasons["a/y.mp4"]


def test_a_full_disk_ends_in_one_line_and_the_next_run_goes_on(clips, whole, tmp_path):
    """A limit on file sizes stands for the full disk: it is too low for long clips and shards."""
    output = tmp_path / "records"
    process = start(clips, output, "--num_shards=4", "--workers=2", limit=100_000)
    error = process.communicate()[1]
    assert process.returncode == 2 and "Traceback" not in error
    lines = [line for line in error.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and str(output) in lines[0]
    assert not (output / "manifest.json").exists()
    convert(clips, output, sharding=ShardingOptions(4))
    assert shards_of(output) == shards_of(whole)


def test_vanished_and_mended_inputs(make_video, tmp_path):
    """What vanishes after the first run began is a failure; mended, it leaves no trace."""
    root, output = tmp_path / "clips", tmp_path / "records"
    for name in "abcd":
        make_video(root / name / f"{name}.mp4", num_frames=5, seed=ord(name))
    names = sorted(path.name for path in root.glob("*/*"))
    first, second = (names[i] for i in shuffled(4, 0)[:2])
    paths = {name: root / name[0] / name for name in (first, second)}
    good = {name: path.read_bytes() for name, path in paths.items()}
    convert(root, tmp_path / "whole", sharding=ShardingOptions(2))
    paths[first].write_bytes(b"")
    with pytest.raises(InputError, match=f"1 clips .*--max_failures.*{first}"):
        convert(root, output, sharding=ShardingOptions(2), max_failures="0")
    assert list(failures_of(output)) == [f"{first[0]}/{first}"]
    paths[second].unlink()
    paths[second].parent.rmdir()
    manifest = convert(root, output, sharding=ShardingOptions(2), max_failures="50%")
    assert (manifest["num_clips"], manifest["num_failures"]) == (2, 2)
    assert "no such file" in failures_of(output)[f"{second[0]}/{second}"]
    paths[second].parent.mkdir()
    for name, path in paths.items():
        path.write_bytes(good[name])
    assert convert(root, output, sharding=ShardingOptions(2))["num_failures"] == 2
    manifest = convert(root, output, sharding=ShardingOptions(2), retry_failures=True)
    assert (manifest["num_clips"], manifest["num_failures"]) == (4, 0) and failures_of(output) == {}
    assert shards_of(output) == shards_of(tmp_path / "whole")


def test_number_of_shards_by_size_is_kept(clips, whole, tmp_path):
    megabytes = sum(map(len, shards_of(whole).values())) / 1e6
    sharding = ShardingOptions(shard_megabytes=megabytes / 2.5)
    manifest = convert(clips, tmp_path / "records", sharding=sharding, workers=2)
    assert manifest["num_shards"] == 3 and sorted(keys_of(tmp_path / "records")) == sorted(
        keys_of(whole)
    )
    (tmp_path / "records" / "clips-00001-of-00003").unlink()
    assert convert(clips, tmp_path / "records", sharding=sharding)["shards"] == manifest["shards"]


def test_long_clips_become_several_records_in_one_shard(clips, tmp_path):
    output = tmp_path / "records"
    manifest = convert(
        clips,
        output,
        sharding=ShardingOptions(4),
        options=EncodingOptions(max_frames=10),
        workers=2,
    )
    keys = keys_of(output)
    assert (manifest["num_inputs"], manifest["num_clips"]) == (NUM_CLIPS, len(keys))
    assert keys.count("a/0.mp4") == 7 and keys.count("b/1.mp4") == 1


def test_wrong_flags(clips, tmp_path):
    with pytest.raises(InputError, match="--max_failures=many"):
        convert(clips, tmp_path / "records", max_failures="many")
