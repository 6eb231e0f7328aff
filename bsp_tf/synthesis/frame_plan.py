"""Boundary samples as plans: which source frames they show, and how these are blended.

`boundary_types.py` holds the table of the types, and the paper; the place of the boundary, the
length and curve of the transition and the speeds are ours to choose and are fields of the config
(`settings.py`). Speed is the frame stride: 4 plays four times as fast as 1, -1 backwards, and 0
holds one frame.

Everything is a pure function, vectorised over samples, and works on *indices*: `draw_joints`
decides what a sample looks like, `plan_frames` says which source frames are needed and how they are
mixed, and only the frames in the plan are ever decoded (`frames/decoding.py`).

Samples come in *quads*, one of each type in use, made of four clips (`deals.py`). Since the joined
types are twins that share frames, a batch decodes as many frames as an action batch (on average
over the default settings: 32.0 for four samples of 8).
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bsp_tf.frames import sampling
from bsp_tf.frames.decoding import Composition
from bsp_tf.synthesis.boundary_types import RANDOM_TRANSITION
from bsp_tf.synthesis.deals import first_twins
from bsp_tf.synthesis.settings import Settings

NO_BOUNDARY = -1.0

# More than the frames of any clip.
_FRAMES = 2**31


class Joints(NamedTuple):
    """The shape of each sample. int32, but for the last.

    Attributes:
        types: [B], ids of the boundary types.
        start: [B], first output frame that shows the part after the boundary.
        length: [B], blended frames from `start` on; 0 for a cut.
        strides: [B, 2], before and after.
        has_boundary: bool [B], whether anything changes at `start`.
    """

    types: tf.Tensor
    start: tf.Tensor
    length: tf.Tensor
    strides: tf.Tensor
    has_boundary: tf.Tensor

    def boundary(self) -> tf.Tensor:
        """float32 [B]: the boundary in output frames; frame t covers [t, t+1). -1 for none."""
        centre = tf.cast(self.start, tf.float32) + tf.cast(self.length, tf.float32) / 2
        return tf.where(self.has_boundary, centre, NO_BOUNDARY)


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
        Joints of B samples, quad after quad, each in the order of the ids.
    """
    tables = [settings.stride_pairs(row) for row in settings.rows]
    ranges = [
        (
            (settings.position_min, settings.position_max),
            (settings.transition_min, settings.transition_max),
            (0, 1),
            (0, table.shape[0] - 1),
            (0, table.shape[1] - 1),
        )
        for table in tables
    ]
    low, high = np.tile(np.array(ranges, np.int32), (num_quads, 1, 1)).transpose(2, 1, 0)
    cut, length, coin, first, second = tf.unstack(sampling.uniform_integers(low, high, seed))
    length = tf.where(_are_blended(num_quads, settings, seed), length, 0)
    start = cut - (length + coin * (length % 2)) // 2
    types = tf.tile(tf.range(len(tables)), [num_quads])
    first = tf.gather(first, _first_twins(types, settings))
    places = tf.reshape(tf.stack([first, second], axis=1), [num_quads, len(tables), 2])
    strides = tf.stack(
        [tf.gather_nd(table, places[:, i]) for i, table in enumerate(tables)], axis=1
    )
    has_boundary = np.tile([row.has_boundary for row in settings.rows], num_quads)
    return Joints(types, start, length, tf.reshape(strides, [-1, 2]), tf.constant(has_boundary))


def _are_blended(num_quads: int, settings: Settings, seed: tf.Tensor) -> tf.Tensor:
    """bool [B]: whether the joint of a sample is a transition; by "random" a coin says so."""
    rule = settings.transition
    may_be = tf.constant(np.tile([rule in row.blended_by for row in settings.rows], num_quads))
    if rule != RANDOM_TRANSITION:
        return may_be
    # A stream of its own: under each rule a seed draws the same cuts and strides.
    seed = tf.random.experimental.stateless_fold_in(seed, 1)
    return may_be & (tf.random.stateless_uniform(may_be.shape, seed, 0, 2, tf.int32) == 1)


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
    is_joined = tf.constant([row.is_joined for row in settings.rows])
    return tf.where(tf.gather(is_joined, joints.types)[:, tf.newaxis], alpha, 0.0)


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
    twins = _first_twins(joints.types, settings)
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


def _first_twins(types: tf.Tensor, settings: Settings) -> tf.Tensor:
    """int32 [B]: for each sample of whole quads the sample of its quad that is its first twin."""
    return tf.range(tf.size(types)) + tf.gather(first_twins(settings), types) - types
