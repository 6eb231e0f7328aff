"""Reading whole videos: what is probed is what is read, in bounded memory, also of real files."""

import tracemalloc

import numpy as np
import pytest

from bsp_tf.video.reader import probe_video, read_frames


def test_probe_and_read_agree(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", num_frames=30, height=48, width=64, fps=25)
    info = probe_video(path)
    assert (info.height, info.width, info.fps, info.num_frames) == (48, 64, 25.0, 30)
    assert info.duration_seconds == pytest.approx(1.2)
    frames = list(read_frames(path))
    assert len(frames) == 30
    assert all(frame.shape == (48, 64, 3) and frame.dtype == np.uint8 for frame in frames)
    # The bright square of make_video moves, and it is red = green = blue = 255 where it is.
    assert frames[0][10:18, 2:6].min() > 220 and frames[10][10:18, 22:26].min() > 220


def test_frames_left_out_at_the_start_change_nothing_about_the_others(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", num_frames=30, height=48, width=64)
    whole = np.stack(list(read_frames(path, short_side=24)))
    for first in (0, 1, 17, 29):
        np.testing.assert_array_equal(
            list(read_frames(path, short_side=24, first_frame=first)), whole[first:]
        )
    assert list(read_frames(path, first_frame=30)) == []
    np.testing.assert_array_equal(
        list(read_frames(path, fps=60, short_side=24, first_frame=5)),
        list(read_frames(path, fps=60, short_side=24))[5:],
    )


def test_memory_is_bounded(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", num_frames=200, height=120, width=160)
    tracemalloc.start()
    for _ in read_frames(path, fps=50):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 120 * 160 * 3


def test_real_videos(shared):
    """Surveillance cameras and demo clips: odd sizes, many rates, pieces of longer streams."""
    paths = [
        path
        for folder in ("assorted", "surveillance", "ut_interaction_set1/clips/kick")
        for path in sorted((shared / "videos" / folder).rglob("*"))
        if path.suffix in (".avi", ".mp4")
    ]
    assert len(paths) >= 50
    for path in paths[::3]:
        info = probe_video(path)
        num_frames = 0
        for frame in read_frames(path, short_side=64):
            num_frames += 1
            assert min(frame.shape[:2]) == 64
        assert 10 <= info.fps <= 30
        # Two frames that the cut at the start of the UT-Interaction clips made undecodable are in
        # their headers.
        assert abs(num_frames - info.num_frames) <= 2, path
