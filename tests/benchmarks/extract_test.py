"""The measurement on a video that is known."""

import numpy as np
import pytest

from benchmarks.extract import make_video, measure
from bsp_tf.video.reader import probe_video


def test_every_snippet_is_counted_once(tmp_path):
    video = make_video(tmp_path / "a.mp4", 96, 2.0)
    assert (probe_video(video).width, probe_video(video).height) == (170, 96)
    seen = []

    def run(frames: np.ndarray) -> dict[str, np.ndarray]:
        seen.append(len(frames))
        return {}

    row = measure(run, video, 4)
    # 50 frames: 6 whole snippets and one that is filled up; both passes.
    assert seen == [4, 3] * 2
    assert row["frames_per_second"] / row["snippets_per_second"] == pytest.approx(50 / 7)
    assert row["times_real_time"] * 25 == pytest.approx(row["frames_per_second"])
    assert 0 < row["waiting"] <= 1
