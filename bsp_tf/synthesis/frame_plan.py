"""Boundary samples as plans: which source frames they show, and how these are blended.

`boundary_types.py` holds the table of the types, and the paper; the place of the boundary, the
length and curve of the transition and the speeds are ours to choose and are fields of the config
(`settings.py`). Speed is the frame stride: 4 plays four times as fast as 1.

Everything is a pure function, vectorised over samples, and works on *indices*: `draw_joints`
decides what a sample looks like, `plan_frames` says which source frames are needed and how they are
mixed, and only the frames in the plan are ever decoded (`frames/decoding.py`).

Samples come in *quads*, one of each type, made of four clips (`deal_roles`). A transition needs its
frames twice. To pay for that, the joined types are *twins*: all show one clip on the same side of
the boundary, from the same frame on, at the same speed, cropped and mirrored alike, so that each of
its frames is decoded once. Thus a batch decodes as many frames as an action batch (on average over
the default settings: 32.0 for four samples of 8), and twins differ only in what the boundary
joins to that clip.
"""

import itertools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bsp_tf.frames import sampling
from bsp_tf.frames.decoding import Composition
from bsp_tf.synthesis.boundary_types import (
    BLENDED_TYPES,
    COINS,
    NUM_TYPES,
    TABLE,
    BoundaryType,
    QuadClip,
    ids,
)
from bsp_tf.synthesis.settings import Settings

NO_BOUNDARY = -1.0


def _first_twin(own: int) -> int:
    """Id of the first twin of a type; its own if it has none.

    Twins show the same clip of a quad before the boundary and join it to another at one speed.
    """

    def is_twin(other: BoundaryType) -> bool:
        shares_clip = other.clips[0] is TABLE[own].clips[0]
        return shares_clip and other.is_joined and not other.changes_speed

    twins = ids(is_twin)
    return twins[0] if own in twins else own


# Of each sample of a quad: whose crop and mirroring it has. Twins look alike.
LOOKS = tuple(_first_twin(i) for i in range(NUM_TYPES))
_JOINED = tuple(row.is_joined for row in TABLE)
_CHANGES_SPEED = tuple(row.changes_speed for row in TABLE)
_HAS_BOUNDARY = tuple(row.has_boundary for row in TABLE)

# More than the frames of any clip.
_FRAMES = 2**31


class Joints(NamedTuple):
    """The shape of each sample. All int32.

    Attributes:
        types: [B], ids of the boundary types.
        start: [B], first output frame that shows the part after the boundary.
        length: [B], blended frames from `start` on; 0 for a cut.
        strides: [B, 2], before and after.
    """

    types: tf.Tensor
    start: tf.Tensor
    length: tf.Tensor
    strides: tf.Tensor

    def boundary(self) -> tf.Tensor:
        """float32 [B]: the boundary in output frames; frame t covers [t, t+1). -1 for none."""
        centre = tf.cast(self.start, tf.float32) + tf.cast(self.length, tf.float32) / 2
        return tf.where(tf.gather(_HAS_BOUNDARY, self.types), centre, NO_BOUNDARY)


class FramePlan(NamedTuple):
    """Which source frames to decode and how they make the samples.

    Part p of sample b has the number 2*b + p.

    Attributes:
        part: int32 [D], the part of each decoded frame; of twins, that of the first.
        frame: int32 [D], its index in the clip of that part.
        composition: of the B*T output frames, sample after sample.
    """

    part: tf.Tensor
    frame: tf.Tensor
    composition: Composition


def deal_roles(seed: tf.Tensor) -> tf.Tensor:
    """Deals the four clips of a quad to the types: which clip is before, which after.

    Clips 0 and 1 are of one class, 2 and 3 of another. The classes, the clips and their order are
    random, but joined types have their common clip on the same side.

    >>> deal_roles((0, 0)).numpy().tolist()  # the joined types end with clip 1
    [[3, 1], [0, 1], [2, 2], [3, 3]]

    Args:
        seed: integer [2].
    Returns:
        int32 [NUM_TYPES, 2], clip of each type's two parts, in the order of the ids; the two
        entries of a type that is made of one clip are equal.
    """
    return tf.constant(_DEALS)[tf.random.stateless_uniform([], seed, 0, len(_DEALS), tf.int32)]


def _all_deals() -> np.ndarray:
    """int32 [2^coins, NUM_TYPES, 2]: what `deal_roles` chooses from."""

    def number(clip: QuadClip, toss: dict[str, int]) -> int:
        of_class_a, coin, negated = clip.value
        first_class = toss["class_a"] if of_class_a else 1 - toss["class_a"]
        return 2 * first_class + (toss[coin] ^ negated)

    tosses = [
        dict(zip(COINS, sides, strict=True))
        for sides in itertools.product((0, 1), repeat=len(COINS))
    ]
    deals = [
        [[number(clip, toss) for clip in row.clips[:: -1 if toss["side"] else 1]] for row in TABLE]
        for toss in tosses
    ]
    return np.array(deals, np.int32)


_DEALS = _all_deals()


def draw_joints(num_quads: int, settings: Settings, seed: tf.Tensor) -> Joints:
    """Draws boundary, transition and speeds of each sample.

    A transition of even length is centred on the cut; one of odd length lies half a frame before or
    after it, by the toss of a coin.

    >>> from configs.base import get_config
    >>> joints = draw_joints(1, Settings.from_config(get_config()), seed=(0, 0))
    >>> joints.boundary().numpy().tolist()  # of a diff_class, same_class, ... sample
    [5.5, 4.0, 3.0, -1.0]

    Args:
        num_quads: Q.
        settings: ranges to draw from.
        seed: integer [2].
    Returns:
        Joints of B = NUM_TYPES * Q samples, quad after quad, each in the order of the ids.
    """
    types = np.tile(np.arange(NUM_TYPES, dtype=np.int32), num_quads)
    num_strides = len(settings.strides)
    ranges = np.array(
        [
            (settings.position_min, settings.position_max),
            (settings.transition_min, settings.transition_max),
            (0, 1),
            (0, num_strides - 1),
            (1, num_strides - 1),
        ],
        np.int32,
    )
    low, high = np.repeat(ranges[:, :, np.newaxis], len(types), axis=2).swapaxes(0, 1)
    cut, length, coin, before, further = tf.unstack(sampling.uniform_integers(low, high, seed))
    length = tf.where(np.isin(types, BLENDED_TYPES[settings.transition]), length, 0)
    start = cut - (length + coin * (length % 2)) // 2
    before = tf.gather(before, _first_twins(types))
    # An ordered pair of different strides: the second is 1..n-1 places further on, modulo n.
    after = tf.where(tf.gather(_CHANGES_SPEED, types), (before + further) % num_strides, before)
    strides = tf.gather(tf.constant(settings.strides, tf.int32), tf.stack([before, after], axis=1))
    return Joints(tf.constant(types), start, length, strides)


def blend_weights(joints: Joints, settings: Settings) -> tf.Tensor:
    """Weight of the part after the boundary in each output frame.

    The k-th of L blended frames has x = k / (L + 1); linear: x, cosine: (1 - cos(pi x)) / 2.

    Returns:
        float32 [B, T]; 0 everywhere for the types of one clip, which is the first part.
    """
    frames = tf.range(settings.num_frames)
    done = tf.cast(frames - joints.start[:, tf.newaxis] + 1, tf.float32)
    x = tf.clip_by_value(done / tf.cast(joints.length[:, tf.newaxis] + 1, tf.float32), 0.0, 1.0)
    # At x = 1 the cosine is exactly -1 only in theory; plain frames must be plain.
    curved = tf.where((x > 0) & (x < 1), (1 - tf.cos(x * 3.14159265358979)) / 2, x)
    alpha = curved if settings.curve == "cosine" else x
    return tf.where(tf.gather(_JOINED, joints.types)[:, tf.newaxis], alpha, 0.0)


def source_frames(
    joints: Joints, num_frames: tf.Tensor, settings: Settings, seed: tf.Tensor
) -> tf.Tensor:
    """Index of the source frame which each part would show in each output frame.

    A part plays through the whole sample, though only its own side of the boundary is seen. It is
    placed anywhere in its clip where that fits; clips that are too short repeat their last frame
    (the pipeline leaves such clips out: a frozen end would be a change of speed).

    Args:
        joints: of [B] samples.
        num_frames: int32 [B, 2], lengths of the clips of the two parts.
        settings: as given to `draw_joints`.
        seed: integer [2].
    Returns:
        int32 [B, 2, T]; in a type of one clip the second part is void.
    """
    positions = sampling.two_speed_positions(
        settings.num_frames, joints.start, joints.strides[:, 0], joints.strides[:, 1]
    )
    return sampling.place_in_clip(tf.stack([positions, positions], axis=1), num_frames, seed)


def plan_frames(
    joints: Joints, clips: tf.Tensor, num_frames: tf.Tensor, settings: Settings, seed: tf.Tensor
) -> FramePlan:
    """Lists the source frames that appear, each once, and what becomes of them.

    Args:
        joints: of B samples, whole quads.
        clips: integer [B, 2], which clip each part is of: any numbers, equal for one clip.
        num_frames, settings, seed: as in `source_frames`.

    Returns:
        FramePlan of B samples.
    """
    alpha = blend_weights(joints, settings)
    part = tf.reshape(tf.range(tf.size(clips)), [-1, 2])
    twins = _first_twins(joints.types)
    is_shared = tf.gather(clips, twins) == clips
    part = tf.where(is_shared, tf.gather(part, twins), part)
    indices = tf.reshape(
        source_frames(joints, num_frames, settings, seed), [-1, settings.num_frames]
    )
    keys = tf.cast(part[..., tf.newaxis], tf.int64) * _FRAMES + tf.cast(
        tf.gather(indices, part), tf.int64
    )  # [B, 2, T]
    after = alpha == 1.0
    fading = (alpha > 0) & ~after
    # A frame that fades out is of the part before, its partner of the part after.
    shown = tf.where(after, keys[:, 1], keys[:, 0])
    decoded, places = tf.unique(
        tf.concat([tf.reshape(shown, [-1]), tf.boolean_mask(keys[:, 1], fading)], axis=0)
    )
    places, partners = places[: tf.size(shown)], places[tf.size(shown) :]
    fading = tf.reshape(fading, [-1])
    blended = tf.size(decoded) + tf.cumsum(tf.cast(fading, tf.int32), exclusive=True)
    return FramePlan(
        tf.cast(decoded // _FRAMES, tf.int32),
        tf.cast(decoded % _FRAMES, tf.int32),
        Composition(
            tf.stack([tf.boolean_mask(places, fading), partners], axis=1),
            tf.boolean_mask(tf.reshape(alpha, [-1]), fading),
            tf.where(fading, blended, places),
        ),
    )


def _first_twins(types: tf.Tensor | np.ndarray) -> tf.Tensor:
    """int32 [B]: for each sample of whole quads the sample of its quad named by LOOKS."""
    return tf.range(tf.size(types)) + tf.gather(LOOKS, types) - types
