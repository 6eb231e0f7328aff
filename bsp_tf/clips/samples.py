"""What makes a sample: number -> clips -> which of their frames -> JPEG strings -> decoded frames.

A unit is a clip (action) or a *quad* of clips (boundary): two of a class and two of another, which
make one sample of each boundary type in use. Unit n is a pure function of the seed and of n: clips,
crops, joints and all.
"""

import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf

from bsp_tf.clips.clip_order import (
    SAMPLES,
    ActionOrder,
    Element,
    QuadOrder,
    fold_seed,
    require_usable_clips,
    stream_seed,
)
from bsp_tf.clips.source import ClipSource, open_split
from bsp_tf.frames import decoding, preprocessing, sampling
from bsp_tf.frames.decoding import Composition
from bsp_tf.frames.patches import paste_patches
from bsp_tf.records.frame_reader import FrameReader
from bsp_tf.records.tables import captured
from bsp_tf.synthesis import deals, frame_plan
from bsp_tf.synthesis.patch_paths import patch_paths
from bsp_tf.synthesis.settings import Settings


@dataclasses.dataclass(frozen=True)
class Units:
    """A stream of units before it is batched.

    Attributes:
        plan: number (int64 []) -> what makes that unit, nothing of it read so far: rows int64 [D]
            and frames int32 [D], the clips and frames that are to be read, and more.
        reader: reads them.
        decode: (plan, JPEG strings [D]) -> Element, whose tensors are [samples_per_unit, ...].
        num_units: units in all; -1 for no end.
        samples_per_unit: 1, or the number of boundary types in use.
    """

    plan: Callable[[tf.Tensor], Element]
    reader: FrameReader
    decode: Callable[[Element, tf.Tensor], Element]
    num_units: int
    samples_per_unit: int

    def ask(self, plan: Element) -> Element:
        """The same plan, whose frames are on their way from a server."""
        ask = self.reader.ask
        return plan | {"rows": ask(plan["rows"], plan["frames"])} if ask else plan

    def read(self, plan: Element) -> Element:
        """The unit of a plan."""
        return self.decode(plan, self.reader(plan["rows"], plan["frames"]))

    def make(self, number: tf.Tensor) -> Element:
        """The unit of a number, int64 []."""
        return self.read(self.plan(number))


def action_units(config, split: str, seed: int) -> Units:
    """The stream of labelled clips with their action class; see `dataset_for`."""
    source, training = open_split(config, split), split == "train"
    require_usable_clips(
        source, min_frames=1, min_classes=1, clips_per_class=1, what="the action task"
    )
    index, reader = source.index, source.frame_reader(_in_graph(config, split))
    order = ActionOrder(index, seed, shuffle=training)
    lengths, classes, sizes = map(captured, (index.num_frames, index.label, index.size))

    def plan(number: tf.Tensor) -> Element:
        sampling_seed, picture_seed = tf.unstack(
            tf.random.experimental.stateless_split(fold_seed(stream_seed(seed, SAMPLES), number), 2)
        )
        row = order(number)[0]
        return {
            "rows": tf.repeat(row, config.data.num_frames),
            "frames": _sample_frames(tf.gather(lengths, row), sampling_seed, config.data, training),
            "size": tf.gather(sizes, row),
            "seed": picture_seed,
            "label": tf.gather(classes, row),
        }

    def decode(plan: Element, strings: tf.Tensor) -> Element:
        frames = _decode(
            strings,
            tf.zeros([config.data.num_frames], tf.int32),
            plan["size"][tf.newaxis, tf.newaxis],
            plan["seed"],
            config.data,
            training,
            looks=(0,),
        )
        return {
            "frames": frames[tf.newaxis],
            "label": plan["label"][tf.newaxis],
        }

    return Units(plan, reader, decode, -1 if training else order.units_per_pass, 1)


def boundary_units(config, split: str, seed: int) -> Units:
    """The stream of quads of boundary samples; see `dataset_for` and `synthesis/frame_plan.py`.

    Left out are unlabelled clips and clips shorter than the fastest sample spans, (T-1) *
    max(|strides|) + 1 frames: they would end in a frozen picture, which is a change of speed that
    the label denies.
    """
    training, settings = split == "train", Settings.from_config(config)
    looks, num_types = deals.first_twins(settings), len(settings.types)
    source = open_split(config, split)
    plan, units_per_pass = quad_planner(config, source, seed)

    def decode(plan: Element, strings: tf.Tensor) -> Element:
        images = _decode(
            strings,
            plan["part"],
            plan["sizes"],
            plan["seed"],
            config.data,
            training,
            looks,
            plan["composition"],
        )
        images = tf.reshape(images, [num_types, config.data.num_frames, *images.shape[1:]])
        if settings.has_patches:
            images = _with_patches(images, plan["boundary"], settings, plan["seed"])
        return {"frames": images} | {
            name: plan[name]
            for name in ("label", "boundary", "source_classes", "strides", "transition_length")
        }

    num_units = -1 if training else units_per_pass * config.data.validation_passes
    reader = source.frame_reader(_in_graph(config, split))
    return Units(plan, reader, decode, num_units, num_types)


def quad_planner(
    config, source: ClipSource, seed: int
) -> tuple[Callable[[tf.Tensor], Element], int]:
    """The plans of the boundary stream.

    Returns:
        A function of the quad's number (int64 []), and the number of quads per pass. It returns
        rows int64 [D] and frames int32 [D], part int32 [D] and composition as of
        `frame_plan.FramePlan`, sizes int32 [B, 2, 2] (height and width of the frames of each part),
        seed int64 [2], and the labels of `dataset_for` with B the number of types.
    """
    settings = Settings.from_config(config)
    require_usable_clips(
        source,
        min_frames=settings.window,
        min_classes=2,
        clips_per_class=2,
        what="the boundary task",
    )
    index = source.index
    order = QuadOrder(index, seed, settings.window)
    facts = [captured(table) for table in (index.num_frames, index.label, index.size)]

    def plan(number: tf.Tensor) -> Element:
        seeds = tf.unstack(
            tf.random.experimental.stateless_split(fold_seed(stream_seed(seed, SAMPLES), number), 4)
        )
        roles = deals.deal_roles(seeds[0], settings)
        rows = tf.gather(order(number), roles)  # of the index, for each part of each sample
        num_frames, labels, sizes = (tf.gather(table, rows) for table in facts)
        joints = frame_plan.draw_joints(1, settings, seeds[1])
        frames = frame_plan.plan_frames(joints, roles, num_frames, settings, seeds[2])
        return {
            "rows": tf.gather(tf.reshape(rows, [-1]), frames.part),
            "frames": frames.frame,
            "part": frames.part,
            "composition": frames.composition,
            "sizes": sizes,
            "seed": seeds[3],
            "label": joints.types,
            "boundary": joints.boundary(),
            "source_classes": labels,
            "strides": joints.strides,
            "transition_length": joints.length,
        }

    return plan, order.units_per_pass


def _with_patches(
    frames: tf.Tensor, boundary: tf.Tensor, settings: Settings, seed: tf.Tensor
) -> tf.Tensor:
    """Pastes patches into the samples of a quad, uint8 [K, T, S, S, 3], as their types ask."""
    seeds = tf.unstack(
        tf.random.experimental.stateless_split(tf.random.experimental.stateless_fold_in(seed, 1), 3)
    )
    moves = tf.constant([row.moves_patch for row in settings.rows])
    also = tf.random.stateless_uniform(moves.shape, seeds[0]) < settings.patch_share
    poses = patch_paths(settings.num_frames, boundary, moves, seeds[1])
    return paste_patches(frames, poses, moves | also, seeds[2])


def _sample_frames(num_frames: tf.Tensor, seed: tf.Tensor, data, training: bool) -> tf.Tensor:
    """Which frames of a clip are shown, int32 [T], by the sampling of a config's `data`."""
    count, seed = data.num_frames, seed if training else None
    if data.sampling == "dense":
        return sampling.dense(num_frames, count, seed)
    if data.sampling == "consecutive":
        return sampling.consecutive(num_frames, count, data.frame_step, seed)
    if training:
        return sampling.uniform_train(num_frames, count, seed)
    return sampling.uniform_eval(num_frames, count)


def _in_graph(config, split: str) -> bool:
    """Whether other processes make the batches (tf.data service): they have no Python of ours."""
    return bool(config.data.service) and split == "train"


def _decode(
    strings: tf.Tensor,
    part: tf.Tensor,
    sizes: tf.Tensor,
    seed: tf.Tensor,
    data,
    training: bool,
    looks: Sequence[int],
    composition: Composition | None = None,
) -> tf.Tensor:
    """Decodes frames with the geometry of the split; crop and flip are drawn once per sample.

    Args:
        strings: string [D].
        part: int32 [D], part of each; the P parts of a sample follow each other.
        sizes: int32 [B, P, 2], height and width of the frames of each part.
        seed: integer [2].
        looks: for each sample the sample, itself or another, whose crop and flip it takes.
        composition: how the decoded frames make up n output frames; None for the frames as they are
            (n is D).
    Returns:
        uint8 [n, S, S, 3].
    """
    crop_seed, flip_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    flips = tf.random.stateless_uniform([len(looks)], flip_seed, 0, 2, tf.int32) == 1
    flips = tf.gather(flips, tf.gather(looks, part // sizes.shape[1])) & (training and data.flip)
    if training and data.multi_scale:
        boxes = preprocessing.multi_scale_crop_boxes(sizes, data.crop_size, crop_seed, looks)
        boxes = tf.gather(tf.reshape(boxes, [-1, 4]), part)
        return decoding.decode_crop_resize(strings, boxes, flips, data.crop_size, composition)
    return decoding.decode_centre(strings, flips, data.short_side, data.crop_size, composition)
