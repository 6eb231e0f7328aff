"""The synthesis against a NumPy oracle that walks frame by frame."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.data import boundary_synthesis as synthesis
from bsp_tf.data.boundary_settings import DIFF_CLASS, DIFF_SPEED, SAME_CLASS, SAME_SPEED, Settings

SETTINGS = Settings(num_frames=8, position_min=3, position_max=5, transition="diff_class", transition_min=2,
                    transition_max=4, curve="linear", strides=(1, 4))
TYPES = tf.tile(tf.range(4), [200])


def change(**values):
    settings = dataclasses.replace(SETTINGS, **values)
    settings.check()
    return settings


def plan_of(settings, types=TYPES, lengths=None, seed=0):
    lengths = tf.fill([len(types), 2], settings.window) if lengths is None else lengths
    joints = synthesis.draw_joints(types, settings, (seed, 1))
    return joints, synthesis.plan_frames(joints, lengths, settings, (seed, 2)), lengths


def test_eager_equals_mapped():
    def plan(seed):
        joints = synthesis.draw_joints(TYPES, SETTINGS, tf.stack([seed, 1]))
        lengths = tf.fill([len(TYPES), 2], SETTINGS.window)
        return synthesis.deal_roles(tf.stack([seed, 0])), joints, synthesis.plan_frames(
            joints, lengths, SETTINGS, tf.stack([seed, 2]))

    eager = plan(tf.constant(5))
    mapped = next(iter(tf.data.Dataset.from_tensors(5).map(plan, num_parallel_calls=2)))
    tf.nest.map_structure(np.testing.assert_array_equal, eager, mapped)


def test_roles_use_every_clip_and_give_each_type_its_classes():
    dealt = set()
    for seed in range(200):
        roles = synthesis.deal_roles((seed, 0)).numpy()
        classes = roles // 2
        assert set(roles.ravel().tolist()) == {0, 1, 2, 3}
        assert classes[DIFF_CLASS, 0] != classes[DIFF_CLASS, 1]
        assert classes[SAME_CLASS, 0] == classes[SAME_CLASS, 1] and roles[SAME_CLASS, 0] != roles[SAME_CLASS, 1]
        assert roles[DIFF_SPEED, 0] == roles[DIFF_SPEED, 1] != roles[SAME_SPEED, 0] == roles[SAME_SPEED, 1]
        dealt.add(tuple(roles.ravel()))
    assert len(dealt) > 40  # 64 deals in all


@pytest.mark.parametrize("transition,blended", [("diff_class", {DIFF_CLASS}), ("both", {DIFF_CLASS, SAME_CLASS}),
                                                ("none", set())])
def test_joints_keep_to_the_settings(transition, blended):
    joints, _, _ = plan_of(change(transition=transition))
    types, boundary = TYPES.numpy(), joints.boundary().numpy()
    strides, length = joints.strides.numpy(), joints.length.numpy()
    for boundary_type in range(4):
        mine = types == boundary_type
        assert set(length[mine]) == ({2, 3, 4} if boundary_type in blended else {0})
        expected = {(1, 4), (4, 1)} if boundary_type == DIFF_SPEED else {(1, 1), (4, 4)}
        assert {tuple(pair) for pair in strides[mine]} == expected
        if boundary_type == SAME_SPEED:
            assert set(boundary[mine]) == {-1.0}
        elif boundary_type in blended:
            assert set(boundary[mine]) == {2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5}
        else:
            assert set(boundary[mine]) == {3.0, 4.0, 5.0}
    counts = np.unique(strides[types == DIFF_SPEED], axis=0, return_counts=True)[1]
    assert counts.min() > 70  # 100 expected


def test_three_speeds_are_all_paired():
    joints, _, _ = plan_of(change(strides=(1, 2, 4)))
    pairs = {tuple(pair) for pair in joints.strides.numpy()[TYPES.numpy() == DIFF_SPEED]}
    assert pairs == {(a, b) for a in (1, 2, 4) for b in (1, 2, 4) if a != b}


def oracle_weight(t, start, length, curve):
    """Weight of the second clip in output frame t, walked from the definition."""
    if t < start:
        return 0.0
    if t >= start + length:
        return 1.0
    x = (t - start + 1) / (length + 1)
    return x if curve == "linear" else (1 - np.cos(np.pi * x)) / 2


@pytest.mark.parametrize("curve", ["linear", "cosine"])
@pytest.mark.parametrize("transition", ["diff_class", "both", "none"])
def test_plan_shows_what_the_joints_say(curve, transition):
    settings = change(curve=curve, transition=transition)
    joints, plan, lengths = plan_of(settings)
    part, frame, partner, alpha = (value.numpy() for value in plan)
    count = len(TYPES) * settings.num_frames
    used = set()
    for b, boundary_type in enumerate(TYPES.numpy()):
        start, length, strides = joints.start[b].numpy(), joints.length[b].numpy(), joints.strides[b].numpy()
        shown = {0: [], 1: []}
        for t in range(8):
            k = 8 * b + t
            weight = oracle_weight(t, start, length, curve) if boundary_type in (DIFF_CLASS, SAME_CLASS) else 0.0
            assert alpha[k] == pytest.approx(weight if weight < 1 else 0, abs=1e-6)
            assert (alpha[k] == 0) == (weight in (0, 1))
            assert part[k] == 2 * b + (weight == 1)
            shown[int(weight == 1)].append((t, frame[k]))
            if alpha[k] > 0:
                used.add(partner[k])
                assert part[partner[k]] == 2 * b + 1
                shown[1].append((t, frame[partner[k]]))
        for p in (0, 1):
            indices = [index for _, index in shown[p]]
            times = [t for t, _ in shown[p]]
            assert all(0 <= index < lengths[b, p] for index in indices)
            expected = [strides[0] if t < start or boundary_type != DIFF_SPEED else strides[1] for t in times[1:]]
            assert np.diff(indices).tolist() == expected
    assert used == set(range(count, len(frame)))  # no partner is decoded in vain, none has two frames
    assert len(used) == (alpha > 0).sum()
    assert len(set(zip(part.tolist(), frame.tolist(), strict=True))) == len(frame)  # nothing is decoded twice


def test_short_clips_repeat_the_last_frame():
    _, plan, _ = plan_of(SETTINGS, tf.range(4), tf.ones([4, 2], tf.int32))
    assert set(plan.frame.numpy()) == {0}


def test_starts_use_all_the_room():
    types = tf.fill([400], SAME_SPEED)
    joints, plan, _ = plan_of(SETTINGS, types, tf.fill([400, 2], 31))
    starts = plan.frame.numpy().reshape(400, 8)[:, 0]
    fast = joints.strides.numpy()[:, 0] == 4
    assert set(starts[fast]) == {0, 1, 2}
    assert starts[~fast].max() == 23 and starts[~fast].min() == 0


def test_decoded_share_stays_below_the_limit():
    assert synthesis.decoded_share(SETTINGS, (0, 0)) == pytest.approx(1 + 3 / 32, abs=0.01)
    assert synthesis.decoded_share(change(transition_max=6), (0, 0)) <= 1.15
    assert synthesis.decoded_share(change(transition="none"), (0, 0)) == 1.0
