"""Features of many videos to proposals in seconds; each video has a network output of its own."""

import functools

import numpy as np
import pytest

from bsp_tf.features.span import FeatureSpan
from bsp_tf.localization.heads.gtad.decode import decode_proposals
from bsp_tf.localization.inference import (
    BATCH_SIZE,
    UntrimmedVideo,
    propose,
    propose_in_one_piece,
    propose_in_windows,
)
from bsp_tf.localization.nms import Suppression, suppress
from bsp_tf.localization.proposals import Proposals
from bsp_tf.localization.windows import cut_windows, merge_windows, window_proposals

COLUMNS, DURATIONS = 16, 6


def network(batch, inside):
    """Maps that depend on each row's features alone, which are zero where nothing is inside."""
    assert inside.shape == batch.shape[:2] and not batch[inside == 0].any()
    squashed = 1 / (1 + np.exp(-batch))
    score_map = squashed[:, np.newaxis, np.newaxis, :, 0] ** np.arange(
        1, 2 * DURATIONS + 1
    ).reshape(2, -1, 1)
    return {"start": squashed[:, :, 0], "end": squashed[:, :, 1], "map": score_map}


def decode(outputs, boundaries=True):
    maps = [outputs[name] for name in (("map", "start", "end") if boundaries else ("map",))]
    return decode_proposals(*maps)


def in_windows(network, decode, videos, rule, skipped):
    return propose_in_windows(network, decode, videos, COLUMNS, 300, rule, skipped)


def make_videos(count, snippets=COLUMNS):
    rng = np.random.default_rng(0)
    for number in range(count):
        features = rng.standard_normal((snippets, 2)).astype(np.float32)
        yield UntrimmedVideo(
            f"v{number}", features, FeatureSpan(1.0 + number, 11.0 + 3 * number), 10, 40.0
        )


def test_batches_give_what_each_video_gives_alone():
    rule, skipped = Suppression(max_proposals=7), {}
    found = list(propose(network, decode, make_videos(2 * BATCH_SIZE + 3), rule, skipped))
    assert [video.video_id for video, _ in found] == [
        f"v{i}" for i in range(2 * BATCH_SIZE + 3)
    ] and not skipped
    for video, proposals in found:
        maps = network(video.snippets[np.newaxis], np.ones((1, COLUMNS)))
        (expected,) = suppress(decode_proposals(maps["map"], maps["start"], maps["end"]), rule)
        np.testing.assert_allclose(proposals.segments, video.span.seconds(expected.segments))
        np.testing.assert_allclose(proposals.scores, expected.scores)


@pytest.mark.parametrize("snippets", [5, 16, 17, 40, 200])
def test_windows_of_short_and_long_videos(snippets):
    rule = Suppression(width=0.46, max_proposals=9)
    of_map = functools.partial(decode, boundaries=False)
    for video, found in in_windows(network, of_map, make_videos(2, snippets), rule, {}):
        windows = cut_windows(video.snippets, COLUMNS)
        decoded = of_map(network(windows, np.ones(windows.shape[:2])))
        starts = [0] if snippets <= COLUMNS else [*range(0, snippets - COLUMNS + 1, COLUMNS // 2)]
        expected = merge_windows(window_proposals(decoded, starts, COLUMNS, 30), rule)
        np.testing.assert_allclose(found.segments, video.span.seconds(expected.segments / snippets))
        np.testing.assert_allclose(found.scores, expected.scores)


@pytest.mark.parametrize("way", [propose, in_windows])
def test_videos_that_break_the_network_are_named(way):
    videos = list(make_videos(4))
    videos[2].snippets[3, 0] = np.finfo(np.float32).max

    def fragile(batch, inside):
        maps = network(batch, inside)
        maps["map"] = np.where(
            batch.max(axis=(1, 2)).reshape(-1, 1, 1, 1) > 1e6, np.nan, maps["map"]
        )
        return maps

    skipped = {}
    found = [video.video_id for video, _ in way(fragile, decode, videos, Suppression(), skipped)]
    assert found == ["v0", "v1", "v3"] and list(skipped) == ["v2"] and "NaN" in skipped["v2"]


@pytest.mark.parametrize("way", [propose, in_windows])
def test_only_a_batch_of_videos_is_read_ahead(way):
    read = []

    def reading():
        for video in make_videos(50):
            read.append(video.video_id)
            yield video

    results = way(network, decode, reading(), Suppression(), {})
    next(results)
    assert len(read) <= BATCH_SIZE


@pytest.mark.parametrize("snippets", [COLUMNS, 40])
def test_the_adaptive_rule_knows_how_long_the_video_is(snippets):
    """One piece and windows: lengths are in snippets or columns, of which the video has a part."""

    def twins(outputs):
        first = outputs["start"][:, 0] if "start" in outputs else outputs[0]
        segments = np.array([[0.1, 0.2], [0.105, 0.205], [0.9, 0.95]])
        scores = np.array([0.9, 0.8, 0.5])
        return [Proposals(segments, scores) for _ in first]

    def whole(count):
        return 4 * count

    for rule in (Suppression("gaussian"), Suppression("adaptive")):
        pieces = propose_in_one_piece(network, twins, make_videos(1, snippets), whole, rule, {})
        ((_, found),) = pieces
        ((_, merged),) = in_windows(network, twins, make_videos(1, COLUMNS), rule, {})
        for proposals in (found, merged):
            assert min(proposals.scores) < 0.4
