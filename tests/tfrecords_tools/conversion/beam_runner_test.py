"""Apache Beam gives the records and the failures of the local runner.

Beam is an extra: most is skipped without it.
"""

import csv
import importlib.util
import os

import pytest

from bsp_tf.base.errors import InputError
from tfrecords_tools.conversion.beam_runner import run_task
from tfrecords_tools.conversion.clip_encoder import EncodingOptions
from tfrecords_tools.conversion.clip_results import read_result, result_path
from tfrecords_tools.conversion.clip_worker import ClipTask, WorkerSettings
from tfrecords_tools.conversion.plan import ShardingOptions
from tfrecords_tools.conversion.shard_writer import ShardTask
from tfrecords_tools.conversion.worker_pool import WorkerPool
from tfrecords_tools.convert import convert
from tfrecords_tools.inputs.clip_index import ClipSpec
from tfrecords_tools.inspection.folder_check import check_folder

HAS_BEAM = importlib.util.find_spec("apache_beam") is not None
needs_beam = pytest.mark.skipif(
    not HAS_BEAM,
    reason="apache-beam is not installed (pip install '.[beam]'): --runner=beam was NOT tested",
)
IN_THIS_PROCESS = "--runner=DirectRunner --direct_running_mode=in_memory"


@pytest.fixture(scope="module")
def clips(make_video, tmp_path_factory):
    """Eight good clips of two classes, and three files that cannot be converted."""
    root = tmp_path_factory.mktemp("input") / "clips"
    for i in range(8):
        make_video(
            root / ("jump", "run up")[i % 2] / f"{i}.mp4",
            num_frames=6 + i,
            height=50,
            width=62 + 2 * i,
            seed=i,
        )
    (root / "jump" / "empty.mp4").touch()
    (root / "jump" / "notes.txt").write_text("buy milk\n" * 20)
    os.mkfifo(root / "run up" / "pipe.mp4")
    return root


def contents_of(folder):
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.name.startswith("clips-") or path.name == "labels.txt"
    }


def failures_of(folder):
    with open(folder / "failures.csv", newline="") as file:
        return [(row["path"], row["reason"]) for row in csv.DictReader(file)]


@needs_beam
def test_beam_gives_what_the_local_runner_gives(clips, tmp_path):
    settings = dict(
        options=EncodingOptions(short_side=33, max_frames=9),
        sharding=ShardingOptions(num_shards=3),
        workers=2,
    )
    local = convert(clips, tmp_path / "local", **settings)
    # DirectRunner with two processes.
    beam = convert(clips, tmp_path / "beam", runner="beam", **settings)
    assert contents_of(tmp_path / "beam") == contents_of(tmp_path / "local")
    assert len(contents_of(tmp_path / "beam")) == 4
    assert beam["num_clips"] > 8 and beam["num_failures"] == 3
    assert failures_of(tmp_path / "beam") == failures_of(tmp_path / "local")
    assert {**beam, "flags": None} == {**local, "flags": None}
    assert check_folder(tmp_path / "beam", jpeg_stride=1).faults == []
    # What one runner began, or lost, the other one completes.
    (tmp_path / "local" / "clips-00001-of-00003").unlink()
    convert(clips, tmp_path / "local", runner="beam", beam_options=IN_THIS_PROCESS, **settings)
    assert contents_of(tmp_path / "local") == contents_of(tmp_path / "beam")


@needs_beam
def test_a_pipeline_that_cannot_run_is_one_line(clips, tmp_path):
    with pytest.raises(InputError, match="11 of 11 tasks .*NoSuchRunner"):
        convert(clips, tmp_path, runner="beam", beam_options="--runner=NoSuchRunner")


@pytest.mark.skipif(HAS_BEAM, reason="apache-beam is installed")
def test_without_beam_the_remedy_is_named(clips, tmp_path):
    with pytest.raises(InputError, match=r"pip install '\.\[beam\]'"):
        convert(clips, tmp_path, runner="beam")
    assert not list(tmp_path.glob("clips-*"))


def test_a_task_leaves_its_result_in_the_folder_even_if_it_is_given_up(clips, tmp_path):
    settings = WorkerSettings(str(clips), str(tmp_path), EncodingOptions())
    with WorkerPool(1, settings, stall_seconds=60.0) as pool:
        run_task(ClipTask(0, ClipSpec("jump/0.mp4")), pool, settings.results)
        run_task(ClipTask(1, ClipSpec("jump/empty.mp4")), pool, settings.results)
    # A child process is taken for hanging as soon as it has begun.
    with WorkerPool(1, settings, stall_seconds=0.0) as pool:
        run_task(ClipTask(2, ClipSpec("jump/2.mp4")), pool, settings.results)
    results = [read_result(result_path(tmp_path, rank)) for rank in range(3)]
    assert [result.num_records for result in results] == [1, 0, 0]
    assert (
        "empty" in results[1].reason
        and "hangs" in results[2].reason
        and results[2].key == "jump/2.mp4"
    )


def test_a_shard_that_is_tried_again_stays(clips, tmp_path):
    settings = WorkerSettings(str(clips), str(tmp_path), EncodingOptions())
    with WorkerPool(1, settings, stall_seconds=60.0) as pool:
        run_task(ClipTask(0, ClipSpec("jump/0.mp4")), pool, settings.results)
        task = ShardTask(
            str(tmp_path / "shard"), str(tmp_path / "shard.json"), settings.results, 0, 1
        )
        run_task(task, pool, settings.results)
        written = (tmp_path / "shard").stat().st_mtime_ns
        run_task(task, pool, settings.results)
    assert (tmp_path / "shard").stat().st_mtime_ns == written
