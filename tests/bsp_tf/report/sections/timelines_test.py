"""Which videos are shown, and their thumbnails."""

import numpy as np
import pytest

from bsp_tf.report.sections.timelines import find_videos, pick_evenly, thumbnails
from bsp_tf.video.stream import VideoError


def test_pick_evenly_ignores_order_and_spreads():
    names = [f"v{i}" for i in range(8)]
    assert pick_evenly(names[::-1], 4) == ["v1", "v3", "v5", "v7"]
    assert pick_evenly(names, 1) == ["v4"]
    assert pick_evenly(names[:2], 4) == ["v0", "v1"]
    assert pick_evenly([], 4) == [] and pick_evenly(names, 0) == []


def test_find_videos(tmp_path, make_video):
    make_video(tmp_path / "a.mp4", num_frames=2)
    (tmp_path / ".hidden.mp4").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    assert find_videos(tmp_path) == {"a": tmp_path / "a.mp4"}
    assert find_videos(tmp_path / "nowhere") == {}


def test_thumbnails_come_from_the_middle_of_their_slots(tmp_path, make_video):
    frames = thumbnails(
        make_video(tmp_path / "a.mp4", num_frames=50), duration_seconds=2.0, count=5
    )
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 5
    # The square of the test video walks two pixels a frame; slot i has its middle at frame 5 + 10
    # i.
    brightness = [frame[8:20].mean(axis=(0, 2)) for frame in frames]
    centres = [np.flatnonzero(line > 235).mean() for line in brightness]
    np.testing.assert_allclose(centres, [2 * (5 + 10 * i) % 56 + 3.5 for i in range(5)], atol=2)


def test_thumbnails_beyond_the_end_repeat_the_last_good_one(tmp_path, make_video):
    frames = thumbnails(
        make_video(tmp_path / "a.mp4", num_frames=25), duration_seconds=2.0, count=4
    )
    np.testing.assert_array_equal(frames[1], frames[3])
    assert (frames[0] != frames[1]).any()


def test_thumbnails_of_no_video(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    with pytest.raises(VideoError, match="a.mp4"):
        thumbnails(tmp_path / "a.mp4", 2.0, 3)
