"""Shards -> streams of clips: reading, order, seeds, and the check that a folder can serve a task.

Together with `pipelines.py` the only place that knows tf.data. A stream is made of *passes*: pass k shows every clip
once, in an order and with seeds that depend on the user's seed and k alone.
"""

from collections.abc import Callable

import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.data.record_damage import damage_error
from bsp_tf.data.record_folder import RecordFolder
from bsp_tf.data.record_parser import parse_clip

MAX_OPEN_SHARDS = 8
# Streams of random numbers that must not meet.
SHARD_ORDER, CLIPS, SAMPLES, CLIP_ORDER = range(4)

Element = dict[str, tf.Tensor]


def stream_seed(seed: int | tf.Tensor, stream: int) -> tf.Tensor:
    """Seed, int64 [2], of one of the streams of random numbers named above."""
    return tf.stack([tf.cast(seed, tf.int64), tf.constant(stream, tf.int64)])


def fold_seed(seed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Seed, int64 [2], of place `number` (integer []) of the stream that has `seed`."""
    return tf.cast(tf.random.experimental.stateless_fold_in(seed, number), tf.int64)


def parallel_map(dataset: tf.data.Dataset, function: Callable) -> tf.data.Dataset:
    """Maps in parallel and keeps the order."""
    return dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def concatenate_passes(count: int | None, one_pass: Callable[[tf.Tensor], tf.data.Dataset]) -> tf.data.Dataset:
    """`one_pass(0)`, then `one_pass(1)`, ...: `count` passes, or without end if it is None."""
    return tf.data.Dataset.range(tf.int64.max if count is None else count).flat_map(one_pass)


def read_clips(folder: RecordFolder, number: tf.Tensor, seed: int, shuffle: bool) -> tf.data.Dataset:
    """One pass over all clips of a folder, several shards at a time.

    Args:
        folder: the shards.
        number: int64 [], number of the pass.
        seed: the user's.
        shuffle: whether the shards come in a random order; `shuffle_clips` does the rest.
    Returns:
        Elements of frames string [num_frames], label int32 [] (-1: unlabelled), id int64 [] (the same in every pass)
        and seed int64 [2] (another in every pass).
    """
    order = tf.range(len(folder.shards))
    if shuffle:
        order = tf.random.experimental.stateless_shuffle(order, fold_seed(stream_seed(seed, SHARD_ORDER), number))
    names = tf.constant(folder.shards)
    shards = tf.data.Dataset.from_tensor_slices((tf.gather(names, order), tf.cast(order, tf.int64)))
    pass_seed = fold_seed(stream_seed(seed, CLIPS), number)

    def read(name: tf.Tensor, shard: tf.Tensor) -> tf.data.Dataset:
        return tf.data.TFRecordDataset(name).enumerate(shard * 2**32)

    def parse(clip_id: tf.Tensor, serialized: tf.Tensor) -> Element:
        clip = parse_clip(serialized)
        return {"frames": clip["frames"], "label": tf.cast(clip["label"], tf.int32), "id": clip_id,
                "seed": fold_seed(pass_seed, clip_id)}

    records = shards.interleave(read, cycle_length=min(len(folder.shards), MAX_OPEN_SHARDS), block_length=1,
                                num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return parallel_map(records, parse)


def shuffle_clips(clips: tf.data.Dataset, buffer_clips: int, number: tf.Tensor, seed: int) -> tf.data.Dataset:
    """Shuffles pass `number` (int64 []) with a buffer of `buffer_clips` elements.

    The raw op, because Dataset.shuffle mixes in TensorFlow's global seed and, inside `flat_map`, makes iterators that
    cannot be saved.
    """
    seeds = tf.unstack(fold_seed(stream_seed(seed, CLIP_ORDER), number))
    specs = tf.nest.flatten(clips.element_spec)
    shuffled = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(clips), buffer_size=tf.constant(buffer_clips, tf.int64),
        seed=seeds[0], seed2=seeds[1], output_types=[spec.dtype for spec in specs],
        output_shapes=[spec.shape for spec in specs], reshuffle_each_iteration=False)
    return tf.data.experimental.from_variant(shuffled, clips.element_spec)


def require_usable_clips(folder: RecordFolder, min_frames: int, min_classes: int, clips_a_class: int,
                         what: str) -> None:
    """Reads clips until enough usable ones are found, which is soon unless the folder cannot serve the task.

    Without it an endless stream would search for ever.

    Args:
        folder: the shards.
        min_frames: frames a usable clip has at least; it must also be labelled.
        min_classes: classes needed ...
        clips_a_class: ... with at least so many usable clips each.
        what: the task's name in the error.
    Raises:
        InputError: not enough usable clips, a class beyond labels.txt, or a damaged record.
    """
    counts: dict[int, int] = {}
    seen = 0
    try:
        for clip in read_clips(folder, tf.constant(0, tf.int64), 0, shuffle=False):
            label, seen = int(clip["label"]), seen + 1
            if label >= len(folder.labels):
                raise InputError(f"{folder.path}: a clip has class {label}, labels.txt has {len(folder.labels)} lines. "
                                 "The two belong to different runs: convert again.")
            if label >= 0 and len(clip["frames"]) >= min_frames:
                counts[label] = counts.get(label, 0) + 1
            if sum(count >= clips_a_class for count in counts.values()) >= min_classes:
                return
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise damage_error(folder.path, error) from error
    usable = {folder.labels[label]: count for label, count in sorted(counts.items())}
    raise InputError(f"{folder.path} cannot serve {what}: it needs {min_classes} class(es) with {clips_a_class} or "
                     f"more labelled clips of at least {min_frames} frames. Of {seen} clips the usable ones by class "
                     f"are {usable}. Add clips, or lower data.num_frames or boundary.strides.")
