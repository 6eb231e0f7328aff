"""Record folders -> batches, by tf.data (with `clip_stream.py`, which reads and orders the clips).

    shards -> clips (strings of all frames) -> the few strings a sample may need -> shuffle -> [pair] -> decode -> batch

Frames are chosen before they are decoded, so shuffling and pairing hold JPEG strings, never pixels. The boundary task
pairs by class (a window of two clips a class), joins two pairs of different classes into a *quad* of four clips and
makes one sample of each boundary type of it: every batch is balanced exactly.

Everything random is a function of the seed and of the place in the stream, never of TensorFlow's global seed, and all
parallel maps keep their order: the same seed gives the same stream. Training streams never end; their iterators can be
saved with tf.train.Checkpoint.
"""

import functools
from typing import NamedTuple

import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.data import boundary_synthesis, frame_sampling, video_ops
from bsp_tf.data.boundary_settings import BOUNDARY_TYPES, CLIPS_PER_QUAD, Settings
from bsp_tf.data.clip_stream import (
    SAMPLES,
    Element,
    concatenate_passes,
    fold_seed,
    parallel_map,
    read_clips,
    require_usable_clips,
    shuffle_clips,
    stream_seed,
)
from bsp_tf.data.record_folder import RecordFolder, open_folder

SPLITS = ("train", "validation")
SAMPLINGS = ("uniform", "dense", "consecutive")


def dataset_for(config, split: str, batch_size: int, seed: int, first_batch: int = 0, shard_index: int = 0,
                num_shards: int = 1) -> tf.data.Dataset:
    """Batches of the configured task.

    Action element: frames uint8 [B, T, S, S, 3] (0..255, RGB), label int32 [B].
    Boundary element: the same (label 0..3, see BOUNDARY_TYPES) and
        boundary: float32 [B], position in frames, -1 for same_speed.
        source_classes: int32 [B, 2], class index before and after.
        strides: int32 [B, 2], source frames between shown frames, before and after.
        transition_length: int32 [B], blended frames.

    Args:
        config: ml_collections.ConfigDict with task, data.* and boundary.*.
        split: "train" (infinite, shuffled, augmented, full batches) or "validation" (finite, evaluation geometry, the
            last incomplete batch kept; the boundary task makes `data.validation_passes` differently seeded passes).
        batch_size: samples B of a *global* batch; a multiple of `num_shards`, for the boundary task of 4 * num_shards.
        seed: of everything random.
        first_batch: the stream starts with this (0-based) batch of the whole stream: a run goes on after s steps
            with first_batch=s and sees what it would have seen undisturbed.
        shard_index: which worker of ...
        num_shards: ... so many asks. The stream of global batches is the same for every number of workers; worker w
            of W gets rows [w*B/W, (w+1)*B/W) of each. Together the workers show every sample once. Only the last batch
            of "validation" may be incomplete: row r of it still belongs to worker r // (B/W), so that the last batch of
            some workers is shorter or missing.
    Raises:
        InputError: a bad folder (see `record_folder.open_folder`), field or batch size, or no usable clips.
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r} is none of {', '.join(SPLITS)}.")
    if config.data.sampling not in SAMPLINGS:
        raise InputError(f"config: data.sampling={config.data.sampling!r} is none of {', '.join(SAMPLINGS)}.")
    for field in ("num_frames", "frame_step", "shuffle_clips", "validation_passes"):
        if config.data[field] < 1:
            raise InputError(f"config: data.{field}={config.data[field]} must be at least 1.")
    video_ops.check_sizes(config.data.short_side, config.data.crop_size)
    share = Share(first_batch, shard_index, num_shards)
    if config.task == "action":
        return action_dataset(config, split, batch_size, seed, share)
    if config.task == "boundary":
        return boundary_dataset(config, split, batch_size, seed, share)
    raise InputError(f"config: task={config.task!r} is neither 'action' nor 'boundary'.")


class Share(NamedTuple):
    """Which part of a stream of global batches is wanted; the fields are those of `dataset_for`."""

    first_batch: int = 0
    shard_index: int = 0
    num_shards: int = 1

    def of(self, units: tf.data.Dataset, units_a_batch: int) -> tuple[tf.data.Dataset, int]:
        """This share of a stream of units (clips, quads), and the number of its units in a batch.

        Raises:
            InputError: a batch does not split into equal parts of whole units, or no such shard.
        """
        if not 0 <= self.shard_index < self.num_shards or units_a_batch % self.num_shards:
            raise InputError(f"shard {self.shard_index} of {self.num_shards}: a batch of {units_a_batch} clips or "
                             "quads of clips does not split so. Make the batch size a multiple of the number of "
                             "workers (of 4 times that for the boundary task).")
        own = units_a_batch // self.num_shards
        units = units.skip(self.first_batch * units_a_batch)
        if self.num_shards > 1:
            numbered = units.enumerate().filter(lambda n, _: n % units_a_batch // own == self.shard_index)
            units = numbered.map(lambda _, unit: unit)
        return units, own


WHOLE = Share()


def split_folder(config, split: str) -> RecordFolder:
    """Opens and checks the record folder of a split (`data.train_dir` or `data.validation_dir`)."""
    return open_folder(config.data.train_dir if split == "train" else config.data.validation_dir)


def action_dataset(config, split: str, batch_size: int, seed: int, share: Share = WHOLE) -> tf.data.Dataset:
    """Batches of clips with their action class; see `dataset_for`. Unlabelled clips are left out."""
    folder, training = split_folder(config, split), split == "train"
    require_usable_clips(folder, min_frames=1, min_classes=1, clips_a_class=1, what="the action task")
    sample = functools.partial(_sample_action_strings, data=config.data, training=training)

    def one_pass(number: tf.Tensor) -> tf.data.Dataset:
        clips = read_clips(folder, number, seed, training).filter(lambda clip: clip["label"] >= 0)
        sampled = parallel_map(clips, sample)
        return shuffle_clips(sampled, config.data.shuffle_clips, number, seed) if training else sampled

    def decode(clip: Element) -> Element:
        frames = _decode(clip["frames"], tf.zeros([config.data.num_frames], tf.int32), clip["size"][tf.newaxis],
                         clip["seed"], config.data, training)
        return {"frames": frames, "label": clip["label"]}

    clips, count = share.of(concatenate_passes(None if training else 1, one_pass), batch_size)
    return _finish(parallel_map(clips, decode).batch(count, drop_remainder=training))


def boundary_dataset(config, split: str, batch_size: int, seed: int, share: Share = WHOLE) -> tf.data.Dataset:
    """Batches of synthesized boundary samples; see `dataset_for` and `boundary_synthesis`.

    Left out are unlabelled clips and clips shorter than the fastest sample spans, (T-1) * max(strides) + 1 frames:
    they would end in a frozen picture, which is a change of speed that the label denies.
    """
    if batch_size % len(BOUNDARY_TYPES):
        raise InputError(f"batch size {batch_size} of the boundary task is not divisible by {len(BOUNDARY_TYPES)}: a "
                         "batch holds equally many samples of each type.")
    training = split == "train"
    plans, count = share.of(planned_quads(config, split, seed), batch_size // len(BOUNDARY_TYPES))
    samples = parallel_map(plans, functools.partial(_make_samples, data=config.data, training=training))
    batches = samples.batch(count, drop_remainder=training)
    return _finish(batches.map(_merge_quads))


def planned_quads(config, split: str, seed: int) -> tf.data.Dataset:
    """The boundary stream just before decoding: four samples an element, planned but not yet decoded.

    Element: strings string [M] (the frames that will be decoded), plan FramePlan, sizes int32 [8, 2] (height and
    width of each part's frames), seed int64 [2], and the labels of `dataset_for` with B = 4.
    """
    settings = Settings.from_config(config)
    folder, training = split_folder(config, split), split == "train"
    require_usable_clips(folder, min_frames=settings.window, min_classes=2, clips_a_class=2, what="the boundary task")
    cut_window = functools.partial(_cut_window, window=settings.window)

    def one_pass(number: tf.Tensor) -> tf.data.Dataset:
        clips = read_clips(folder, number, seed, training)
        clips = clips.filter(lambda clip: (clip["label"] >= 0) & (tf.size(clip["frames"]) >= settings.window))
        return shuffle_clips(parallel_map(clips, cut_window), config.data.shuffle_clips, number, seed)

    clips = concatenate_passes(None if training else config.data.validation_passes, one_pass)
    quads = _pair_classes(_pair_clips(clips))
    plan = functools.partial(_plan_samples, settings=settings, seed=stream_seed(seed, SAMPLES))
    return parallel_map(quads.enumerate(), plan)


# Action -----------------------------------------------------------------------------------------------------------


def _sample_action_strings(clip: Element, data, training: bool) -> Element:
    """Keeps the sampled strings of a clip: frames string [T], label, size int32 [2], seed."""
    num_frames, count = tf.size(clip["frames"]), data.num_frames
    sample_seed, seed = tf.unstack(tf.random.experimental.stateless_split(clip["seed"], 2))
    sample_seed = sample_seed if training else None
    if data.sampling == "dense":
        indices = frame_sampling.dense(num_frames, count, sample_seed)
    elif data.sampling == "consecutive":
        indices = frame_sampling.consecutive(num_frames, count, data.frame_step, sample_seed)
    elif training:
        indices = frame_sampling.uniform_train(num_frames, count, sample_seed)
    else:
        indices = frame_sampling.uniform_eval(num_frames, count)
    return {"frames": tf.gather(clip["frames"], indices), "label": clip["label"],
            "size": video_ops.jpeg_size(clip["frames"][0]), "seed": seed}


# Boundary ---------------------------------------------------------------------------------------------------------


def _cut_window(clip: Element, window: int) -> Element:
    """Keeps a random run of `window` strings, in which every sample of the clip has room."""
    room = tf.size(clip["frames"]) - window
    start = frame_sampling.uniform_integers(0, room, clip["seed"])
    frames = tf.ensure_shape(clip["frames"][start:start + window], [window])
    return {"frames": frames, "label": clip["label"], "id": clip["id"], "size": video_ops.jpeg_size(frames[0])}


def _pair_clips(clips: tf.data.Dataset) -> tf.data.Dataset:
    """Pairs two different clips of one class, as soon as the class has two; an odd clip is left at the end."""
    pairs = clips.group_by_window(key_func=lambda clip: tf.cast(clip["label"], tf.int64),
                                  reduce_func=lambda _, window: window.batch(2), window_size=2)
    # The second is the same clip if it came last in one pass and first in the next.
    pairs = pairs.filter(lambda pair: (tf.size(pair["id"]) == 2) & (pair["id"][0] != pair["id"][-1]))
    return pairs.map(lambda pair: {name: tf.ensure_shape(value, [2, *value.shape[1:]])
                                   for name, value in pair.items() if name != "id"})


def _pair_classes(pairs: tf.data.Dataset) -> tf.data.Dataset:
    """Joins each pair with the next one of another class; a pair is given up if the next is of its own class."""
    empty = {name: tf.zeros(spec.shape, spec.dtype) for name, spec in pairs.element_spec.items()}

    def step(state: tuple[tf.Tensor, Element], pair: Element):
        waiting, held = state
        match = waiting & (held["label"][0] != pair["label"][0])
        quad = {name: tf.concat([held[name], pair[name]], axis=0) for name in pair}
        return (~match, pair), (match, quad)

    quads = pairs.scan((tf.constant(False), empty), step)
    return quads.filter(lambda match, _: match).map(lambda _, quad: quad)


def _plan_samples(number: tf.Tensor, quad: Element, settings: Settings, seed: tf.Tensor) -> Element:
    """Decides the four samples of a quad; see `planned_quads`."""
    seeds = tf.unstack(tf.random.experimental.stateless_split(fold_seed(seed, number), 4))
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


def _merge_quads(batch: Element) -> Element:
    """[quads, 4, ...] -> [B, ...]."""
    return {name: tf.reshape(value, tf.concat([[tf.shape(value)[0] * CLIPS_PER_QUAD], value.shape[2:]], axis=0))
            for name, value in batch.items()}


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
    if training and data.multi_scale:
        boxes = video_ops.multi_scale_crop_boxes(sizes, data.crop_size, crop_seed)
        images = video_ops.decode_crop_resize(strings, tf.gather(boxes, part), data.crop_size)
    else:
        images = video_ops.decode_centre(strings, data.short_side, data.crop_size)
    if training and data.flip:
        flips = tf.random.stateless_uniform([tf.shape(sizes)[0]], flip_seed, 0, 2, tf.int32) == 1
        images = video_ops.flip(images, tf.gather(flips, part))
    return images


def _finish(batches: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)
