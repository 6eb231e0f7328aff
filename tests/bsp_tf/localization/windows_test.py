"""Windows over long videos, and their proposals merged, against the reference's list."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bsp_tf.localization.class_scores import THUMOS_CLASSES
from bsp_tf.localization.fusion import THUMOS_DECIMALS, make_detections
from bsp_tf.localization.heads.gtad.decode import decode_proposals
from bsp_tf.localization.heads.gtad.head import HEAD, WINDOW_SUPPRESSION
from bsp_tf.localization.nms import Suppression, suppress
from bsp_tf.localization.proposals import Proposals
from bsp_tf.localization.windows import (
    cut_windows,
    draw_crop,
    merge_windows,
    segments_in_crop,
    window_proposals,
    window_starts,
)


@pytest.mark.parametrize(
    "count, starts",
    [
        (1, [0]),
        (255, [0]),
        (256, [0]),
        (257, [0]),
        (307, [0]),
        (308, [0, 52]),
        (384, [0, 128]),
        (435, [0, 128]),
        (436, [0, 128, 180]),
        (685, [0, 128, 256, 384]),
    ],
)
def test_starts(count, starts):
    # As the reference: half windows, then a last one if more than 51 snippets are unseen.
    assert window_starts(count, 256) == starts


@given(st.integers(1, 3000), st.integers(2, 300))
def test_windows_cover_the_video(count, window):
    starts = window_starts(count, window)
    assert starts[0] == 0 and starts == sorted(set(starts))
    # Half a window on, so that each place but the ends is far from the end of some window.
    assert all(second - first <= window // 2 for first, second in itertools.pairwise(starts))
    assert count - starts[-1] - window <= window // 5
    assert len(starts) == 1 or starts[-1] + window <= count
    features = np.arange(count, dtype=np.float32)[:, np.newaxis]
    for first, rows in zip(starts, cut_windows(features, window), strict=True):
        inside = np.arange(first, min(first + window, count))
        assert rows[: len(inside), 0].tolist() == inside.tolist() and not rows[len(inside) :].any()


@given(
    st.integers(0, 2**32),
    st.integers(1, 300),
    st.integers(1, 300),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4),
    st.floats(0, 4),
)
def test_crops_lie_in_the_video_and_their_segments_in_the_crop(seed, total, limit, ends, margin):
    segments = np.sort(np.array(ends, np.float64).reshape(-1, 2) * total, axis=1)
    rng = np.random.default_rng(seed)
    first, length = draw_crop(rng, total, limit, segments, margin)
    assert 0 <= first and 1 <= length <= limit and first + length <= total
    held, inside = segments_in_crop(segments, first, length, margin)
    assert (inside >= -margin - 1e-9).all() and (inside <= length + margin + 1e-9).all()
    for segment, kept in zip(segments, held, strict=True):
        shared = min(segment[1], first + length + margin) - max(segment[0], first - margin)
        half = (segment[1] - segment[0]) / 2
        assert kept == (shared >= half > 0) or shared == pytest.approx(half)


def test_windows_are_cut_and_padded():
    features = np.arange(1, 15, dtype=np.float32).reshape(7, 2)
    assert cut_windows(features, 4).tolist() == [
        features[:4].tolist(),
        features[2:6].tolist(),
        features[3:7].tolist(),
    ]
    short = cut_windows(features[:3], 4)
    assert short.shape == (1, 4, 2) and short[0, 3].tolist() == [0, 0] and short.dtype == np.float32


def test_proposals_of_windows_are_in_snippets_of_the_video():
    maps = np.arange(2 * 2 * 3 * 5, dtype=float).reshape(2, 2, 3, 5)
    first, second = window_proposals(decode_proposals(maps), [0, 10], 5, max_length=3)
    expected = [
        (s, s + d + 1, maps[0, 0, d, s] * maps[0, 1, d, s]) for d in range(2) for s in range(4 - d)
    ]
    np.testing.assert_array_equal(np.column_stack(first[:2]), expected)
    np.testing.assert_array_equal(second.segments, first.segments + 10)


def test_merging_is_suppression_twice():
    rng = np.random.default_rng(0)
    windows = [
        Proposals(np.sort(rng.random((30, 2)), axis=1) + shift, rng.random(30))
        for shift in (0, 0.5)
    ]
    rule = Suppression(width=0.46, max_proposals=20)
    found = merge_windows(windows, rule)
    one, two = suppress(windows, rule)
    (expected,) = suppress(
        [
            Proposals(
                np.concatenate([one.segments, two.segments]),
                np.concatenate([one.scores, two.scores]),
            )
        ],
        rule,
    )
    assert len(found.scores) == 20
    np.testing.assert_array_equal(np.column_stack(found[:2]), np.column_stack(expected[:2]))


def test_same_detections_as_the_reference(shared):
    """Its maps hold equal scores, ordered as its sort happens to; here its choice is put first."""
    inputs = np.load(shared / "golden" / "gtad_post_thumos_inputs.npz")
    golden = json.loads((shared / "golden" / "gtad_post_thumos_detection.json").read_text())[
        "results"
    ]
    names = {number - 1: name for name, number in THUMOS_CLASSES.items()}
    classes = [names[number] for number in inputs["label_id"]]
    for row, video in enumerate(inputs["videos"]):
        windows = [i for i, key in enumerate(inputs["keys"]) if key.startswith(video)]
        fps, num_frames = inputs["fps"][row], inputs["num_frames"][row]
        starts = [int(inputs["keys"][i].split("|")[1]) // 5 for i in windows]
        decoded = decode_proposals(inputs["maps"][windows])
        found = window_proposals(decoded, starts, 256, HEAD.max_window_frames / 5)
        chosen = {tuple(item["segment"]) for item in golden[video]}

        def in_seconds(segments, fps=fps, num_frames=num_frames):
            return [
                (round(max(a, 0) * 5 / fps, 1), round(min(b * 5, num_frames) / fps, 1))
                for a, b in segments
            ]

        orders = [
            np.argsort([s not in chosen for s in in_seconds(window.segments)], kind="stable")
            for window in found
        ]
        merged = merge_windows(
            [
                Proposals(window.segments[order], window.scores[order])
                for window, order in zip(found, orders, strict=True)
            ],
            WINDOW_SUPPRESSION,
        )
        detections = make_detections(
            merged.segments * 5 / fps,
            merged.scores,
            num_frames / fps,
            inputs["cls"][row],
            classes,
            decimals=THUMOS_DECIMALS,
        )
        # The reference writes proposal by proposal, also what begins after the end of the video.
        inside = [item for item in golden[video] if item["segment"][0] < item["segment"][1]]
        assert detections == inside[::2] + inside[1::2]
        assert len(golden[video]) == 400 and len(inside) >= 380


def test_segments_of_a_crop_are_those_of_the_reference(shared):
    golden = np.load(shared / "golden/af_data.npz")
    segments, labels = golden["trunc/segments"].astype(np.float64), golden["trunc/labels"]
    for case in range(20):
        length, _, _, first, count = golden[f"trunc/{case}_len_max_crop_start_n"].tolist()
        if count == length:
            continue
        known = segments[:, 0] < length
        held, inside = segments_in_crop(segments[known], first, count, 2.0)
        np.testing.assert_allclose(inside, golden[f"trunc/{case}_segments"])
        np.testing.assert_array_equal(labels[known][held], golden[f"trunc/{case}_labels"])


@pytest.mark.parametrize(("total", "limit"), [(100, 20), (20, 20), (7, 20), (1, 20)])
def test_crops_hold_a_segment_where_they_can(total, limit):
    rng, segment = np.random.default_rng(0), np.array([[0.2, 0.6]]) * total
    drawn = {draw_crop(rng, total, limit, segment, 0.5) for _ in range(200)}
    assert all(0 <= first and first + length <= total for first, length in drawn)
    lengths = {length for _, length in drawn}
    assert lengths == ({limit} if total > limit else set(range(round(0.9 * total), total + 1)))
    far = np.array([[5.0, 8.0]])
    for _ in range(20):
        first, length = draw_crop(rng, 200, 50, far, 0.5)
        assert segments_in_crop(far, first, length, 0.5)[0].all()
    assert draw_crop(rng, 200, 50, np.zeros((0, 2)), 0.5)[1] == 50
