"""The synthesis against a NumPy oracle that walks frame by frame."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.synthesis import frame_plan as synthesis
from bsp_tf.synthesis.settings import Settings

DIFF_CLASS, SAME_CLASS, DIFF_SPEED, SAME_SPEED = range(4)
SETTINGS = Settings(
    num_frames=8,
    position_min=3,
    position_max=5,
    transition="diff_class",
    transition_min=2,
    transition_max=4,
    curve="linear",
    strides=(1, 4),
)
QUADS = 200
TYPES = np.tile(np.arange(4), QUADS)


def change(**values):
    settings = dataclasses.replace(SETTINGS, **values)
    settings.check()
    return settings


def clips_of(num_quads):
    """Clips of the parts of some quads, int32 [B, 2]; quad q has the clips 4q..4q+3."""
    return tf.concat(
        [synthesis.deal_roles((quad, 0)) + 4 * quad for quad in range(num_quads)], axis=0
    )


def plan_of(settings, num_quads=QUADS, num_frames=None, seed=0):
    lengths = tf.fill([4 * num_quads, 2], num_frames or settings.window)
    joints = synthesis.draw_joints(num_quads, settings, (seed, 1))
    return joints, synthesis.plan_frames(joints, clips_of(num_quads), lengths, settings, (seed, 2))


def test_eager_equals_mapped(both_ways):
    def plan(seed):
        roles = synthesis.deal_roles(tf.stack([seed, 0]))
        joints = synthesis.draw_joints(1, SETTINGS, tf.stack([seed, 1]))
        lengths = tf.fill([4, 2], SETTINGS.window)
        plan = synthesis.plan_frames(joints, roles, lengths, SETTINGS, tf.stack([seed, 2]))
        return tf.concat(
            [
                tf.reshape(tf.cast(value, tf.float32), [-1])
                for value in tf.nest.flatten((roles, joints, plan))
            ],
            axis=0,
        )

    for seed in range(5):
        both_ways(plan, tf.constant(seed))


def test_roles_use_every_clip_and_give_each_type_its_classes():
    dealt = set()
    for seed in range(200):
        roles = synthesis.deal_roles((seed, 0)).numpy()
        classes = roles // 2
        assert set(roles.ravel().tolist()) == {0, 1, 2, 3}
        assert classes[DIFF_CLASS, 0] != classes[DIFF_CLASS, 1]
        assert (
            classes[SAME_CLASS, 0] == classes[SAME_CLASS, 1]
            and roles[SAME_CLASS, 0] != roles[SAME_CLASS, 1]
        )
        assert (
            roles[DIFF_CLASS] == roles[SAME_CLASS]
        ).sum() == 1  # the twins' common clip, on the same side
        assert (
            roles[DIFF_SPEED, 0]
            == roles[DIFF_SPEED, 1]
            != roles[SAME_SPEED, 0]
            == roles[SAME_SPEED, 1]
        )
        dealt.add(tuple(roles.ravel()))
    assert len(dealt) == 32


def test_the_table_of_deals_is_the_one_that_seeds_have_always_chosen_from():
    """Written out from the rule; another order would give every seed other samples."""
    deals = []
    for a, common, guest, side, speed in itertools.product((0, 1), repeat=5):
        b = 1 - a
        joined = [[2 * a + common, 2 * b + guest], [2 * a + common, 2 * a + 1 - common]]
        joined = [pair[::-1] if side else pair for pair in joined]
        deals.append([*joined, [2 * b + speed] * 2, [2 * b + 1 - speed] * 2])
    for seed in range(100):
        place = tf.random.stateless_uniform([], (seed, 0), 0, 32, tf.int32).numpy()
        assert synthesis.deal_roles((seed, 0)).numpy().tolist() == deals[place]


@pytest.mark.parametrize(
    "transition,blended",
    [("diff_class", {DIFF_CLASS}), ("both", {DIFF_CLASS, SAME_CLASS}), ("none", set())],
)
def test_joints_keep_to_the_settings(transition, blended):
    joints, _ = plan_of(change(transition=transition))
    np.testing.assert_array_equal(joints.types, TYPES)
    types, boundary = TYPES, joints.boundary().numpy()
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
    np.testing.assert_array_equal(
        strides[types == SAME_CLASS], strides[types == DIFF_CLASS]
    )  # twins
    counts = np.unique(strides[types == DIFF_SPEED], axis=0, return_counts=True)[1]
    assert counts.min() > 70  # 100 expected


def test_three_speeds_are_all_paired():
    joints, _ = plan_of(change(strides=(1, 2, 4)))
    pairs = {tuple(pair) for pair in joints.strides.numpy()[TYPES == DIFF_SPEED]}
    assert pairs == {(a, b) for a in (1, 2, 4) for b in (1, 2, 4) if a != b}


def oracle_weight(t, start, length, curve):
    """Weight of the second clip in output frame t, walked from the definition."""
    if t < start:
        return 0.0
    if t >= start + length:
        return 1.0
    x = (t - start + 1) / (length + 1)
    return x if curve == "linear" else (1 - np.cos(np.pi * x)) / 2


def read_back(plan, k):
    """What output frame k shows: [(part, frame of its clip, weight), ...]."""
    part, frame, pairs, alpha, shown = (value.numpy() for value in tf.nest.flatten(plan))
    picture = shown[k]
    if picture < len(part):
        return [(part[picture], frame[picture], 1.0)]
    (one, other), weight = pairs[picture - len(part)], alpha[picture - len(part)]
    return [(part[one], frame[one], 1 - weight), (part[other], frame[other], weight)]


@pytest.mark.parametrize("curve", ["linear", "cosine"])
@pytest.mark.parametrize("transition", ["diff_class", "both", "none"])
def test_plan_shows_what_the_joints_say(curve, transition):
    settings = change(curve=curve, transition=transition)
    joints, plan = plan_of(settings, num_frames=60)
    clips = clips_of(QUADS).numpy()
    seen = []
    for b, boundary_type in enumerate(TYPES):
        start, length, strides = (
            joints.start[b].numpy(),
            joints.length[b].numpy(),
            joints.strides[b].numpy(),
        )
        places = {0: [], 1: []}
        for t in range(8):
            weight = (
                oracle_weight(t, start, length, curve)
                if boundary_type in (DIFF_CLASS, SAME_CLASS)
                else 0.0
            )
            found = read_back(plan, 8 * b + t)
            seen += [source[:2] for source in found]
            sides = {0.0: [0], 1.0: [1]}.get(weight, [0, 1])
            assert [clips.flat[part] for part, _, _ in found] == [clips[b, side] for side in sides]
            shares = [1 - weight, weight]
            assert [share for _, _, share in found] == pytest.approx(
                [shares[side] for side in sides], abs=1e-6
            )
            for side, (_, frame, _) in zip(sides, found, strict=True):
                places[side].append((t, frame))
        for side in (0, 1):
            times, indices = np.array(places[side], int).reshape(-1, 2).T
            assert (indices >= 0).all() and (indices < 60).all()
            expected = [
                strides[0] if t < start or boundary_type != DIFF_SPEED else strides[1]
                for t in times[1:]
            ]
            assert np.diff(indices).tolist() == expected
    listed = list(zip(plan.part.numpy().tolist(), plan.frame.numpy().tolist(), strict=True))
    assert len(set(listed)) == len(listed)  # nothing is decoded twice
    assert set(listed) == set(seen)  # nor in vain


def test_twins_show_the_same_frames_of_their_common_clip():
    """Wherever both show it unblended, from the same decoded picture."""
    joints, plan = plan_of(SETTINGS, num_frames=60)
    shown, clips = plan.composition.shown.numpy().reshape(-1, 8), clips_of(QUADS).numpy()
    for quad in range(QUADS):
        b = 4 * quad + DIFF_CLASS
        side = int(clips[b, 0] != clips[b + 1, 0])
        start, cut = joints.start[b].numpy(), joints.start[b + 1].numpy()
        common = (
            range(min(start, cut))
            if side == 0
            else range(max(start + joints.length[b].numpy(), cut), 8)
        )
        for t in range(8):
            assert (shown[b, t] == shown[b + 1, t]) == (t in common)


def test_short_clips_repeat_the_last_frame():
    _, plan = plan_of(SETTINGS, 1, num_frames=1)
    assert set(plan.frame.numpy()) == {0}


def test_starts_use_all_the_room():
    joints, plan = plan_of(SETTINGS, 400, num_frames=31)
    samples = range(SAME_SPEED, 4 * 400, 4)
    starts = np.array([read_back(plan, 8 * b)[0][1] for b in samples])
    fast = joints.strides.numpy()[samples, 0] == 4
    assert set(starts[fast]) == {0, 1, 2}
    assert starts[~fast].max() == 23 and starts[~fast].min() == 0


@pytest.mark.parametrize(
    "changes,frames",
    [
        ({}, 31.0),
        ({"transition_max": 6}, 32.0),
        ({"transition": "none"}, 28.4),
        ({"transition": "both", "transition_max": 6}, 34.6),
    ],
)
def test_frames_decoded_a_quad(changes, frames):
    """Action clips have 32: what a transition needs twice is what the twins share."""
    _, plan = plan_of(change(**changes))
    assert len(plan.frame) / QUADS == pytest.approx(frames, abs=0.4)
