"""The benchmark of detections in small: its plain loops, its maps, what it returns."""

import numpy as np
import pytest

from benchmarks.detections import (
    decode_in_loops,
    format_result,
    make_maps,
    measure,
    suppress_in_loops,
    write_validation_set,
)
from bsp_tf.base.errors import InputError


def test_loops_follow_the_published_rule(testdata):
    golden = np.load(testdata / "gtad_post.npz")
    candidates = decode_in_loops(golden["iou_map"][0], golden["start"][0], golden["end"][0])
    np.testing.assert_array_equal(
        np.round(np.array(candidates)[:, :2] * 100), golden["proposal_cells0"]
    )
    picked = np.array(suppress_in_loops(candidates))
    np.testing.assert_array_equal(
        np.round(picked[:, :2] * 100), np.round(golden["soft_nms"][0][:, 1:] * 100)
    )
    np.testing.assert_allclose(picked[:, 2], golden["soft_nms"][0][:, 0], atol=1e-15)


def test_maps_are_probabilities_and_the_same_each_time():
    for first, second in zip(make_maps(64, 3), make_maps(64, 3), strict=True):
        np.testing.assert_array_equal(first, second)
        assert first.dtype == np.float32 and 0 <= first.min() < first.max() <= 1
    assert not np.array_equal(make_maps(0, 3)[0], make_maps(64, 3)[0])


def test_measure():
    result = measure(videos=5, compared=2, repeats=1)
    assert result["comparison"]["largest_difference"] < 1e-12 and result["comparison"]["ratio"] > 1
    assert result["validation_set"]["detections"] == 5 * 100 * 2
    assert "plain loops" in format_result(result)
    for bad in ({"videos": 0}, {"compared": 0}, {"repeats": 0}):
        with pytest.raises(InputError, match="at least 1"):
            measure(**bad)


def test_the_file_is_the_same_each_time():
    first, second = write_validation_set(70), write_validation_set(70)
    assert first["sha256"] == second["sha256"] and first["detections"] == 70 * 200
