"""The conversion benchmark in small, without ffmpeg, which few machines have."""

import numpy as np
import pytest

from benchmarks.convert import format_costs, measure
from benchmarks.jpeg_quality import Yardstick, psnr
from benchmarks.made_clips import FPS, HEIGHT, WIDTH, write_clip
from bsp_tf.base.errors import InputError
from bsp_tf.video.reader import probe_video, read_frames


def test_clip(tmp_path):
    write_clip(tmp_path / "a.mp4", 1, 12)
    info = probe_video(tmp_path / "a.mp4")
    assert (info.width, info.height, info.fps, info.num_frames) == (WIDTH, HEIGHT, FPS, 12)
    first, last = list(read_frames(tmp_path / "a.mp4"))[::11]
    assert 3 < np.abs(first.astype(int) - last).mean() < 60 and 20 < first.std() < 80


def test_yardstick(tmp_path):
    write_clip(tmp_path / "a.mp4", 1, 4)
    yardstick = Yardstick(tmp_path / "a.mp4", stride=2)
    rows = [yardstick.choose("psnr", wanted) for wanted in (30.0, 40.0)]
    assert (
        rows[0]["quality"] < rows[1]["quality"] and rows[0]["frame_bytes"] < rows[1]["frame_bytes"]
    )
    assert rows[0]["psnr"] >= 30 and rows[1]["psnr"] >= 40
    assert yardstick.choose("frame_bytes", rows[1]["frame_bytes"])["quality"] == rows[1]["quality"]
    assert psnr(np.zeros((2, 2)), np.full((2, 2), 255)) == 0.0


@pytest.mark.thorough
def test_measure(tmp_path):
    result = measure(
        None, tmp_path, repeats=1, clips=2, seconds=0.2, long_minutes=0.02, large_seconds=0
    )
    assert set(result["rows"]) == {
        "convert, 2 workers, PSNR as ffmpeg",
        "convert, 2 worker(s), more clips",
        "convert, 1 worker(s), more clips",
    }
    assert all(20 < row["peak_megabytes"] < 400 for row in result["rows"].values())
    assert len(result["memory"]) == 2 and "two workers against one" in format_costs(result)
    with pytest.raises(InputError, match="--repeats=0"):
        measure(None, tmp_path, repeats=0)
