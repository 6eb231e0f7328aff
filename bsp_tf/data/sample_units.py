"""What makes a sample: a number -> which clips -> their JPEG strings -> the few that it shows -> decoded frames.

A unit is a clip (action) or a *quad* of clips (boundary): two of a class and two of another, which make one sample of
each boundary type. Unit n is a pure function of the seed and of n: clips, crops, joints and all.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from bsp_tf.data import boundary_synthesis, frame_sampling, video_ops
from bsp_tf.data.boundary_settings import BOUNDARY_TYPES, CLIPS_PER_QUAD, Settings
from bsp_tf.data.clip_stream import (
    SAMPLES,
    ActionOrder,
    Element,
    QuadOrder,
    clip_reader,
    fold_seed,
    require_usable_clips,
    stream_seed,
)
from bsp_tf.data.record_folder import RecordFolder, open_folder
from bsp_tf.data.record_index import load_index


class Units(NamedTuple):
    """A stream of units before it is batched.

    Attributes:
        make: number (int64 []) -> Element, whose tensors are [samples of a unit, ...].
        count: units in all; -1 for no end.
        samples: samples of a unit.
    """

    make: Callable[[tf.Tensor], Element]
    count: int
    samples: int


def split_folder(config, split: str) -> RecordFolder:
    """Opens and checks the record folder of a split (`data.train_dir` or `data.validation_dir`)."""
    return open_folder(config.data.train_dir if split == "train" else config.data.validation_dir)


def action_units(config, split: str, seed: int) -> Units:
    """The stream of clips with their action class; see `dataset_for`. Unlabelled clips are left out."""
    folder, training = split_folder(config, split), split == "train"
    index = load_index(folder)
    require_usable_clips(folder, index, min_frames=1, min_classes=1, clips_a_class=1, what="the action task")
    order, read = ActionOrder(index, seed, shuffle=training), clip_reader(folder, index)

    def make(number: tf.Tensor) -> Element:
        seeds = tf.unstack(tf.random.experimental.stateless_split(fold_seed(stream_seed(seed, SAMPLES), number), 2))
        clip = _sample_action_strings(read(order(number)[0]), seeds[0], config.data, training)
        frames = _decode(clip["frames"], tf.zeros([config.data.num_frames], tf.int32), clip["size"][tf.newaxis],
                         seeds[1], config.data, training)
        return {"frames": frames[tf.newaxis], "label": clip["label"][tf.newaxis]}

    return Units(make, -1 if training else order.units_a_pass, 1)


def boundary_units(config, split: str, seed: int) -> Units:
    """The stream of quads of synthesized boundary samples; see `dataset_for` and `boundary_synthesis`.

    Left out are unlabelled clips and clips shorter than the fastest sample spans, (T-1) * max(strides) + 1 frames:
    they would end in a frozen picture, which is a change of speed that the label denies.
    """
    training = split == "train"
    plan, units_a_pass = quad_planner(config, split, seed)

    def make(number: tf.Tensor) -> Element:
        return _make_samples(plan(number), config.data, training)

    return Units(make, -1 if training else units_a_pass * config.data.validation_passes, len(BOUNDARY_TYPES))


def quad_planner(config, split: str, seed: int) -> tuple[Callable[[tf.Tensor], Element], int]:
    """The boundary stream just before decoding: four samples a quad, planned but not yet decoded.

    Returns:
        A function of the quad's number (int64 []), and the number of quads a pass. It returns strings string [M] (the
        frames that will be decoded), plan FramePlan, sizes int32 [8, 2] (height and width of each part's frames), seed
        int64 [2], and the labels of `dataset_for` with B = 4.
    """
    settings = Settings.from_config(config)
    folder = split_folder(config, split)
    index = load_index(folder)
    require_usable_clips(folder, index, min_frames=settings.window, min_classes=2, clips_a_class=2,
                         what="the boundary task")
    order, read = QuadOrder(index, seed, settings.window), clip_reader(folder, index)

    def plan(number: tf.Tensor) -> Element:
        seeds = tf.unstack(tf.random.experimental.stateless_split(
            fold_seed(stream_seed(seed, SAMPLES), number), CLIPS_PER_QUAD + 1))
        rows = tf.unstack(order(number), num=CLIPS_PER_QUAD)
        windows = [_cut_window(read(row), settings.window, seed)
                   for row, seed in zip(rows, seeds[1:], strict=True)]
        quad = {name: tf.stack([window[name] for window in windows]) for name in windows[0]}
        return _plan_samples(quad, settings, seeds[0])

    return plan, order.units_a_pass


# Action -----------------------------------------------------------------------------------------------------------


def _sample_action_strings(clip: Element, seed: tf.Tensor, data, training: bool) -> Element:
    """Keeps the sampled strings of a clip: frames string [T], label, size int32 [2]."""
    num_frames, count = tf.size(clip["frames"]), data.num_frames
    sample_seed = seed if training else None
    if data.sampling == "dense":
        indices = frame_sampling.dense(num_frames, count, sample_seed)
    elif data.sampling == "consecutive":
        indices = frame_sampling.consecutive(num_frames, count, data.frame_step, sample_seed)
    elif training:
        indices = frame_sampling.uniform_train(num_frames, count, sample_seed)
    else:
        indices = frame_sampling.uniform_eval(num_frames, count)
    return {"frames": tf.gather(clip["frames"], indices), "label": clip["label"],
            "size": video_ops.jpeg_size(clip["frames"][0])}


# Boundary ---------------------------------------------------------------------------------------------------------


def _cut_window(clip: Element, window: int, seed: tf.Tensor) -> Element:
    """Keeps a random run of `window` strings, in which every sample of the clip has room."""
    start = frame_sampling.uniform_integers(0, tf.size(clip["frames"]) - window, seed)
    frames = tf.ensure_shape(clip["frames"][start:start + window], [window])
    return {"frames": frames, "label": clip["label"], "size": video_ops.jpeg_size(frames[0])}


def _plan_samples(quad: Element, settings: Settings, seed: tf.Tensor) -> Element:
    """Decides the four samples of a quad; see `quad_planner`."""
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
    roles = tf.ensure_shape(boundary_synthesis.deal_roles(seeds[0]), [len(BOUNDARY_TYPES), 2])
    joints = boundary_synthesis.draw_joints(tf.range(len(BOUNDARY_TYPES)), settings, seeds[1])
    lengths = tf.fill([len(BOUNDARY_TYPES), 2], settings.window)
    plan = boundary_synthesis.plan_frames(joints, lengths, settings, seeds[2])
    clip_of_part = tf.reshape(roles, [-1])
    places = tf.stack([tf.gather(clip_of_part, plan.part), plan.frame], axis=1)
    return {"strings": tf.gather_nd(quad["frames"], places), "plan": plan,
            "sizes": tf.gather(quad["size"], clip_of_part), "seed": seeds[3], "label": joints.types,
            "boundary": joints.boundary(), "source_classes": tf.gather(quad["label"], roles),
            "strides": joints.strides, "transition_length": joints.length}


def _make_samples(planned: Element, data, training: bool) -> Element:
    """Decodes and blends the four samples of a quad."""
    images = _decode(planned["strings"], planned["plan"].part, planned["sizes"], planned["seed"], data, training)
    samples = {name: planned[name] for name in
               ("label", "boundary", "source_classes", "strides", "transition_length")}
    frames = boundary_synthesis.blend(images, planned["plan"])
    shape = [len(BOUNDARY_TYPES), data.num_frames, data.crop_size, data.crop_size, 3]
    return {"frames": tf.ensure_shape(frames, shape), **samples}


# Both -------------------------------------------------------------------------------------------------------------


def _decode(strings: tf.Tensor, part: tf.Tensor, sizes: tf.Tensor, seed: tf.Tensor, data,
            training: bool) -> tf.Tensor:
    """Decodes frames with the geometry of the split; crop and flip are drawn once a part (a clip in a sample).

    Args:
        strings: string [n].
        part: int32 [n], part of each frame.
        sizes: int32 [parts, 2], height and width of each part's frames.
        seed: integer [2].
    Returns:
        uint8 [n, S, S, 3].
    """
    crop_seed, flip_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    flips = tf.gather(tf.random.stateless_uniform([tf.shape(sizes)[0]], flip_seed, 0, 2, tf.int32) == 1, part)
    if not (training and data.flip):
        flips = tf.zeros_like(flips)
    if training and data.multi_scale:
        boxes = video_ops.multi_scale_crop_boxes(sizes, data.crop_size, crop_seed)
        return video_ops.decode_crop_resize(strings, tf.gather(boxes, part), flips, data.crop_size)
    images = video_ops.decode_centre(strings, data.short_side, data.crop_size)
    return video_ops.flip(images, flips) if training and data.flip else images
