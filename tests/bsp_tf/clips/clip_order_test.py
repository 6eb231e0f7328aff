"""The order of units: every clip once a pass, pairs that are what they should be, any place at
once; reading.
"""

import collections

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.clips import clip_order
from bsp_tf.clips.source import open_source
from bsp_tf.records.clip_reader import clip_reader
from bsp_tf.records.folder import open_folder
from bsp_tf.records.index import RecordIndex, load_index


def index_of(labels, num_frames=40):
    count = len(labels)
    return RecordIndex(
        np.zeros(count, np.int32),
        np.zeros(count, np.int64),
        np.array(labels, np.int32),
        np.broadcast_to(np.int32(num_frames), count),
        np.zeros((count, 2), np.int32),
        np.zeros(count, np.int64),
        np.zeros((0, 3), np.uint32),
    )


def units(order, count, first=0):
    numbers = tf.data.Dataset.range(first, first + count)
    return np.array(list(numbers.map(order).as_numpy_iterator()))


def test_each_pass_shows_every_labelled_clip_once_in_another_order():
    order = clip_order.ActionOrder(index_of([0, -1, 1, 2, 1, 0, -1]), seed=3, shuffle=True)
    passes = units(order, 40).reshape(8, 5)
    assert np.array_equal(np.sort(passes, axis=1), np.tile([0, 2, 3, 4, 5], (8, 1)))
    assert len({tuple(row) for row in passes}) > 4
    other = clip_order.ActionOrder(index_of([0, -1, 1, 2, 1, 0, -1]), seed=4, shuffle=True)
    assert not np.array_equal(passes.ravel(), units(other, 40).ravel())
    np.testing.assert_array_equal(units(order, 13, first=22).ravel(), passes.ravel()[22:35])
    assert order(tf.constant(22, tf.int64)).numpy() == passes.ravel()[22]


def test_the_order_does_not_come_again():
    """The shuffle itself knows 256 orders; the first 256 passes have them as they always had."""
    index = index_of([0] * 40)
    order = clip_order.ActionOrder(index, seed=3, shuffle=True)
    passes = units(order, 600 * 40).reshape(600, 40)
    assert len({tuple(row) for row in passes}) > 595
    seed = clip_order.stream_seed(3, clip_order.CLIP_ORDER)
    for number in (0, 1, 255):
        key = clip_order.fold_seed(seed, tf.constant(number, tf.int64))
        places = [tf.random.experimental.index_shuffle(place, key, 39) for place in range(40)]
        assert passes[number].tolist() == [int(place) for place in places]


def test_without_shuffle_the_order_is_that_of_the_records():
    order = clip_order.ActionOrder(index_of([0, -1, 1, 2]), seed=0, shuffle=False)
    assert units(order, 3).ravel().tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    "labels", [[0, 1, 0, 1], [0] * 9 + [1] * 2, [2, 0, 5, 5, 2, -1, 0, 0, 5, 2, 2, 5, 7]]
)
def test_quads_are_two_clips_of_a_class_and_two_of_another(labels):
    order = clip_order.QuadOrder(index_of(labels), seed=1, min_frames=40)
    quads = units(order, 30)
    classes = np.array(labels)[quads]
    assert (classes >= 0).all()
    assert (classes[:, 0] == classes[:, 1]).all() and (classes[:, 2] == classes[:, 3]).all()
    assert (classes[:, 0] != classes[:, 2]).all()
    assert all(len(set(quad)) == 4 for quad in quads.tolist())
    pairable = {i for i, label in enumerate(labels) if label >= 0 and labels.count(label) > 1}
    assert set(quads.ravel().tolist()) == pairable


def test_a_pass_of_quads_shows_nearly_every_clip_once_and_mixes_the_classes():
    order = clip_order.QuadOrder(index_of(np.arange(400) % 20), seed=0, min_frames=1)
    first, second = units(order, 200).reshape(2, 100, 4)
    counts = collections.Counter(first.ravel().tolist())
    assert len(counts) > 360  # where two pairs of one class meet, another pair is seen twice
    assert len({(a % 20, b % 20) for a, b in first[:, [0, 2]].tolist()}) > 80
    assert not np.array_equal(first, second)


def test_clips_that_are_too_short_are_left_out():
    lengths = np.array([40, 40, 40, 40, 5, 5])
    order = clip_order.QuadOrder(index_of([0, 0, 1, 1, 0, 1], lengths), seed=0, min_frames=6)
    assert sorted(units(order, 1).ravel().tolist()) == [0, 1, 2, 3]


def test_reads_any_clip_on_its_own(tmp_path, make_color_records, place_of):
    folder = open_folder(make_color_records(tmp_path / "r", [[2, 3, 4], [5, 6, 7]], num_shards=3))
    index = load_index(folder)
    read = clip_reader(folder, index)
    rows = np.array([5, 0, 3], np.int64)
    for row, clip in zip(rows, tf.data.Dataset.from_tensor_slices(rows).map(read), strict=True):
        assert len(clip["frames"]) == index.num_frames[row] and clip["label"] == index.label[row]
        color = tf.io.decode_jpeg(clip["frames"][-1]).numpy().mean(axis=(0, 1))
        assert round(place_of(color).frame) == index.num_frames[row] - 1
        np.testing.assert_array_equal(read(tf.constant(row))["frames"], clip["frames"])


def test_usable_clips_are_counted(tmp_path, make_color_records):
    source = open_source(make_color_records(tmp_path / "r", [[2, 3, 4], [5, 6, 7]]))
    clip_order.require_usable_clips(source, 3, 2, 2, "a task")
    with pytest.raises(
        InputError, match=f"{source.path} .*a task.* 6 clips .*'class 0': 1, 'class 1': 3"
    ):
        clip_order.require_usable_clips(source, 4, 2, 2, "a task")


def test_parallel_map_keeps_the_order():
    numbers = tf.data.Dataset.range(200)
    np.testing.assert_array_equal(
        list(clip_order.parallel_map(numbers, lambda n: n * n).as_numpy_iterator()),
        np.arange(200) ** 2,
    )


@pytest.mark.parametrize(
    "make_order",
    [
        lambda index: clip_order.ActionOrder(index, seed=0, shuffle=True),
        lambda index: clip_order.QuadOrder(index, seed=0, min_frames=1),
    ],
)
def test_the_graph_does_not_hold_the_tables(make_order):
    def graph_bytes(num_clips):
        order = make_order(index_of(np.arange(num_clips) % 20))
        traced = tf.function(order, input_signature=[tf.TensorSpec([], tf.int64)])
        return traced.get_concrete_function().graph.as_graph_def().ByteSize()

    assert graph_bytes(400_000) < graph_bytes(400) + 1000
