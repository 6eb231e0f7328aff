"""Pictures over the whole length of a video."""

import numpy as np
import pytest

from bsp_tf.video.stream import VideoError
from bsp_tf.video.thumbnails import thumbnails


def test_thumbnails_come_from_the_middle_of_their_slots(tmp_path, make_video):
    frames = thumbnails(
        make_video(tmp_path / "a.mp4", num_frames=50), duration_seconds=2.0, count=5, short_side=120
    )
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 5
    # The square of the test video walks two pixels a frame; slot i has its middle at frame 5 + 10
    # i.
    brightness = [frame[8:20].mean(axis=(0, 2)) for frame in frames]
    centres = [np.flatnonzero(line > 235).mean() for line in brightness]
    np.testing.assert_allclose(centres, [2 * (5 + 10 * i) % 56 + 3.5 for i in range(5)], atol=2)


def test_thumbnails_beyond_the_end_repeat_the_last_good_one(tmp_path, make_video):
    frames = thumbnails(
        make_video(tmp_path / "a.mp4", num_frames=25), duration_seconds=2.0, count=4, short_side=120
    )
    np.testing.assert_array_equal(frames[1], frames[3])
    assert (frames[0] != frames[1]).any()


def test_thumbnails_of_no_video(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    with pytest.raises(VideoError, match="a.mp4"):
        thumbnails(tmp_path / "a.mp4", 2.0, 3, 120)
