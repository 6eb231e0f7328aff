"""Which videos are shown."""

from bsp_tf.report.sections.timelines import find_videos, pick_evenly


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
