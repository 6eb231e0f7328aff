"""The synthesis against a NumPy oracle that walks frame by frame."""

import dataclasses
import hashlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, reject
from hypothesis import strategies as st

from bsp_tf.base.errors import InputError
from bsp_tf.synthesis import frame_plan as synthesis
from bsp_tf.synthesis.boundary_types import BOUNDARY_TYPES, BY_NAME, TRANSITIONS
from bsp_tf.synthesis.deals import deal_roles, first_twins
from bsp_tf.synthesis.settings import CURVES, Settings

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
# What a config can make of a quad.
DESIGNS = {
    "paper": {},
    "both": {"transition": "both"},
    "none": {"transition": "none"},
    "random": {"transition": "random"},
    "cosine": {"transition": "random", "curve": "cosine"},
    "no twins": {"twins": False},
    "mild": {"strides": (2, 3)},
    "turn": {"strides": (1, -1)},
    "pause": {"strides": (2, 0)},
    "motion": {"types": BOUNDARY_TYPES, "strides": (1, 4, -1, -4, 0)},
    "subset": {"types": ("same_speed", "same_class", "diff_motion"), "strides": (-1, 2, 0)},
}
DIGEST = "bca0ac219eb93893f03c521572ed603085a6d7373d2598d81cb08c68803e435f"
# Each of these has something that no other design has.
QUICK = ("paper", "random", "pause", "motion")
every_design = pytest.mark.parametrize(
    "changes",
    [
        pytest.param(changes, id=name, marks=[] if name in QUICK else pytest.mark.thorough)
        for name, changes in DESIGNS.items()
    ],
)


def change(**values):
    settings = dataclasses.replace(SETTINGS, **values)
    settings.check()
    return settings


def clips_of(num_quads, settings=SETTINGS):
    """Clips of the parts of some quads, int32 [B, 2]; quad q has the clips 4q..4q+3."""
    return tf.concat([deal_roles((quad, 0), settings) + 4 * quad for quad in range(num_quads)], 0)


def plan_of(settings, num_quads=QUADS, num_frames=None, seed=0):
    lengths = tf.fill([len(settings.types) * num_quads, 2], num_frames or settings.window)
    joints = synthesis.draw_joints(num_quads, settings, (seed, 1))
    clips = clips_of(num_quads, settings)
    return joints, synthesis.plan_frames(joints, clips, lengths, settings, (seed, 2))


@every_design
def test_eager_equals_mapped(both_ways, changes):
    settings = change(**changes)

    def plan(seed):
        roles = deal_roles(tf.stack([seed, 0]), settings)
        joints = synthesis.draw_joints(1, settings, tf.stack([seed, 1]))
        lengths = tf.fill([len(settings.types), 2], settings.window)
        plan = synthesis.plan_frames(joints, roles, lengths, settings, tf.stack([seed, 2]))
        return tf.concat(
            [
                tf.reshape(tf.cast(value, tf.float32), [-1])
                for value in tf.nest.flatten((roles, joints, plan))
            ],
            axis=0,
        )

    for seed in range(3):
        both_ways(plan, tf.constant(seed))


def test_the_default_is_what_it_has_always_been():
    """All integers of 50 quads of the default config, as version 0.1 made them."""
    settings = change(transition_max=6)
    joints, plan = plan_of(settings, 50, num_frames=60)
    numbers = [clips_of(50), *joints[:4], plan.part, plan.frame, *plan.composition[::2]]
    digest = hashlib.sha256(b"".join(tf.cast(n, tf.int32).numpy().tobytes() for n in numbers))
    assert digest.hexdigest() == DIGEST


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
    part, frame, pairs, alpha, shown = map(np.asarray, tf.nest.flatten(plan))
    picture = shown[k]
    if picture < len(part):
        return [(part[picture], frame[picture], 1.0)]
    (one, other), weight = pairs[picture - len(part)], alpha[picture - len(part)]
    return [(part[one], frame[one], 1 - weight), (part[other], frame[other], weight)]


@every_design
def test_plan_shows_what_the_joints_say(changes):
    """Every frame of every sample, walked from its labels; clips just long enough."""
    settings = change(**changes)
    joints, plan = plan_of(settings)
    clips = clips_of(QUADS, settings).numpy()
    seen = []
    for b, name in enumerate(settings.types * QUADS):
        start, length, strides = (value[b].numpy() for value in joints[1:4])
        places = {0: [], 1: []}
        for t in range(8):
            is_joined = name in ("diff_class", "same_class")
            weight = oracle_weight(t, start, length, settings.curve) if is_joined else 0.0
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
            assert (indices >= 0).all() and (indices < settings.window).all()
            assert np.diff(indices).tolist() == [strides[int(t >= start)] for t in times[1:]]
    listed = list(zip(plan.part.numpy().tolist(), plan.frame.numpy().tolist(), strict=True))
    assert len(set(listed)) == len(listed)  # nothing is decoded twice
    assert set(listed) == set(seen)  # nor in vain


@every_design
def test_each_type_draws_all_its_stride_pairs_equally_often(changes):
    settings = change(**changes)
    joints, _ = plan_of(settings, 1000)
    strides = joints.strides.numpy().reshape(1000, -1, 2)
    for i, name in enumerate(settings.types):
        pairs = [(a, b) for a in settings.strides for b in settings.strides]
        if BY_NAME[name].change is None:
            pairs = [(a, b) for a, b in pairs if a == b]
        else:
            pairs = [(a, b) for a, b in pairs if a != b]
            if "diff_motion" in settings.types:
                pairs = [
                    (a, b)
                    for a, b in pairs
                    if (np.sign(a) != np.sign(b)) == (name == "diff_motion")
                ]
        drawn, counts = np.unique(strides[:, i], axis=0, return_counts=True)
        assert sorted(map(tuple, drawn.tolist())) == sorted(pairs)
        expected = 1000 / len(pairs)
        assert np.abs(counts - expected).max() < 4.5 * np.sqrt(expected)


def test_by_coin_joints_are_blended_independently_and_nothing_else_changes():
    joints, _ = plan_of(change(transition="random"), 1000)
    blended = joints.length.numpy().reshape(-1, 4) > 0
    assert not blended[:, [DIFF_SPEED, SAME_SPEED]].any()
    counts = np.bincount(2 * blended[:, DIFF_CLASS] + blended[:, SAME_CLASS])
    assert (np.abs(counts - 250) < 60).all()
    paper, both = (plan_of(change(transition=rule), 1000)[0] for rule in ("diff_class", "both"))
    np.testing.assert_array_equal(joints.strides, paper.strides)
    length = joints.length.numpy()
    np.testing.assert_array_equal(length[length > 0], both.length.numpy()[length > 0])
    np.testing.assert_array_equal(joints.start[length > 0], both.start[length > 0])


def test_without_twins_each_joined_type_draws_its_own():
    settings = change(twins=False, transition="none")
    joints, plan = plan_of(settings, num_frames=60)
    strides = joints.strides.numpy().reshape(-1, 4, 2)
    same_speed = (strides[:, DIFF_CLASS] == strides[:, SAME_CLASS]).all(axis=1)
    assert 70 < same_speed.sum() < 130  # 100 expected
    clips, places = clips_of(QUADS).numpy(), []
    for quad in np.flatnonzero(same_speed):
        b = 4 * quad + DIFF_CLASS
        side = int(clips[b, 0] != clips[b + 1, 0])
        t = 7 * side
        (part, frame, _), (other_part, other_frame, _) = (
            read_back(plan, 8 * sample + t)[0] for sample in (b, b + 1)
        )
        assert (part, other_part) == (2 * b + side, 2 * b + 2 + side)
        places.append(frame == other_frame)
    assert np.mean(places) < 0.2


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


@st.composite
def any_settings(draw):
    num_frames = draw(st.integers(2, 12))
    first, last = sorted(draw(st.integers(1, num_frames - 1)) for _ in range(2))
    longest = draw(st.integers(1, 2 * min(first, num_frames - last)))
    settings = Settings(
        num_frames,
        first,
        last,
        draw(st.sampled_from(list(TRANSITIONS))),
        draw(st.integers(1, longest)),
        longest,
        draw(st.sampled_from(CURVES)),
        tuple(draw(st.lists(st.integers(-5, 5), min_size=1, max_size=4, unique=True))),
        tuple(draw(st.lists(st.sampled_from(BOUNDARY_TYPES), min_size=2, unique=True))),
        draw(st.booleans()),
    )
    try:
        settings.check()
    except InputError:
        reject()  # these strides are not what these types need
    return settings


def played(length, start, strides, frames):
    """Whether these are the frames of a clip that is played so, from wherever it was put."""
    steps = np.where(np.arange(1, len(frames)) < start, *strides)
    places = np.cumsum([0, *steps])
    places += frames[places.argmin()] - places.min()
    return frames.tolist() == np.minimum(places, length - 1).tolist()


@given(
    any_settings(), st.integers(0, 2**31 - 1), st.lists(st.integers(1, 50), min_size=8, max_size=8)
)
def test_any_design_of_any_clips(settings, seed, lengths):
    clips = tf.concat([deal_roles((seed, quad), settings) + 4 * quad for quad in (0, 1)], 0)
    joints = synthesis.draw_joints(2, settings, (seed, 2))
    plan = synthesis.plan_frames(joints, clips, tf.gather(lengths, clips), settings, (seed, 3))
    plan = tf.nest.map_structure(lambda value: value.numpy(), plan)
    clips, boundary = clips.numpy(), joints.boundary().numpy()
    seen = set()
    for b, row in enumerate(settings.rows * 2):
        start, strides = int(joints.start[b]), joints.strides[b].numpy()
        twin = b - b % len(settings.rows) + first_twins(settings)[b % len(settings.rows)]
        of_class_a = clips[b] // 2 == clips[b, 0] // 2
        assert row.is_joined == (clips[b, 0] != clips[b, 1])
        assert row.joins_classes == (not of_class_a.all())
        assert (row.change is not None) == (strides[0] != strides[1])
        assert (joints.strides[twin].numpy() == strides).all()
        shares = np.zeros((2, settings.num_frames))
        shown = {}
        for t in range(settings.num_frames):
            found = read_back(plan, settings.num_frames * b + t)
            seen |= {source[:2] for source in found}
            for part, frame, share in found:
                side = part % 2
                # A frame that twins share is that of the first of them.
                assert part // 2 == (twin if clips[twin, side] == clips[b, side] else b)
                assert 0 <= frame < lengths[clips[b, side]]
                assert 0 < share <= 1
                shares[side, t] = share
                shown.setdefault(part, []).append((t, frame))
        np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-6)
        assert (np.diff(shares[0]) <= 0).all() and (row.is_joined or shares[0].all())
        for part, frames in shown.items():
            times, frames = np.array(frames).T
            assert (np.diff(times) == 1).all()
            assert played(lengths[clips.flat[part]], start - times[0], strides, frames)
        if row.is_joined:
            # Either side has as much to say as there are frames on it.
            assert shares[0].sum() == pytest.approx(boundary[b], abs=1e-4)
        if row.has_boundary:
            assert settings.position_min - 0.5 <= boundary[b] <= settings.position_max + 0.5
        else:
            assert boundary[b] == synthesis.NO_BOUNDARY
    assert len(plan.part) == len(seen)  # nothing is decoded twice, nor in vain
