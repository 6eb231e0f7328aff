"""Index functions against NumPy, for every length from one frame on, eagerly and inside
Dataset.map.
"""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from bsp_tf.frames import sampling

LENGTHS = [1, 2, 7, 8, 9, 15, 16, 40, 64, 65, 300]
SEED = (3, 4)


def both_ways(function, lengths):
    """Row of indices for each length: eager and in a parallel map, asserted equal."""
    eager = np.stack([function(tf.constant(n)).numpy() for n in lengths])
    dataset = tf.data.Dataset.from_tensor_slices(tf.constant(lengths, tf.int32))
    mapped = np.stack(
        list(dataset.map(function, num_parallel_calls=4, deterministic=True).as_numpy_iterator())
    )
    np.testing.assert_array_equal(eager, mapped)
    assert eager.dtype == np.int32
    return eager


@pytest.mark.parametrize(
    "function",
    [
        lambda n: sampling.uniform_train(n, 8, SEED),
        lambda n: sampling.uniform_eval(n, 8),
        lambda n: sampling.dense(n, 8, SEED),
        lambda n: sampling.dense(n, 8, None),
        lambda n: sampling.consecutive(n, 8, 2, SEED),
        lambda n: sampling.consecutive(n, 8, 2, None),
    ],
    ids=[
        "uniform_train",
        "uniform_eval",
        "dense",
        "dense_centre",
        "consecutive",
        "consecutive_centre",
    ],
)
def test_indices_are_valid_for_every_length(function):
    rows = both_ways(function, LENGTHS)
    assert rows.shape == (len(LENGTHS), 8)
    for row, length in zip(rows, LENGTHS, strict=True):
        assert row.min() >= 0 and row.max() < length


@given(
    st.integers(1, 50) | st.integers(1, 10**6),
    st.integers(1, 40),
    st.integers(1, 200),
    st.integers(1, 9),
    st.none() | st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 9)),
)
def test_any_clip_is_sampled_inside_and_evenly(length, count, window, step, seed):
    clip = tf.constant(length)
    rows = [
        sampling.uniform_train(clip, count, seed) if seed else sampling.uniform_eval(clip, count),
        sampling.dense(clip, count, seed, window),
        sampling.consecutive(clip, count, step, seed),
    ]
    for row in rows:
        assert row.shape == [count] and row.numpy().min() >= 0 and row.numpy().max() < length
    uniform, dense, consecutive = (row.numpy() for row in rows)
    if length >= count:
        # The middle of part i lies in the frame of sample i.
        middles, frames = (2 * np.arange(count) + 1) * length, 2 * count * uniform
        inside = (frames <= middles) & (middles < frames + 2 * count)
        assert seed is not None or inside.all()
        part = length // count
        assert (uniform // part == np.arange(count)).all() or seed is None
    else:
        assert not uniform.any()
    assert (np.diff(dense) % length == window // count % length).all()
    expected = np.minimum(consecutive[0] + step * np.arange(count), length - 1)
    assert consecutive.tolist() == expected.tolist()
    whole = (count - 1) * step < length
    assert not whole or consecutive[-1] == consecutive[0] + (count - 1) * step


def test_uniform_eval_is_tsm_except_where_the_reference_wastes_a_clip():
    rows = both_ways(lambda n: sampling.uniform_eval(n, 8), range(1, 200))
    for length, row in enumerate(rows, start=1):
        tick = length / 8
        expected = [int(tick / 2 + tick * i) for i in range(8)] if length >= 8 else [0] * 8
        assert row.tolist() == expected


def test_uniform_train_draws_one_frame_from_each_part():
    starts = 5 * np.arange(8)
    seen = set()
    for seed in range(50):
        row = sampling.uniform_train(tf.constant(43), 8, (seed, 0)).numpy()
        assert ((row >= starts) & (row < starts + 5)).all()
        seen.update((row - starts).tolist())
    assert seen == set(range(5))
    assert sampling.uniform_train(tf.constant(5), 8, SEED).numpy().tolist() == [0] * 8


def test_dense_spans_the_window_and_wraps():
    assert sampling.dense(tf.constant(64), 8, SEED).numpy().tolist() == list(range(0, 64, 8))
    assert sampling.dense(tf.constant(20), 8, SEED).numpy().tolist() == [
        i * 8 % 20 for i in range(8)
    ]
    starts = {int(sampling.dense(tf.constant(67), 8, (seed, 0))[0]) for seed in range(60)}
    assert starts == {0, 1, 2, 3}


def test_consecutive_starts_anywhere_it_fits_and_repeats_the_last_frame():
    starts = set()
    for seed in range(80):
        row = sampling.consecutive(tf.constant(17), 8, 2, (seed, 0)).numpy()
        assert (np.diff(row) == 2).all()
        starts.add(int(row[0]))
    assert starts == {0, 1, 2}
    assert sampling.consecutive(tf.constant(4), 8, 1, SEED).numpy().tolist() == [
        0,
        1,
        2,
        3,
        3,
        3,
        3,
        3,
    ]
    assert sampling.consecutive(tf.constant(20), 8, 1, None).numpy().tolist() == list(range(6, 14))


def test_two_speed_positions_by_counting():
    cuts = [1, 3, 4, 7, 5, 3, 4, 2]
    before, after = [1, 1, 4, 2, 3, 1, 0, -2], [4, 4, 1, 2, 1, -4, 1, 0]
    rows = sampling.two_speed_positions(
        8, tf.constant(cuts), tf.constant(before), tf.constant(after)
    ).numpy()
    for row, cut, first, second in zip(rows, cuts, before, after, strict=True):
        expected = [0]
        for t in range(1, 8):
            expected.append(expected[-1] + (first if t < cut else second))
        assert row.tolist() == expected


def test_place_in_clip_reaches_every_place_and_never_leaves():
    positions = tf.constant([[0, 1, 5], [0, 4, 8]])
    starts = set()
    for seed in range(60):
        rows = sampling.place_in_clip(positions, tf.constant([8, 3]), (seed, 0)).numpy()
        assert (rows[0] - rows[0][0]).tolist() == [0, 1, 5]
        assert rows[1].tolist() == [0, 2, 2]
        starts.add(int(rows[0][0]))
    assert starts == {0, 1, 2}


def test_rows_that_turn_round_are_placed_by_their_first_frame_in_time():
    positions = tf.constant([[0, -2, -4, -3], [0, 1, 0, -1], [0, 0, 0, 0]])
    places = set()
    for seed in range(60):
        rows = sampling.place_in_clip(positions, tf.constant([6, 2, 1]), (seed, 0)).numpy()
        assert (rows[0] - rows[0][0]).tolist() == [0, -2, -4, -3]
        assert rows[1].tolist() == [1, 1, 1, 0]  # too short
        assert rows[2].tolist() == [0, 0, 0, 0]
        places.add(int(rows[0].min()))
    assert places == {0, 1}


def test_uniform_integers_are_uniform_and_bounded():
    drawn = sampling.uniform_integers(tf.fill([6000], -1), 4, SEED).numpy()
    counts = np.bincount(drawn + 1)
    assert len(counts) == 6 and abs(counts - 1000).max() < 150
    assert sampling.uniform_integers(7, 7, SEED).numpy() == 7
