"""Plans of the untrimmed videos: shares of joints, times that agree, distractors far away."""

import itertools
from collections import Counter

import numpy as np
import pytest

from tfrecords_tools.sample_world.distractors import (
    CLEARANCE,
    Distractor,
    distractor_bump,
    distractor_overlay,
)
from tfrecords_tools.sample_world.files import clip_frames, plan_clip, video_frames
from tfrecords_tools.sample_world.programs import ACTIONS, BACKGROUND
from tfrecords_tools.sample_world.videos import (
    JOINT_FRAMES,
    JOINT_KINDS,
    NEW_SHOT_KINDS,
    describe,
    plan_videos,
)
from tfrecords_tools.sample_world.world import FPS, HEIGHT, WIDTH


@pytest.fixture(scope="module")
def plans():
    return plan_videos("training", "train", 48, (0, 3))


@pytest.mark.parametrize("count", [1, 5, 24, 48])
def test_joint_kinds_have_equal_shares(count):
    joints = [
        joint for plan in plan_videos("training", "train", count, (7, 3)) for joint in plan.joints
    ]
    for places in (
        ["action_start"],
        ["action_end"],
        ["action_start", "action_end"],
        ["inside_action"],
        ["background"],
    ):
        shares = Counter(joint.kind for joint in joints if joint.place in places)
        numbers = [shares[kind] for kind in JOINT_KINDS]
        assert max(numbers) - min(numbers) <= 1


def test_plans_hold_what_is_promised(plans):
    assert [plan.name for plan in plans] == [f"sample_train_{i:04d}" for i in range(1, 49)]
    assert all(11.9 <= plan.num_frames / FPS <= 45.1 for plan in plans)
    assert set(Counter(len(plan.instances) for plan in plans).values()) == {12}
    classes = Counter(label for plan in plans for *_, label in plan.instances)
    assert sorted(classes) == list(ACTIONS) and max(classes.values()) - min(classes.values()) <= 4
    kinds = Counter(len({label for *_, label in plan.instances}) for plan in plans)
    assert set(kinds) == {1, 2} and kinds[1] > 2 * kinds[2]
    places = Counter(joint.place for plan in plans for joint in plan.joints)
    assert places["inside_action"] >= 40 and places["background"] >= 40


def test_annotations_agree_with_joints(plans):
    document = describe(plans)
    assert [node["nodeName"] for node in document["taxonomy"][1:]] == list(ACTIONS)
    for entry in document["database"].values():
        assert entry["duration"] == pytest.approx(entry["num_frames"] / entry["fps"])
        middles = {"action_start": [], "action_end": [], "inside_action": [], "background": []}
        for joint in entry["joints"]:
            start, end = joint["segment"]
            if joint["kind"] in JOINT_FRAMES:
                assert 6 <= round((end - start) * FPS) <= JOINT_FRAMES[joint["kind"]][1]
            else:
                assert start == end
            middles[joint["place"]].append((start + end) / 2)
        segments = np.array([instance["segment"] for instance in entry["annotations"]])
        joined = np.transpose([middles["action_start"], middles["action_end"]])
        np.testing.assert_allclose(segments, joined, atol=2e-4)
        assert np.all(np.diff(np.concatenate([[0], segments.ravel(), [entry["duration"]]])) > 0.7)
        lengths = segments[:, 1] - segments[:, 0]
        assert lengths.min() > 0.7 and lengths.max() < 15.3
        for middle in middles["inside_action"]:
            assert ((segments[:, 0] < middle) & (middle < segments[:, 1])).sum() == 1


def test_shots_cover_the_video_and_meet_at_joints(plans):
    for plan in plans:
        shown = np.zeros(plan.num_frames, int)
        for shot in plan.shots:
            shown[shot.start : shot.end] += 1
            assert all(a.end >= b.start for a, b in itertools.pairwise(shot.pieces))
            assert all(a.end <= b.start for a, b in zip(shot.pieces, shot.pieces[2:], strict=False))
        fades = np.zeros(plan.num_frames, int)
        for joint in plan.joints:
            fades[joint.start : joint.end] = joint.kind in NEW_SHOT_KINDS
        np.testing.assert_array_equal(shown, 1 + fades)
        assert len(plan.shots) == 1 + sum(joint.kind in NEW_SHOT_KINDS for joint in plan.joints)
        acted = {piece.motion for shot in plan.shots for piece in shot.pieces} - set(BACKGROUND)
        assert acted == {label for *_, label in plan.instances}


def test_distractors_keep_away_from_joints_and_one_another(plans):
    distractors = [distractor for plan in plans for distractor in plan.distractors]
    shares = Counter(distractor.kind for distractor in distractors)
    assert set(shares) == {"flash", "bump", "occlusion"} and len(distractors) > 60
    assert max(shares.values()) - min(shares.values()) < 15
    for plan in plans:
        spans = sorted([(d.start, d.end) for d in plan.distractors])
        assert all(b[0] - a[1] >= CLEARANCE for a, b in zip(spans, spans[1:], strict=False))
        for joint in plan.joints:
            assert all(
                end + CLEARANCE <= joint.start or joint.end + CLEARANCE <= start
                for start, end in spans
            )


def test_distractors_show_only_while_they_are_on():
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.float32)
    for kind in ("flash", "occlusion"):
        event = [Distractor(kind, 10, 16, 1.0, 0.5)]
        shown = [distractor_overlay(picture, event, frame) for frame in range(9, 17)]
        change = [np.abs(frame - picture).mean() for frame in shown]
        assert min(change[1:-1]) > 3 and change[0] == change[-1] == 0
    bump = [Distractor("bump", 10, 18, 1.0, 0.5)]
    assert max(np.abs(distractor_bump(bump, frame)).max() for frame in range(10, 18)) > 1
    assert not distractor_bump(bump, 9).any() and not distractor_bump(bump, 18).any()


def test_subsets_and_seeds_differ_and_the_same_seed_does_not(plans):
    assert plan_videos("training", "train", 48, (0, 3)) == plans
    other = plan_videos("training", "train", 48, (1, 3))
    assert [plan.num_frames for plan in other] != [plan.num_frames for plan in plans]


def test_pictures_change_most_at_hard_cuts_and_little_at_motion_changes():
    plan = next(
        plan
        for plan in plan_videos("training", "train", 8, (0, 3))
        if {joint.kind for joint in plan.joints} == set(JOINT_KINDS)
    )
    frames = np.stack(list(video_frames(plan))).astype(np.int16)
    assert frames.shape == (plan.num_frames, HEIGHT, WIDTH, 3)
    change = np.abs(np.diff(frames, axis=0)).mean((1, 2, 3))
    for joint in plan.joints:
        at_joint = change[joint.start - 1]
        if joint.kind == "hard_cut":
            assert at_joint > 25
        elif joint.kind != "cross_fade":
            assert at_joint < 20


def test_clips_of_one_scene_have_their_own_textures():
    plans = [plan_clip("x", action, 2, (0, 1, number)) for number, action in enumerate(ACTIONS)]
    first = [next(clip_frames(plan)) for plan in plans]
    assert len({frame.tobytes() for frame in first}) == len(ACTIONS)
    assert first[0].dtype == np.uint8 and first[0].shape == (HEIGHT, WIDTH, 3)
