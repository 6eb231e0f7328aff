"""Synthesis of the four boundary types from trimmed clips (Xu et al., "Boundary-sensitive Pre-training", Section 3).

| id | type       | before the boundary | after it                        | joint                          |
|----|------------|---------------------|---------------------------------|--------------------------------|
| 0  | diff_class | a clip              | a clip of another class         | smooth transition              |
| 1  | same_class | a clip              | another clip of the same class  | hard cut                       |
| 2  | diff_speed | a clip              | the same clip, at another speed | no cut, the content goes on    |
| 3  | same_speed | a clip              | the same clip goes on           | none: the clip as it is        |

The paper gives these rules; the place of the boundary, the length and curve of the transition and the speeds are
ours to choose and are fields of the config (`boundary_settings.py`). Speed is the frame stride: 4 plays four times as
fast as 1.

Everything is a pure function, vectorised over samples, and works on *indices*: `draw_joints` decides what a sample
looks like, `plan_frames` says which source frames are needed and how they are mixed, and only the frames in the plan
are ever decoded (`frame_decoding.py`).

Four clips, two of a class A and two of a class B, make one sample of each type (`deal_roles`). A sample needs every
output frame once and the frames of a transition twice: with transitions of 2 to 6 of 8 frames in one type of four,
36 frames are decoded where an action batch decodes 32 (`decoded_share`: 1.125).

Trap: where only diff_class is blended (the paper's rule), blend or cut alone separates it from same_class, and where
both are cut nothing but the content does, which small models hardly learn. `boundary.transition` sets the rule.
"""

from typing import NamedTuple

import tensorflow as tf

from bsp_tf.data import frame_sampling
from bsp_tf.data.boundary_settings import (
    BLENDED_TYPES,
    BOUNDARY_TYPES,
    DIFF_CLASS,
    DIFF_SPEED,
    SAME_CLASS,
    SAME_SPEED,
    Settings,
)

NO_BOUNDARY = -1.0


class Joints(NamedTuple):
    """The shape of each sample. All int32.

    Attributes:
        types: [B], 0..3.
        start: [B], first output frame that shows the part after the boundary.
        length: [B], blended frames from `start` on; 0 for a cut.
        strides: [B, 2], before and after.
    """

    types: tf.Tensor
    start: tf.Tensor
    length: tf.Tensor
    strides: tf.Tensor

    def boundary(self) -> tf.Tensor:
        """float32 [B]: the boundary in output frames; frame t covers [t, t+1). -1 for same_speed, which has none."""
        centre = tf.cast(self.start, tf.float32) + tf.cast(self.length, tf.float32) / 2
        return tf.where(self.types == SAME_SPEED, NO_BOUNDARY, centre)


class FramePlan(NamedTuple):
    """Which source frames to decode and how they make the samples. Part p of sample b has number 2*b + p.

    Attributes:
        part: int32 [B*T + m], the part of each decoded frame: first one frame for each output frame, sample after
            sample, then the m partners, into which the frames of a transition fade.
        frame: int32 [B*T + m], its index in the clip of that part.
        partner: int32 [B*T], which decoded frame an output frame fades into; 0 where alpha is 0.
        alpha: float32 [B*T], weight of the partner; 0 for a plain frame.
    """

    part: tf.Tensor
    frame: tf.Tensor
    partner: tf.Tensor
    alpha: tf.Tensor


def deal_roles(seed: tf.Tensor) -> tf.Tensor:
    """Deals four clips to the four types so that every clip is used: which clip is before, which after.

    Clips 0 and 1 are of one class, 2 and 3 of another. The classes, the clips and the order in a pair are random.

    Args:
        seed: integer [2].
    Returns:
        int32 [4, 2], clip of each type's two parts, rows in the order of BOUNDARY_TYPES; the two entries of the speed
        types are equal.
    """
    coins = tf.unstack(tf.random.stateless_uniform([6], seed, 0, 2, tf.int32))
    joined_class, other_class = coins[0], 1 - coins[0]
    one, other = 2 * joined_class + coins[1], 2 * other_class + coins[2]
    diff_class = tf.where(coins[3] == 1, tf.stack([one, other]), tf.stack([other, one]))
    same_class = 2 * joined_class + tf.stack([coins[4], 1 - coins[4]])
    speed = 2 * other_class + tf.stack([coins[5], 1 - coins[5]])
    return tf.stack([diff_class, same_class, tf.repeat(speed[0], 2), tf.repeat(speed[1], 2)])


def draw_joints(types: tf.Tensor, settings: Settings, seed: tf.Tensor) -> Joints:
    """Draws boundary, transition and speeds of each sample.

    A transition of even length is centred on the cut; one of odd length lies half a frame before or after it, by the
    toss of a coin.

    Args:
        types: int32 [B].
        settings: ranges to draw from.
        seed: integer [2].
    Returns:
        Joints of [B].
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 5))
    zeros = tf.zeros_like(types)
    cut = frame_sampling.uniform_integers(zeros + settings.position_min, settings.position_max, seeds[0])
    length = frame_sampling.uniform_integers(zeros + settings.transition_min, settings.transition_max, seeds[1])
    length = tf.where(_is_any_of(types, BLENDED_TYPES[settings.transition]), length, 0)
    coin = frame_sampling.uniform_integers(zeros, 1, seeds[2])
    start = cut - (length + coin * (length % 2)) // 2
    # An ordered pair of different strides: the second is 1..n-1 places further on, modulo n.
    num_strides = len(settings.strides)
    before = frame_sampling.uniform_integers(zeros, num_strides - 1, seeds[3])
    further = frame_sampling.uniform_integers(zeros + 1, num_strides - 1, seeds[4])
    after = tf.where(types == DIFF_SPEED, (before + further) % num_strides, before)
    strides = tf.gather(tf.constant(settings.strides, tf.int32), tf.stack([before, after], axis=1))
    return Joints(types, start, length, strides)


def blend_weights(joints: Joints, settings: Settings) -> tf.Tensor:
    """Weight of the part after the boundary in each output frame.

    The k-th of L blended frames has x = k / (L + 1); linear: x, cosine: (1 - cos(pi x)) / 2.

    Returns:
        float32 [B, T]; 0 everywhere for the speed types, whose one clip is the first part.
    """
    frames = tf.range(settings.num_frames)
    done = tf.cast(frames - joints.start[:, tf.newaxis] + 1, tf.float32)
    x = tf.clip_by_value(done / tf.cast(joints.length[:, tf.newaxis] + 1, tf.float32), 0.0, 1.0)
    # At x = 1 the cosine is exactly -1 only in theory; plain frames must be plain.
    curved = tf.where((x > 0) & (x < 1), (1 - tf.cos(x * 3.14159265358979)) / 2, x)
    alpha = curved if settings.curve == "cosine" else x
    return tf.where(_is_any_of(joints.types, (DIFF_CLASS, SAME_CLASS))[:, tf.newaxis], alpha, 0.0)


def source_frames(joints: Joints, num_frames: tf.Tensor, settings: Settings, seed: tf.Tensor) -> tf.Tensor:
    """Index of the source frame which each part would show in each output frame.

    A part is placed anywhere in its clip where the frames it shows fit; clips that are too short repeat their last
    frame (the pipeline leaves such clips out: a frozen end would be a change of speed).

    Args:
        joints: of [B] samples.
        num_frames: int32 [B, 2], lengths of the clips of the two parts.
        settings: as given to `draw_joints`.
        seed: integer [2].
    Returns:
        int32 [B, 2, T]; in a joined type frames outside a part's share repeat its nearest shown frame, in a speed
        type the second part is void.
    """
    count = settings.num_frames
    frames = tf.range(count)
    start, length = joints.start[:, tf.newaxis], joints.length[:, tf.newaxis]
    two_speeds = frame_sampling.two_speed_positions(count, joints.start, joints.strides[:, 0], joints.strides[:, 1])
    joined = _is_any_of(joints.types, (DIFF_CLASS, SAME_CLASS))[:, tf.newaxis]
    until_end_of_transition = tf.minimum(frames, start + length - 1) * joints.strides[:, :1]
    from_start_of_transition = tf.maximum(frames - start, 0) * joints.strides[:, 1:]
    before = tf.where(joined, until_end_of_transition, two_speeds)
    after = tf.where(joined, from_start_of_transition, 0)
    return frame_sampling.place_in_clip(tf.stack([before, after], axis=1), num_frames, seed)


def plan_frames(joints: Joints, num_frames: tf.Tensor, settings: Settings, seed: tf.Tensor) -> FramePlan:
    """Lists the source frames that appear, and what becomes of them.

    Args and seed as in `source_frames`.

    Returns:
        FramePlan of B samples.
    """
    alpha = blend_weights(joints, settings)
    indices = source_frames(joints, num_frames, settings, seed)
    first_part = 2 * tf.range(tf.shape(alpha)[0])[:, tf.newaxis]
    after = alpha == 1.0
    mixed = (alpha > 0) & ~after
    own_part = first_part + tf.cast(after, tf.int32)
    own_frame = tf.where(after, indices[:, 1], indices[:, 0])
    flat = tf.reshape(mixed, [-1])
    fading = tf.where(flat)[:, 0]
    own_part = tf.reshape(own_part, [-1])
    return FramePlan(
        # A frame that fades out is of the part before, its partner of the part after.
        tf.concat([own_part, tf.gather(own_part, fading) + 1], axis=0),
        tf.concat([tf.reshape(own_frame, [-1]), tf.gather(tf.reshape(indices[:, 1], [-1]), fading)], axis=0),
        tf.where(flat, tf.size(flat) + tf.cumsum(tf.cast(flat, tf.int32), exclusive=True), 0),
        tf.where(flat, tf.reshape(alpha, [-1]), 0.0))


def decoded_share(settings: Settings, seed: tf.Tensor, num_quads: int = 1000) -> float:
    """Frames decoded for boundary samples as a multiple of those of as many action clips, averaged over draws."""
    types = tf.tile(tf.range(len(BOUNDARY_TYPES)), [num_quads])
    joint_seed, frame_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    joints = draw_joints(types, settings, joint_seed)
    lengths = tf.fill([len(types), 2], settings.window)
    plan = plan_frames(joints, lengths, settings, frame_seed)
    return int(tf.size(plan.frame)) / (len(types) * settings.num_frames)


def _is_any_of(types: tf.Tensor, wanted: tuple[int, ...]) -> tf.Tensor:
    found = tf.zeros_like(types, tf.bool)
    for boundary_type in wanted:
        found |= types == boundary_type
    return found
