"""Which points are responsible for which segments, against the reference's own labels."""

import numpy as np
import pytest

from bsp_tf.localization.heads.actionformer.pyramid import columns_of, level_lengths, make_points
from bsp_tf.localization.heads.actionformer.targets import point_targets

CASES = [
    *("0_empty", "1_one_middle", "2_overlap", "3_tiny", "4_whole", "5_edges", "6_same_length"),
    *("7_on_grid", "8_random20"),
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", ["small", "thumos"])
def test_labels_are_those_of_the_reference(testdata, size, case):
    golden = np.load(testdata / "actionformer_labels.npz")
    lengths = golden[f"{size}/level_lengths"].tolist()
    points = make_points(lengths[0], len(lengths))
    name = f"{size}/{case}"
    segments, labels = golden[f"{name}/segments"], golden[f"{name}/labels"]
    classes, offsets = point_targets(points, segments, labels, int(golden[f"{size}/num_classes"]))
    np.testing.assert_array_equal(np.argwhere(classes), golden[f"{name}/cls_point_class"])
    positives = np.flatnonzero(classes.any(1))
    np.testing.assert_array_equal(positives, golden[f"{name}/pos_points"])
    np.testing.assert_array_equal(offsets[positives], golden[f"{name}/pos_offsets"])


def test_points_are_those_of_the_reference(testdata):
    golden = np.load(testdata / "actionformer_labels.npz")["small/points"]
    points = make_points(256, 4)
    positions, lows, highs, strides = golden.T
    np.testing.assert_array_equal(points.positions, positions)
    np.testing.assert_array_equal(points.strides, strides)
    np.testing.assert_array_equal(points.lows, lows)
    # Theirs ends somewhere, ours nowhere.
    np.testing.assert_array_equal(np.minimum(points.highs, 10_000), highs)


@pytest.mark.parametrize(("columns", "levels"), [(192, 6), (2304, 6), (64, 4), (7, 1)])
def test_columns_follow_from_the_points(columns, levels):
    assert columns_of(sum(level_lengths(columns, levels)), levels) == columns
