"""Motion programs: told apart by motion, not by one pose, and joined without a jump."""

import numpy as np
import pytest

from tfrecords_tools.sample_world import motions
from tfrecords_tools.sample_world.motions import Piece, perform
from tfrecords_tools.sample_world.programs import ACTIONS, ANGLE, BACKGROUND, IDLE, WANDER

MOVING = [column for column in range(5) if column != ANGLE]


def performances(name: str, count: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    return [motions.draw_motion(name, rng, motions.draw_speed(rng)) for _ in range(count)]


def test_there_are_ten_sorted_actions():
    assert len(ACTIONS) == 10 and list(ACTIONS) == sorted(ACTIONS)


def test_speeds_stay_in_range():
    rng = np.random.default_rng(0)
    speeds = [motions.draw_speed(rng) for _ in range(500)]
    assert 0.8 <= min(speeds) < 0.85 and 1.2 < max(speeds) <= 1.25


def test_one_pose_tells_no_class():
    rng = np.random.default_rng(0)
    poses, labels = [], []
    for label, name in enumerate(ACTIONS):
        for motion in performances(name, 200, label):
            poses.append(motions.draw_base(motion, rng) + motion.poses(rng.uniform(0, 4, 1))[0])
            labels.append(label)
    poses, labels = np.array(poses), np.array(labels)
    poses[:, ANGLE] %= 2 * np.pi
    poses /= poses.std(0)
    for label in range(len(ACTIONS)):
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

    train = np.array([[signature(m) for m in performances(name, 60, 10)] for name in ACTIONS])
    test = np.array([[signature(m) for m in performances(name, 30, 20)] for name in ACTIONS])
    distance = ((test.reshape(-1, 1, 10) - train.reshape(1, -1, 10)) ** 2).sum(-1)
    assert (distance.argmin(1) // 60 == np.arange(300) // 30).mean() > 0.9


@pytest.mark.parametrize("name", ACTIONS)
def test_mirrored_performances_are_as_common(name):
    mirrors = [motion.mirror for motion in performances(name, 200)]
    assert 70 < mirrors.count(1) < 130 and set(mirrors) == {-1, 1}


@pytest.mark.parametrize("name", [*ACTIONS, *BACKGROUND])
def test_motion_is_smooth_and_stays_near_its_base(name):
    for motion in performances(name, 20):
        poses = motion.poses(np.arange(0, 8, 0.04))
        assert np.abs(np.diff(poses, axis=0)).max(0) == pytest.approx([0] * 5, abs=6)
        assert np.abs(poses[:, :2]).max() < 17
        assert np.abs(poses[:, MOVING].mean(0)).max() < 3


def strength(motion):
    """Mean change of each pose number from frame to frame, in deviations of a pose."""
    poses = motion.poses(np.arange(0, 12, 0.04))
    return (np.abs(np.diff(poses, axis=0)).mean(0) / motions.TOTAL_DEVIATION).sum()


def test_backgrounds_move_as_much_as_actions():
    actions = [np.mean([strength(m) for m in performances(name, 10)]) for name in ACTIONS]
    others = {name: np.mean([strength(m) for m in performances(name, 10)]) for name in BACKGROUND}
    calm = {IDLE, WANDER}
    assert others[IDLE] == 0 and others[WANDER] < min(actions)
    assert not set(ACTIONS) & set(BACKGROUND)
    lively = [value for name, value in others.items() if name not in calm]
    assert min(actions) < min(lively) and max(lively) < max(actions)


def test_a_chain_of_motions_neither_jumps_nor_drifts_away():
    rng = np.random.default_rng(3)
    motion = motions.draw_motion("pulse", rng, 1.0)
    base = motions.draw_base(motion, rng)
    for _ in range(60):
        pose = base + motion.poses(np.array([rng.uniform(3, 8)]))[0]
        name = str(rng.choice([*ACTIONS, IDLE]))
        motion, base = motions.continue_motion(name, pose, rng, 1.1)
        np.testing.assert_allclose(base + motion.poses(np.zeros(1))[0], pose, atol=1e-9)
        assert np.all(np.abs(pose)[MOVING] < 3 * motions.TOTAL_DEVIATION[MOVING])


def test_pieces_that_meet_go_on_without_a_jump():
    rng = np.random.default_rng(5)
    pieces = [Piece("slide", 1.0, 10, 60), Piece("sway", 1.2, 60, 100), Piece(IDLE, 1.0, 100, 130)]
    for _ in range(20):
        poses = perform(pieces, rng)
        assert poses.shape == (121, 5)
        assert np.abs(np.diff(poses[:, :2], axis=0)).max() < 6
        assert np.ptp(poses[90:], axis=0) == pytest.approx([0] * 5)


def test_a_passage_is_between_both_motions():
    """Before it the first motion, after it the second, in the middle a pose that both have."""
    first, second = Piece("slide", 1.0, 0, 60), Piece(IDLE, 1.0, 40, 100)
    poses = perform([first, second], np.random.default_rng(1))
    alone = perform([first], np.random.default_rng(1))
    np.testing.assert_array_equal(poses[:40], alone[:40])
    assert np.ptp(poses[60:], axis=0) == pytest.approx([0] * 5)
    np.testing.assert_allclose(poses[60], alone[50], atol=1e-9)
    u = np.arange(1, 21) / 21
    share = u * u * (3 - 2 * u)
    between = (1 - share) * alone[40:60, 0] + share * poses[60, 0]
    np.testing.assert_allclose(poses[40:60, 0], between, atol=1e-9)
