"""Proposals and class scores to labelled detections."""

import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.localization.fusion import fuse_scores, make_detections
from bsp_tf.localization.heads.gtad.decode import decode_proposals
from bsp_tf.localization.nms import Suppression, suppress

SEGMENTS = np.array([[0.1, 0.5], [-0.2, 1.3]])
SCORES = np.array([0.81, 0.36])


def test_two_best_classes_best_first_and_seconds_clamped():
    found = make_detections(
        SEGMENTS * 20, SCORES, 20.0, np.array([0.1, 0.25, 0.64]), ["a", "b", "c"]
    )
    assert [(d["label"], pytest.approx(d["score"]), d["segment"]) for d in found] == [
        ("c", 0.81 * 0.64, [2.0, 10.0]),
        ("c", 0.36 * 0.64, [0.0, 20.0]),
        ("b", 0.81 * 0.25, [2.0, 10.0]),
        ("b", 0.36 * 0.25, [0.0, 20.0]),
    ]


def test_square_root_fusion():
    found = make_detections(SEGMENTS, SCORES, 1.0, np.array([0.64]), ["a"], fusion="sqrt")
    assert [d["score"] for d in found] == pytest.approx([0.72, 0.48])


def test_without_class_scores_only_proposals():
    found = make_detections(SEGMENTS, SCORES, 10.0)
    assert [(d["label"], d["score"]) for d in found] == [("proposal", 0.81), ("proposal", 0.36)]


def test_equal_class_scores_take_the_first_classes():
    found = make_detections(SEGMENTS[:1], SCORES[:1], 1.0, np.full(4, 0.25), list("wxyz"))
    assert [d["label"] for d in found] == ["w", "x"]


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_top_classes(count):
    found = make_detections(
        SEGMENTS[:1], SCORES[:1], 1.0, np.array([0.1, 0.4, 0.2, 0.3]), list("wxyz"), count
    )
    assert [d["label"] for d in found] == list("xzyw")[:count]


def test_rounding_and_what_has_no_length_in_the_video():
    segments = np.array([[1.04, 2.26], [9.98, 12], [11, 12], [3.01, 3.04]])
    found = make_detections(segments, np.array([0.12345678, 0.1, 0.2, 0.3]), 10.0, decimals=(6, 1))
    assert found == [{"label": "proposal", "score": 0.123457, "segment": [1.0, 2.3]}]
    exact = make_detections(segments, np.ones(4), 10.0)
    assert [d["segment"] for d in exact] == [[1.04, 2.26], [9.98, 10.0], [3.01, 3.04]]


def test_no_proposals_no_detections():
    assert make_detections(np.zeros((0, 2)), np.zeros(0), 5.0, np.ones(2), ["a", "b"]) == []


def test_result_is_plain_json():
    text = json.dumps(
        make_detections(SEGMENTS.astype(np.float32), SCORES.astype(np.float32), np.float32(3))
    )
    assert json.loads(text)[0]["label"] == "proposal"


def test_bad_arguments_are_refused():
    with pytest.raises(InputError, match="3 class names"):
        make_detections(SEGMENTS, SCORES, 1.0, np.ones(2), list("abc"))
    with pytest.raises(InputError, match="fusion 'sum'"):
        fuse_scores(SCORES, 1.0, "sum")
    for bad in (np.nan, -0.1, np.inf):
        with pytest.raises(InputError, match="probabilities"):
            make_detections(SEGMENTS, SCORES, 1.0, np.array([0.5, bad]), list("ab"))


def check_video(maps, duration, class_scores, classes, golden):
    start, end, score_map = (array[np.newaxis] for array in maps)
    (proposals,) = suppress(decode_proposals(score_map, start, end), Suppression())
    found = make_detections(
        proposals.segments * duration, proposals.scores, duration, class_scores, classes
    )
    assert [d["label"] for d in found] == [label for label, _, _ in golden]
    np.testing.assert_allclose(
        [d["score"] for d in found], [score for _, score, _ in golden], rtol=0, atol=1e-15
    )
    np.testing.assert_allclose(
        [d["segment"] for d in found], [seconds for _, _, seconds in golden], atol=1e-12
    )


def test_same_detections_as_the_reference(testdata):
    golden = np.load(testdata / "gtad_post.npz")
    for video in range(2):
        expected = zip(
            *(golden[f"detection_{key}"][video] for key in ("label", "score", "segment")),
            strict=True,
        )
        check_video(
            [golden[key][video] for key in ("start", "end", "iou_map")],
            golden["duration_second"][video],
            golden["cls_scores"][video],
            golden["classes"].tolist(),
            list(expected),
        )


def test_same_detections_as_the_reference_on_all_videos(shared):
    inputs = np.load(shared / "golden" / "gtad_post_inputs.npz")
    results = json.loads((shared / "golden" / "gtad_post_detection.json").read_text())["results"]
    for video, name in enumerate(inputs["video"]):
        expected = [
            (d["label"], d["score"], d["segment"]) for d in results[name.removeprefix("v_")]
        ]
        check_video(
            [inputs[key][video] for key in ("start", "end", "iou_map")],
            inputs["duration_second"][video],
            inputs["cls_scores"][video],
            inputs["classes"].tolist(),
            expected,
        )
