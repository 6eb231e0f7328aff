"""Files of even and uneven frames, and what rate is found for them."""

import numpy as np
import pytest

from bsp_tf.video.pace import uneven_rate
from bsp_tf.video.reader import probe_video, read_frames

PHONE = [*(k / 30 for k in range(60)), *(2 + k / 10 for k in range(20))]
GAP = [*(k / 25 for k in range(50)), *(20 + k / 25 for k in range(30))]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "mpg"])
@pytest.mark.parametrize("fps", [10, 25, 60])
def test_even(make_video, tmp_path, suffix, fps):
    path = make_video(tmp_path / f"a.{suffix}", num_frames=90, fps=fps)
    assert uneven_rate(path, probe_video(path).fps) is None


@pytest.mark.parametrize(("times", "fps"), [(PHONE, 30), (GAP, 25)])
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_uneven(write_grey_levels, tmp_path, times, fps, name):
    levels = np.linspace(0, 250, len(times)).astype(int)
    path = write_grey_levels(tmp_path / name, levels, times=times, codec="libx264", fps=fps)
    rate = uneven_rate(path, probe_video(path).fps)
    assert rate == pytest.approx(fps, rel=0.02)
    frames = [frame.mean() for frame in read_frames(path, fps=rate)]
    assert len(frames) / rate == pytest.approx(times[-1], abs=0.5)
    nearest = np.abs(np.subtract.outer(np.arange(len(frames)) / rate, times)).argmin(1)
    np.testing.assert_allclose(frames, levels[nearest], atol=12)


def test_a_wrong_rate_in_the_header(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv", num_frames=60, fps=25)
    assert uneven_rate(path, 1000.0) == 25
    assert uneven_rate(path, 24.9) is None and uneven_rate(path, 24.0) == 24.0


def test_times_that_say_nothing(write_grey_levels, tmp_path):
    assert uneven_rate(write_grey_levels(tmp_path / "a.mkv", [10]), 25.0) is None
    times = [0.0, 0.04, 500.0, 500.04, 500.08]
    assert uneven_rate(write_grey_levels(tmp_path / "b.mkv", [0] * 5, times=times), 25.0) is None


def test_damage_is_left_to_others(make_video, tmp_path):
    whole = make_video(tmp_path / "whole.mkv", num_frames=120)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert uneven_rate(cut, 25.0) is None
