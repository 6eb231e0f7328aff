"""Passes over the clips: each shows every clip once, with seeds and an order of its own."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.data import clip_stream
from bsp_tf.data.record_folder import open_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_records):
    return open_folder(make_records(tmp_path_factory.mktemp("stream") / "r", [[2, 3, 4], [5, 6, 7]], num_shards=3))


def one_pass(folder, number, seed=0, shuffle=True, buffer_clips=4):
    number = tf.constant(number, tf.int64)
    clips = clip_stream.read_clips(folder, number, seed, shuffle)
    if shuffle:
        clips = clip_stream.shuffle_clips(clips, buffer_clips, number, seed)
    return list(clips.as_numpy_iterator())


def test_each_pass_shows_every_clip_once_in_another_order(folder):
    passes = [one_pass(folder, number) for number in range(4)]
    ids = [[int(clip["id"]) for clip in clips] for clips in passes]
    assert all(len(set(row)) == 6 and set(row) == set(ids[0]) for row in ids)
    assert len({tuple(row) for row in ids}) > 1
    assert sorted(len(clip["frames"]) for clip in passes[0]) == [2, 3, 4, 5, 6, 7]


def test_seeds_differ_between_clips_and_passes_but_not_with_the_order(folder):
    def seeds(number, **kwargs):
        return {int(clip["id"]): tuple(clip["seed"]) for clip in one_pass(folder, number, **kwargs)}

    assert len(set(seeds(0).values()) | set(seeds(1).values())) == 12
    assert seeds(0) == seeds(0, buffer_clips=1) == seeds(0, shuffle=False)
    assert set(seeds(0).values()).isdisjoint(seeds(0, seed=1).values())


def test_passes_follow_each_other(folder):
    def one(number):
        return tf.data.Dataset.from_tensors(number).repeat(2)

    assert list(clip_stream.concatenate_passes(3, one).as_numpy_iterator()) == [0, 0, 1, 1, 2, 2]
    assert list(clip_stream.concatenate_passes(None, one).take(8).as_numpy_iterator())[-1] == 3


def test_usable_clips_are_counted(folder):
    clip_stream.require_usable_clips(folder, 3, 2, 2, "a task")
    with pytest.raises(InputError, match=r"a task: it needs 2 .* Of 6 clips .*'class 0': 1, 'class 1': 3"):
        clip_stream.require_usable_clips(folder, 4, 2, 2, "a task")


def test_parallel_map_keeps_the_order():
    numbers = tf.data.Dataset.range(200)
    np.testing.assert_array_equal(list(clip_stream.parallel_map(numbers, lambda n: n * n).as_numpy_iterator()),
                                  np.arange(200) ** 2)
