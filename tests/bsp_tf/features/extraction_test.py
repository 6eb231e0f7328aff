"""Real videos through a model that is a plain function: rows, metadata, going on, damage."""

import numpy as np
import pytest

from bsp_tf.features.extraction import VideoRows, extract_video, video_events
from bsp_tf.video.reader import read_frames
from bsp_tf.video.stream import TruncatedVideoError, VideoError

SETTINGS = {"window": 8, "frame_step": 1, "stride": 4, "short_side": 0}


def first_means(frames):
    return {"features": frames[:, :1].mean((2, 3, 4)).astype(np.float32)}


@pytest.fixture(scope="module")
def video(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("videos") / "a.mp4", num_frames=50)


def extract(path, found=None, batch_size=3, **options):
    first = {"a": found.num_snippets} if found else {}
    events = video_events({"a": path}, SETTINGS, batch_size, first)
    return extract_video("a", events, first_means, SETTINGS, found=found, **options)


def test_rows_and_metadata(video):
    arrays, about = extract(video)
    means = np.stack(list(read_frames(video))).mean((1, 2, 3))
    np.testing.assert_allclose(arrays["features"][:, 0], means[: 11 * 4 + 1 : 4], rtol=1e-5)
    assert arrays["features"].shape == (12, 1) and arrays["pixel_change"].shape == (12,)
    assert {name: about[name] for name in about if name != "source"} == {
        "file": "a.mp4",
        "num_bytes": video.stat().st_size,
        "fps": 25.0,
        "num_frames": 50,
        "duration_seconds": 2.0,
        "num_snippets": 12,
        "last_snippet_padded": True,
        "partial": False,
    }


@pytest.mark.parametrize("batches", [1, 2, 3])
def test_going_on_gives_the_same(video, batches):
    whole, about = extract(video)
    found = VideoRows()

    def stop(rows):
        if len(rows.rows["features"]) == batches:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(video, after_batch=stop, found=found)
    assert found.num_snippets == 3 * batches
    arrays, again = extract(video, found)
    assert again == about
    for name, values in whole.items():
        np.testing.assert_array_equal(arrays[name], values)


def test_damage(make_video, tmp_path):
    whole = make_video(tmp_path / "whole.mkv", num_frames=120, height=96, width=128)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(TruncatedVideoError, match="cut.mkv"):
        extract(cut)
    arrays, about = extract(cut, allow_partial=True)
    assert about["partial"] and 8 < about["num_frames"] < 120
    assert len(arrays["features"]) == about["num_snippets"]
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoError, match="empty.mp4"):
        extract(tmp_path / "empty.mp4", allow_partial=True)


def test_after_a_bad_video_comes_the_next_one(video, tmp_path):
    (tmp_path / "b.mp4").write_text("no video\n" * 30)
    events = video_events({"b": tmp_path / "b.mp4", "a": video}, SETTINGS, 3)
    with pytest.raises(VideoError, match="b.mp4"):
        extract_video("b", events, first_means, SETTINGS)
    _, about = extract_video("a", events, first_means, SETTINGS)
    assert about["num_snippets"] == 12


def test_uneven_frames_are_brought_to_one_rate(write_grey_levels, tmp_path):
    """3 s at 30 frames a second, 5 s at 10; the picture changes at 1 s and at 6 s."""
    times = [*(k / 30 for k in range(90)), *(3 + k / 10 for k in range(50))]
    levels = [0 if time < 1 else 100 if time < 6 else 200 for time in times]
    path = write_grey_levels(tmp_path / "a.mkv", levels, times=times, fps=30)
    whole, about = extract(path)
    assert about["resampled"] and about["fps"] == 30
    assert about["duration_seconds"] == pytest.approx(8, abs=0.1)
    changes = np.flatnonzero(whole["pixel_change"]) * SETTINGS["stride"] / about["fps"]
    assert {1, 6} <= {round(float(seconds)) for seconds in changes}
    found = VideoRows()

    def stop(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(path, after_batch=stop, found=found)
    arrays, again = extract(path, found)
    assert again == about
    np.testing.assert_array_equal(arrays["features"], whole["features"])
