"""Which clip goes where, and shards that are the results of their clips, one after the other."""

import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.video.stream import VideoError
from tfrecords_tools.conversion.clip_encoder import Record
from tfrecords_tools.conversion.clip_results import (
    ClipResult,
    failure,
    read_result,
    result_path,
    write_result,
)
from tfrecords_tools.conversion.shard_writer import (
    ShardTask,
    choose_num_shards,
    finished_shard,
    plan_shards,
    reopen_shard,
    write_shard,
)


def breaking(*records):
    yield from records
    raise VideoError("a.mp4: cut short.")


@pytest.fixture
def task(tmp_path):
    """A shard of a clip with two records, a failure and a clip with one record."""
    (tmp_path / "results").mkdir()
    (tmp_path / "status").mkdir()

    def failed(error):
        return failure("b.mp4", str(error), 1.25)

    write_result(
        result_path(tmp_path / "results", 3), [Record(b"one" * 9999, 5), Record(b"two", 2)], failed
    )
    write_result(result_path(tmp_path / "results", 4), breaking(Record(b"begins well", 1)), failed)
    write_result(result_path(tmp_path / "results", 5), [Record(b"three", 3)], failed)
    paths = tmp_path / "clips-0", tmp_path / "status" / "clips-0.json", tmp_path / "results"
    return ShardTask(*map(str, paths), 3, 6)


def test_plan_is_fixed_and_even():
    plan = plan_shards(23, 4, seed=3)
    assert plan == plan_shards(23, 4, seed=3) != plan_shards(23, 4, seed=4)
    assert sorted(sum(plan, [])) == list(range(23)) and sorted(map(len, plan)) == [5, 6, 6, 6]
    assert [len(shard) for shard in plan_shards(2, 8, seed=0)] == [1, 1]
    # The order does not depend on the number of shards, which may be known later.
    assert sum(plan, []) == sum(plan_shards(23, 7, seed=3), [])


def test_number_of_shards_by_size():
    sample = [
        ClipResult(num_bytes=2_000_000),
        ClipResult(reason="bad"),
        ClipResult(num_bytes=4_000_000),
    ]
    assert choose_num_shards(1000, sample, 100.0) == 20
    assert choose_num_shards(1000, sample, None) == 8 == choose_num_shards(1024, sample, None)
    assert choose_num_shards(10_000, sample, None) == 79
    # Names of shards have five digits.
    assert choose_num_shards(10_000_000, sample, None) == 78_125
    assert choose_num_shards(10_000_000, sample, 100.0) == 99_999
    assert choose_num_shards(3, sample, 0.001) == 3 and choose_num_shards(3, sample, 1e9) == 1


def test_result_files(task, tmp_path):
    results = [read_result(result_path(task.results, rank)) for rank in (3, 4, 5)]
    assert [(result.num_records, result.num_frames) for result in results] == [
        (2, 7),
        (0, 0),
        (1, 3),
    ]
    assert (results[1].key, results[1].reason, results[1].seconds) == (
        "b.mp4",
        "a.mp4: cut short.",
        1.25,
    )
    path = result_path(task.results, 3)
    content = path.read_bytes()
    for cut in (0, 3, len(content) - 1):
        path.write_bytes(content[:cut])
        assert read_result(path) is None
    path.write_bytes(content.replace(b'{"', b'["'))
    assert read_result(path) is None


def test_shard_is_read_by_tensorflow(task):
    assert finished_shard(task) is None
    status = write_shard(task)
    assert list(tf.data.TFRecordDataset(task.path).as_numpy_iterator()) == [
        b"one" * 9999,
        b"two",
        b"three",
    ]
    assert finished_shard(task) == status
    summary = status.summary().row
    assert (summary["num_clips"], summary["num_frames"], summary["num_failures"]) == (3, 10, 1)


def test_reopened_shard_is_written_again_to_the_byte(task):
    """But for the failures, which are to be tried again: here the clip is whole now."""
    first = write_shard(task)
    for rank in (3, 4, 5):
        result_path(task.results, rank).unlink()
    reopen_shard(task, first)
    assert finished_shard(task) is None and not result_path(task.results, 4).exists()
    write_result(result_path(task.results, 4), [], lambda error: None)
    again = write_shard(task)
    assert (again.sha256, again.failures) == (first.sha256, [])
    assert again.clips[::2] == first.clips[::2]


def test_a_damaged_result_is_named(task):
    path = result_path(task.results, 5)
    content = bytearray(path.read_bytes())
    content[14] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="000000005"):
        write_shard(task)
