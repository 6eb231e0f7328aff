"""Untrimmed videos joined from real clips: what is shown when, and who is tested on what."""

import csv
import json

import numpy as np
import pytest

from benchmarks.experiments.folds import join_folds
from benchmarks.experiments.real_clips import REAL_SETS, Clip, handwash_clips, with_pauses
from benchmarks.experiments.real_sample import FOLDS, FPS, cover, fold_roles, join_clips, write_fold
from benchmarks.experiments.worlds import hard_world, real_worlds
from bsp_tf.video.reader import read_frames

SIZE = (96, 64)


def test_clips_follow_each_other_and_segments_are_those_of_the_action(tmp_path, make_video):
    first = Clip(make_video(tmp_path / "a.mp4", num_frames=12, fps=20), "wave", "01", 0, (3, 8))
    pause = Clip(make_video(tmp_path / "b.mp4", num_frames=7), "", "01")
    last = Clip(make_video(tmp_path / "c.mp4", num_frames=9), "bow", "01")
    path = tmp_path / "joined.mp4"
    entry = join_clips([first, pause, last], SIZE, path)
    shown = list(read_frames(path))
    assert len(shown) == 28 and shown[0].shape == (64, 96, 3)
    assert entry["duration"] * FPS == pytest.approx(28)
    segments = np.array([part["segment"] for part in entry["annotations"]]) * FPS
    np.testing.assert_allclose(segments, [[3, 9], [19, 28]], atol=1e-9)
    joints = [(joint["kind"], joint["segment"][0] * FPS) for joint in entry["joints"]]
    assert [kind for kind, _ in joints] == ["within a clip", "within a clip", "cut", "cut"]
    np.testing.assert_allclose([frame for _, frame in joints], [3, 9, 12, 19], atol=1e-9)


@pytest.mark.parametrize("shape", [(40, 200, 3), (300, 50, 3), (64, 96, 3), (63, 97, 3)])
def test_a_frame_of_any_shape_covers_the_picture(shape):
    frame = np.full(shape, 77, np.uint8)
    covered = cover(frame, SIZE)
    assert covered.shape == (64, 96, 3)
    assert np.abs(covered.astype(int) - 77).max() <= 2


def test_every_action_is_shown_once_between_pauses():
    clips = [Clip(f"a{i}", "wave", "01") for i in range(4)] + [
        Clip(f"b{i}", "", "01") for i in range(12)
    ]
    for draw in range(20):
        video = with_pauses(clips, np.random.default_rng(draw))
        assert sorted(c.path for c in video if c.label) == ["a0", "a1", "a2", "a3"]
        assert len({c.path for c in video}) == len(video)
        assert not video[0].label and not video[-1].label
        assert not any(a.label and b.label for a, b in zip(video, video[1:], strict=False))


def test_every_session_is_tested_once_and_never_trained_on_then():
    sessions = [f"{k:03d}" for k in range(7)]
    roles = [fold_roles(sessions, fold) for fold in range(FOLDS)]
    for session in sessions:
        assert [role[session] for role in roles].count("testing") == 1
    for role in roles:
        assert list(role.values()).count("validation") == 1
        assert "training" in role.values()


def test_only_camera_group_one_is_read(tmp_path):
    folder = tmp_path / "handwash" / "Step_1"
    folder.mkdir(parents=True)
    for name in ("HandWash_002_A_01_G01", "HandWash_003_A_02_G_01", "HandWash_009_A_01_G_02"):
        (folder / f"{name}.mp4").touch()
    found = [(clip.session, clip.order) for clip in handwash_clips(tmp_path)]
    assert found == [("002", 1), ("003", 2)]


def test_a_fold_gives_all_draws_to_training_and_no_test_clip_to_encoders(tmp_path, make_video):
    clips = [
        Clip(make_video(tmp_path / f"{session}_{k}.mp4", num_frames=8), "wave", session, k)
        for session in ("1", "2", "3", "4")
        for k in range(2)
    ]
    entry = {"duration": 1.0, "annotations": [], "joints": []}
    entries = {f"{session}_{draw}": entry for session in "1234" for draw in range(2)}
    write_fold(tmp_path, 0, clips, entries)
    database = json.loads((tmp_path / "fold_0" / "annotations.json").read_text())["database"]
    assert {name: video["subset"] for name, video in database.items()} == {
        "1_0": "testing",
        "2_0": "validation",
        "3_0": "training",
        "3_1": "training",
        "4_0": "testing",
    }
    linked = {
        split: sorted(path.name for path in (tmp_path / "fold_0/clips" / split).glob("*/*"))
        for split in ("train", "val")
    }
    assert linked == {"train": ["3_0.mp4", "3_1.mp4"], "val": ["2_0.mp4", "2_1.mp4"]}


def test_sequences_are_read_with_their_inner_actions(tmp_path):
    root = tmp_path / "ut_interaction_set1"
    root.mkdir()
    with (root / "clips.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        names = ["path", "seq", "class", "action_first_frame_in_clip", "action_last_frame_in_clip"]
        rows.writerow(names)
        rows.writerow(["clips/hug/a.avi", 1, "hug", 14, 90])
        rows.writerow(["background/b.avi", 1, "background", "", ""])
    hug, pause = REAL_SETS["ut_interaction_set1"].clips(tmp_path)
    assert (hug.label, hug.session, hug.action) == ("hug", "01", (14, 90))
    assert (pause.label, pause.action) == ("", None)


def test_folds_are_scored_together(tmp_path):
    worlds = real_worlds(tmp_path, "handwash", "videos", "real", "")
    for number, world in enumerate(worlds.values()):
        world.sample.mkdir(parents=True)
        database = {f"{number}_0": {"subset": "testing"}, "9_0": {"subset": "training"}}
        world.annotations.write_text(json.dumps({"database": database}))
        path = world.detections("action", 2, "testing")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"results": {f"{number}_0": []}, "version": "1"}))
    join_folds(tmp_path, list(worlds.values()), ["action"], range(2, 3))
    truth = json.loads((tmp_path / "joined" / "ground_truth.json").read_text())
    found = json.loads((tmp_path / "joined" / "action_2.json").read_text())
    assert set(truth["database"]) == set(found["results"]) == {"0_0", "1_0", "2_0"}


def test_the_hard_world_is_made_by_the_same_command_as_ever(tmp_path):
    step = hard_world(tmp_path).scores("action + action", 3, "testing")
    steps = {part.stage.name: part for part in step.all()}
    encoders = [name for name in steps if name.endswith("evaluation.json")]
    assert encoders == [
        str(tmp_path / "encoders" / f"action_{seed}" / "evaluation.json") for seed in (3, 103)
    ]
    assert all(
        part.stage.module.startswith(("bsp_tf.", "tfrecords_tools.", "benchmarks."))
        for part in steps.values()
    )
