"""Labels, equal to the reference's to the last bit."""

import json

import numpy as np
import pytest

from bsp_tf.features.span import FeatureSpan
from bsp_tf.localization.heads.gtad.targets import (
    anchor_iou_map,
    boundary_targets,
    valid_mask,
    video_targets,
    window_targets,
)


def check(golden, row, seconds, corrected_second):
    fractions = FeatureSpan(0.0, corrected_second).fractions(seconds)
    targets = video_targets(fractions, 100, 100)
    np.testing.assert_array_equal(anchor_iou_map(fractions, 100, 100), golden["gt_iou_map"][row])
    np.testing.assert_array_equal(targets["map"], golden["gt_iou_map"][row] * valid_mask(100, 100))
    np.testing.assert_array_equal(targets["start"], golden["gt_start"][row])
    np.testing.assert_array_equal(targets["end"], golden["gt_end"][row])


@pytest.mark.parametrize("row", range(6))
def test_small_golden(testdata, row):
    """Three segments, all of the video, a tiny one, overlaps, a short video, one of zero length."""
    golden = np.load(testdata / "gtad_labels.npz")
    check(golden, row, golden[f"seconds_{row}"], float(golden[f"corrected_{row}"]))


def test_full_golden(shared):
    golden = np.load(shared / "golden/gtad_labels_losses.npz")
    videos = json.loads((shared / "golden/gtad_labels_anno/anno.json").read_text())
    for row, name in enumerate(golden["video_list"]):
        video = videos[str(name)]
        corrected = (
            float(video["feature_frame"]) / video["duration_frame"] * video["duration_second"]
        )
        check(golden, row, np.array([a["segment"] for a in video["annotations"]]), corrected)
    np.testing.assert_array_equal(valid_mask(100, 100), golden["mask"])
    np.testing.assert_array_equal(valid_mask(256, 64), golden["thumos_mask"])


def test_full_golden_of_thumos(shared):
    golden = np.load(shared / "golden/gtad_labels_losses.npz")
    windows = json.loads((shared / "golden/gtad_labels_anno/thumos_windows.json").read_text())
    frames = windows["skip"] * windows["temporal_scale"]
    for row, (begin, segments) in enumerate(
        zip(windows["windows"], windows["gt_bbox_frames"], strict=True)
    ):
        # Snippet i is frame 5 i, its segment [5 i - 2.5, 5 i + 2.5].
        targets = window_targets(
            (np.array(segments) - (begin - windows["skip"] / 2)) / frames, 256, 64
        )
        np.testing.assert_allclose(targets["start"], golden["thumos_gt_start"][row], atol=1e-6)
        np.testing.assert_allclose(targets["end"], golden["thumos_gt_end"][row], atol=1e-6)
        # The reference's map takes the begin of the window as a whole frame.
        clamped = np.clip((np.array(segments) - golden["thumos_offset_used"][row]) / frames, 0, 1)
        np.testing.assert_allclose(
            anchor_iou_map(clamped, 256, 64), golden["thumos_gt_iou_map"][row], atol=1e-6
        )


def test_a_window_does_not_see_the_boundaries_outside_of_it():
    cut = np.array([[-0.5, 0.25]])
    targets = window_targets(cut, 8, 8)
    assert not targets["start"].any()
    # The end lies between the segments 1 and 2; its band reaches half a segment further.
    np.testing.assert_allclose(targets["end"], [0.5, 1, 1, 0.5, 0, 0, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(targets["map"], video_targets(np.array([[0, 0.25]]), 8, 8)["map"])
    outside = window_targets(np.array([[-0.9, -0.5], [1.5, 2.0]]), 8, 8)
    assert not any(values.any() for values in outside.values())


def test_anchors_against_hand_computed_overlaps():
    iou = anchor_iou_map(np.array([[0.25, 0.75]]), 4, 4)
    # Rows: 1, 2, 3, 4 segments long; columns: start 0, .25, .5, .75.
    expected = [[0, 0.5, 0.5, 0], [1 / 3, 1, 1 / 3, 0], [2 / 3, 2 / 3, 0.25, 0], [0.5, 0.5, 0.2, 0]]
    np.testing.assert_allclose(iou, expected, atol=1e-7)


def test_nothing_annotated_is_all_zero():
    targets = video_targets(np.zeros((0, 2)), 10, 6)
    assert targets["map"].shape == (6, 10)
    assert not any(values.any() for values in targets.values())


def test_boundary_is_positive_at_its_two_positions():
    # A boundary between positions 4 and 5 of 10: the band [.35, .65] covers both anchors, [.35,
    # .55] and [.45, .65].
    target = boundary_targets(np.array([0.5]), 10)
    np.testing.assert_allclose(target, [0, 0, 0, 0.5, 1, 1, 0.5, 0, 0, 0], atol=1e-6)
