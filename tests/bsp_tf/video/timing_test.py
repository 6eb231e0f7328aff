"""Frames by their timestamps: other rates, variable rates, cuts with and without seeking."""

import numpy as np
import pytest

from bsp_tf.video.reader import read_frames
from bsp_tf.video.stream import VideoError


def levels_of(frames):
    return [10 * round(float(frame.mean()) / 10) for frame in frames]


def test_constant_rate_is_halved_and_doubled(tmp_path, write_grey_levels):
    path = write_grey_levels(tmp_path / "a.mkv", range(0, 200, 10), fps=20)
    assert levels_of(read_frames(path, fps=20)) == list(range(0, 200, 10))
    assert len(list(read_frames(path, fps=10))) == 10
    doubled = levels_of(read_frames(path, fps=40))
    assert len(doubled) == 40 and sorted(set(doubled)) == list(range(0, 200, 10))
    assert len(list(read_frames(path, fps=0.1))) == 1


def test_variable_rate_follows_the_timestamps(tmp_path, write_grey_levels):
    times = [0.0, 0.1, 0.2, 1.0, 1.1]
    path = write_grey_levels(tmp_path / "a.mkv", [0, 50, 100, 150, 200], times=times)
    ticks = levels_of(read_frames(path, fps=10))
    expected = [
        [0, 50, 100, 150, 200][int(np.argmin([abs(time - tick / 10) for time in times]))]
        for tick in range(len(ticks))
    ]
    # 0.6 s is equally near to 0.2 and 1.0 s.
    assert [a for i, a in enumerate(ticks) if i != 6] == [
        a for i, a in enumerate(expected) if i != 6
    ]
    assert len(ticks) in (11, 12)
    assert levels_of(read_frames(path)) == [0, 50, 100, 150, 200]


def test_cut_by_seconds(make_video, tmp_path, write_grey_levels):
    path = write_grey_levels(tmp_path / "a.mkv", range(0, 250, 10), fps=25)
    assert levels_of(read_frames(path, start_seconds=0.2, end_seconds=0.4)) == [50, 60, 70, 80, 90]
    assert levels_of(read_frames(path, end_seconds=0.08)) == [0, 10]
    assert len(list(read_frames(path, fps=50, start_seconds=0.2, end_seconds=0.4))) == 10
    with pytest.raises(VideoError, match="a.mkv.*start and end"):
        list(read_frames(path, start_seconds=8.0))
    # A long way in, by seeking: the same frames as by decoding everything.
    for suffix in ("mp4", "ts"):
        long = make_video(tmp_path / f"long.{suffix}", num_frames=400, height=32, width=64)
        everything = list(read_frames(long))
        np.testing.assert_array_equal(
            list(read_frames(long, start_seconds=12.0, end_seconds=12.4)), everything[300:310]
        )
