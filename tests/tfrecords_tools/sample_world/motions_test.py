"""Motion programs: told apart by motion, not by one pose, and joined without a jump."""

import numpy as np
import pytest

from tfrecords_tools.sample_world import motions

MOVING = [column for column in range(5) if column != motions.ANGLE]


def performances(name: str, count: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    return [motions.draw_motion(name, rng, motions.draw_speed(rng)) for _ in range(count)]


def test_there_are_ten_sorted_actions():
    assert len(motions.ACTIONS) == 10 and list(motions.ACTIONS) == sorted(motions.ACTIONS)


def test_speeds_stay_in_range():
    rng = np.random.default_rng(0)
    speeds = [motions.draw_speed(rng) for _ in range(500)]
    assert 0.8 <= min(speeds) < 0.85 and 1.2 < max(speeds) <= 1.25


def test_one_pose_tells_no_class():
    rng = np.random.default_rng(0)
    poses, labels = [], []
    for label, name in enumerate(motions.ACTIONS):
        for motion in performances(name, 200, label):
            poses.append(motions.draw_base(motion, rng) + motion.poses(rng.uniform(0, 4, 1))[0])
            labels.append(label)
    poses, labels = np.array(poses), np.array(labels)
    poses[:, motions.ANGLE] %= 2 * np.pi
    poses /= poses.std(0)
    for label in range(len(motions.ACTIONS)):
        own = poses[labels == label]
        np.testing.assert_allclose(own.mean(0), poses.mean(0), atol=0.25)
        np.testing.assert_allclose(own.std(0), 1, atol=0.15)
    # 50 nearest other poses vote: 10 classes, so chance is 0.1.
    distance = ((poses[:, None] - poses[None]) ** 2).sum(-1)
    nearest = np.argsort(distance, 1)[:, 1:51]
    votes = np.stack([(labels[nearest] == label).sum(1) for label in range(10)], 1)
    assert (votes.argmax(1) == labels).mean() < 0.15


def test_half_a_second_of_motion_tells_most_classes():
    """Which pose numbers change, and how they change together, in windows of 0.8 s."""
    rng = np.random.default_rng(1)

    def signature(motion):
        poses = motion.poses(rng.uniform(0, 3) + np.arange(0, 0.8, 0.04))
        steps = np.abs(np.diff(poses, axis=0)).mean(0)
        turns = np.abs(np.diff(poses, 2, axis=0)).mean(0)
        return np.concatenate([steps, turns]) / np.tile([1, 1, 0.1, 0.03, 0.03], 2)

    train = np.array(
        [[signature(m) for m in performances(name, 60, 10)] for name in motions.ACTIONS]
    )
    test = np.array(
        [[signature(m) for m in performances(name, 30, 20)] for name in motions.ACTIONS]
    )
    distance = ((test.reshape(-1, 1, 10) - train.reshape(1, -1, 10)) ** 2).sum(-1)
    assert (distance.argmin(1) // 60 == np.arange(300) // 30).mean() > 0.9


@pytest.mark.parametrize("name", motions.ACTIONS)
def test_mirrored_performances_are_as_common(name):
    mirrors = [motion.mirror for motion in performances(name, 200)]
    assert 70 < mirrors.count(1) < 130 and set(mirrors) == {-1, 1}


@pytest.mark.parametrize("name", [*motions.ACTIONS, motions.WANDER])
def test_motion_is_smooth_and_stays_near_its_base(name):
    for motion in performances(name, 20):
        poses = motion.poses(np.arange(0, 8, 0.04))
        assert np.abs(np.diff(poses, axis=0)).max(0) == pytest.approx([0] * 5, abs=6)
        assert np.abs(poses[:, :2]).max() < 17
        assert np.abs(poses[:, MOVING].mean(0)).max() < 3


def test_background_motion_is_slower_than_any_action():
    for motion in performances(motions.WANDER, 20):
        poses = motion.poses(np.arange(0, 20, 0.04))
        assert np.hypot(*np.diff(poses[:, :2], axis=0).T).max() / 0.04 < 18
    assert all(not motion.poses(np.arange(5)).any() for motion in performances(motions.IDLE, 3))


def test_a_chain_of_motions_neither_jumps_nor_drifts_away():
    rng = np.random.default_rng(3)
    motion = motions.draw_motion("pulse", rng, 1.0)
    base = motions.draw_base(motion, rng)
    for _ in range(60):
        pose = base + motion.poses(np.array([rng.uniform(3, 8)]))[0]
        name = str(rng.choice([*motions.ACTIONS, motions.IDLE]))
        motion, base = motions.continue_motion(name, pose, rng, 1.1)
        np.testing.assert_allclose(base + motion.poses(np.zeros(1))[0], pose, atol=1e-9)
        assert np.all(np.abs(pose)[MOVING] < 3 * motions.TOTAL_DEVIATION[MOVING])
