"""The benchmark of the input on a few small clips: records, streams, decoders, table."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import input_pipeline
from benchmarks.decoders import measure_decoders
from benchmarks.made_records import make_records
from bsp_tf.records.folder import open_folder
from bsp_tf.records.index import load_index


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "r"
    frame_bytes = make_records(folder, 16, num_frames=30)
    assert 15_000 < frame_bytes < 45_000  # as frames of Kinetics at this size and quality
    return folder


def test_records_hold_what_they_should(records):
    index = load_index(open_folder(records))
    assert index.num_frames.tolist() == [30] * 16
    assert np.bincount(index.label).tolist() == [2] * 8


def test_both_limits_decode_the_same_frames(records):
    sums = [
        next(iter(input_pipeline.limit_dataset(records, 8, 4, whole))).numpy()
        for whole in (True, False)
    ]
    assert sums[0].shape == (4,) and (sums[0] > 0).all()
    np.testing.assert_array_equal(*sums)


@pytest.mark.thorough
def test_streams_are_measured_in_turn(records):
    result = input_pipeline.measure_in_processes(1, records, 4, 2, 1, 2)
    assert {len(result[name]["all"]) for name in ("limit", "byte_limit", "action", "boundary")} == {
        2
    }
    action, limit = (result[name]["all"] for name in ("action", "limit"))
    assert result["action_of_limit"] == pytest.approx(
        np.mean([action[0] / limit[0], action[1] / limit[1]])
    )
    result |= {"frame_bytes": 1000.0, "decoders": []}
    assert "aim 0.85" in input_pipeline.format_result(result)


def test_decoders_are_compared_with_decoding_all(records):
    rows = {row["name"]: row for row in measure_decoders(records, 6, 1)}
    assert rows["full size, then crop"]["max_difference"] == 0
    assert rows["crop window"]["mean_difference"] < 0.1
    assert (
        rows["window, no fancy upscaling"]["mean_difference"]
        > rows["crop window"]["mean_difference"]
    )
    assert tf.reduce_all([row["milliseconds"] > 0 for row in rows.values()])
