"""The align matrices against a plain loop and against the reference's kernel."""

import math

import numpy as np
import pytest

from bsp_tf.localization.heads.gtad.roi_align import align_matrix, anchor_regions, valid_anchors

# The reference computes sample positions in float32: up to 2e-6 of a segment off.
TOLERANCE = 5e-6


def plain_align(features, start, end, num_bins, sampling_ratio=0):
    """The rule, one sample at a time: features [T, C] -> [num_bins, C]."""
    length = max(end - start, 1.0)
    count = sampling_ratio or math.ceil(length / num_bins)
    result = np.zeros((num_bins, features.shape[1]))
    for b in range(num_bins):
        for i in range(count):
            t = start + length / num_bins * (b + (i + 0.5) / count)
            if t < -1 or t > len(features):
                continue
            t = min(max(t, 0.0), len(features) - 1.0)
            left = int(t)
            right = min(left + 1, len(features) - 1)
            result[b] += ((1 - (t - left)) * features[left] + (t - left) * features[right]) / count
    return result


def aligned(inputs, regions, num_bins, ratio):
    """inputs [N, C, T], regions [R, 3] (video, start, end) -> [R, C, num_bins]."""
    matrix = align_matrix(regions[:, 1], regions[:, 2], num_bins, inputs.shape[2], ratio)
    return np.einsum("rbt,rct->rcb", matrix, inputs[regions[:, 0].astype(int)])


def test_the_documented_example():
    features = np.arange(1.0, 11.0)
    matrix = align_matrix(np.array([-0.5, 0.1, 5.0]), np.array([9.5, 0.9, 5.0]), 10, 10)
    rows = matrix @ features
    np.testing.assert_allclose(rows[0], np.arange(1, 11), atol=1e-5)
    np.testing.assert_allclose(rows[1], 1.15 + 0.1 * np.arange(10), atol=1e-5)
    np.testing.assert_allclose(rows[2], 6.05 + 0.1 * np.arange(10), atol=1e-5)


@pytest.mark.parametrize("num_segments", [1, 2, 7, 20])
@pytest.mark.parametrize("ratio", [0, 1, 3])
def test_equals_the_plain_loop(num_segments, ratio):
    rng = np.random.default_rng(num_segments)
    features = rng.standard_normal((num_segments, 3))
    edges = [
        (-30, -10),
        (0, 0),
        (5, 2),
        (num_segments - 1, num_segments),
        (num_segments, num_segments + 3.0),
        (-1.0, num_segments),
    ]
    regions = np.concatenate([edges, rng.uniform(-5, num_segments + 5, (40, 2))])
    matrix = align_matrix(regions[:, 0], regions[:, 1], 4, num_segments, ratio)
    expected = [plain_align(features, *region, 4, ratio) for region in regions]
    np.testing.assert_allclose(matrix @ features, expected, atol=1e-6)


@pytest.mark.parametrize("ratio", [0, 1, 2, 3])
@pytest.mark.parametrize("bins", [4, 16, 32])
def test_small_golden(testdata, bins, ratio):
    golden = np.load(testdata / "sgalign_small.npz")
    found = aligned(golden["input"], golden["rois"], bins, ratio)[:, :3]
    np.testing.assert_allclose(found, golden[f"align_P{bins}_samp{ratio}"], atol=TOLERANCE)


@pytest.mark.parametrize("ratio", [0, 1, 2])
def test_small_golden_of_irregular_regions(testdata, ratio):
    golden = np.load(testdata / "sgalign_small.npz")
    found = aligned(golden["input"], golden["rois_irregular"], 16, ratio)
    np.testing.assert_allclose(found, golden[f"irregular_P16_samp{ratio}"], atol=TOLERANCE)


@pytest.mark.parametrize(
    "bins, ratio", [(4, 0), (4, 1), (4, 2), (4, 3), (16, 0), (16, 1), (16, 2), (16, 3)]
)
def test_full_golden_with_gradients(shared, bins, ratio):
    golden = np.load(shared / "golden/sgalign_small.npz")
    inputs, regions = golden["input"], golden["anchors_d20"]
    expected = golden[f"align_P{bins}_samp{ratio}"]
    np.testing.assert_allclose(aligned(inputs, regions, bins, ratio), expected, atol=TOLERANCE)
    cotangent = np.random.default_rng(5).standard_normal(expected.shape).astype(np.float32)
    matrix = align_matrix(regions[:, 1], regions[:, 2], bins, inputs.shape[2], ratio)
    gradient = np.zeros(inputs.shape)
    np.add.at(gradient, regions[:, 0].astype(int), np.einsum("rbt,rcb->rct", matrix, cotangent))
    expected = golden[f"align_P{bins}_samp{ratio}_gradin"]
    np.testing.assert_allclose(gradient, expected, atol=1e-5 * np.abs(expected).max())


def test_anchors_of_the_reference(shared):
    anchors = np.load(shared / "golden/gtad_anet_400.npz")["anchors"].reshape(100, 100, 3)
    starts, durations = valid_anchors(100, 100)
    assert len(starts) == 5050
    region_starts, region_ends = anchor_regions(starts, durations)
    np.testing.assert_array_equal(anchors[starts, durations, 1], region_starts)
    np.testing.assert_array_equal(anchors[starts, durations, 2], region_ends)


def test_short_durations_keep_their_anchors():
    starts, durations = valid_anchors(5, 2)
    assert list(zip(starts, durations, strict=True)) == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
        (2, 0),
        (2, 1),
        (3, 0),
        (3, 1),
        (4, 0),
    ]
