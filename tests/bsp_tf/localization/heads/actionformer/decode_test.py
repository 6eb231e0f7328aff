"""Head outputs to suppressed segments, against the reference's own lists."""

import numpy as np
import pytest

from bsp_tf.localization.fusion import make_detections
from bsp_tf.localization.heads.actionformer.decode import decode_points
from bsp_tf.localization.heads.actionformer.pyramid import make_points
from bsp_tf.localization.nms import Suppression, suppress
from bsp_tf.localization.proposals import Proposals

CASES = ("small_thumos", "small_agnostic_vote", "small_hard", "thumos", "anet")


def decoded(golden, case):
    lengths = golden[f"{case}/level_lengths"].tolist()
    points = make_points(lengths[0], len(lengths))
    outputs = {
        "logits": golden[f"{case}/cls_logits"][np.newaxis],
        "offsets": golden[f"{case}/offsets"][np.newaxis],
        "inside": (points.positions < golden[f"{case}/valid_len"]).astype(np.float32)[np.newaxis],
    }
    shortest = golden[f"{case}/cfg_prethresh_topk_iou_min_max_sigma_vote_durthresh"][-1]
    (found,) = decode_points(outputs, len(lengths), shortest)
    return found


def rule_of(golden, case):
    settings = golden[f"{case}/cfg_prethresh_topk_iou_min_max_sigma_vote_durthresh"].tolist()
    _, _, threshold, smallest, most, width, voting, _ = settings
    return Suppression(
        "hard" if case == "small_hard" else "gaussian",
        width,
        threshold,
        int(most),
        smallest,
        0 if golden[f"{case}/multiclass"] else voting,
    )


def same_list(found, segments, scores, labels=None, atol=1e-4):
    """Equal lists, where those of equal scores may stand in any order."""
    assert len(found.scores) == len(scores)
    np.testing.assert_allclose(found.scores, scores, atol=1e-5)
    labels = np.zeros(len(scores)) if labels is None else labels
    own = np.zeros(len(scores)) if found.labels is None else found.labels
    rows = [
        np.column_stack([part_labels, part])
        for part_labels, part in ((own, found.segments), (labels, segments))
    ]
    # Groups of scores that are equal but for rounding.
    group = np.concatenate([[0], np.cumsum(np.abs(np.diff(scores)) > 2e-6)])
    left, right = (part[np.lexsort((*part.round(3).T, group))] for part in rows)
    np.testing.assert_allclose(left, right, atol=atol)


@pytest.mark.parametrize("case", CASES)
def test_decoded(shared, case):
    golden = np.load(shared / "golden/af_inference.npz")
    names = [f"{case}/decoded_{kind}" for kind in ("segments", "scores", "labels")]
    same_list(decoded(golden, case), *(golden[name] for name in names))


def check_final(golden, case):
    found = decoded(golden, case)
    if not golden[f"{case}/multiclass"]:
        found = found._replace(labels=None)
    (kept,) = suppress([found], rule_of(golden, case))
    same_list(
        kept,
        golden[f"{case}/nms_segments_grid"],
        golden[f"{case}/final_scores"],
        golden[f"{case}/final_labels"] if golden[f"{case}/multiclass"] else None,
    )


@pytest.mark.parametrize("case", ["small_agnostic_vote", "small_thumos"])
def test_suppressed(testdata, case):
    check_final(np.load(testdata / "actionformer_inference.npz"), case)


@pytest.mark.parametrize("case", CASES)
def test_suppressed_of_every_case(shared, case):
    check_final(np.load(shared / "golden/af_inference.npz"), case)


@pytest.mark.parametrize("width", [0.5, 0.75, 0.1])
def test_soft_suppression(shared, width):
    golden = np.load(shared / "golden/af_inference.npz")
    video = Proposals(golden["softnms/segments"], golden["softnms/scores"].astype(np.float64))
    (found,) = suppress([video], Suppression(width=width, max_proposals=200, min_score=1e-3))
    name = f"softnms/sigma{width}"
    same_list(found, golden[f"{name}_segments"], golden[f"{name}_scores"])


def test_fused_with_class_scores(shared):
    golden = np.load(shared / "golden/af_inference.npz")
    found = decoded(golden, "anet")._replace(labels=None)
    (kept,) = suppress([found], rule_of(golden, "anet"))
    stride, fps = golden["anet/feat_stride"], golden["anet/fps"]
    seconds = (kept.segments + 0.5) * stride / fps
    names = [str(number) for number in range(200)]
    detections = make_detections(
        seconds,
        kept.scores,
        float(golden["anet/duration"]),
        golden["anet/video_class_scores"],
        names,
        fusion="sqrt",
    )
    for key, values in (
        ("t-start", [row["segment"][0] for row in detections]),
        ("t-end", [row["segment"][1] for row in detections]),
        ("score", [row["score"] for row in detections]),
        ("label", [int(row["label"]) for row in detections]),
    ):
        np.testing.assert_allclose(values, golden[f"anet/fused_{key}"], atol=1e-4)
