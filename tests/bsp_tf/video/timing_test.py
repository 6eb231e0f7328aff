"""Frames by their timestamps: other rates, variable rates, cuts with and without seeking."""

import struct

import numpy as np
import pytest

from bsp_tf.video.reader import probe_video, read_frames
from bsp_tf.video.stream import TruncatedVideoError, VideoError


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


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("late.mkv", 600),
        ("late.ts", 600),
        ("late.mp4", 600),
        ("decades.mkv", 1e9),
        ("weeks.mp4", 4e6),
        ("early.mkv", -1),
        ("early.ts", -1),
        # Its clock of 33 bits starts again amid the video.
        ("wrapped.ts", 2**33 / 90_000 - 0.5),
    ],
)
def test_time_stamps_that_start_anywhere(tmp_path, write_grey_levels, name, start):
    """A part of a long recording may keep the times that it had there."""
    levels = list(range(0, 250, 10))
    times = [start + number / 25 for number in range(25)]
    path = write_grey_levels(tmp_path / name, levels, times=times, codec="libx264")
    assert levels_of(read_frames(path)) == levels
    assert len(list(read_frames(path, fps=50))) == pytest.approx(50, abs=1)
    cut = read_frames(path, start_seconds=0.2, end_seconds=0.4)
    assert levels_of(cut) == [50, 60, 70, 80, 90]
    info = probe_video(path)
    assert info.duration_seconds == pytest.approx(1, abs=0.05)
    assert info.num_frames == pytest.approx(25, abs=1)


def test_time_stamps_that_start_late_in_a_cut_file(tmp_path, write_grey_levels):
    times = [600 + number / 25 for number in range(100)]
    path = write_grey_levels(tmp_path / "late.mkv", [10, 200] * 50, times=times)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(TruncatedVideoError, match=r"late\.mkv"):
        list(read_frames(path))


@pytest.mark.parametrize(
    ("scale", "rate", "fps"),
    [
        (1, 240, 240),
        (1, 0, 25),
        (0, 1, 25),
        (1, 2**31 - 1, 25),
        (2**31 - 1, 1, 25),
        (30, 1, 1 / 30),
    ],
)
def test_frame_rates_that_only_a_header_can_have(make_video, tmp_path, scale, rate, fps):
    """One that no camera has counts as unknown; a frame was held for 68 years."""
    path = make_video(tmp_path / "a.avi", num_frames=10, fps=25, codec="mpeg4")
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"avih") + 8, 0)
    struct.pack_into("<II", content, content.index(b"strh") + 28, scale, rate)
    path.write_bytes(content)
    assert probe_video(path).fps == pytest.approx(fps)
    assert sum(1 for _ in read_frames(path)) == 10
    assert sum(1 for _ in read_frames(path, fps=10)) <= 3000
