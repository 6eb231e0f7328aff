"""Clips -> batches, by tf.data: the units of `samples.py`, made in parallel, batched in order.

Unit n is a pure function of the seed and of n. So the same seed gives the same stream on any number
of threads and workers, whatever TensorFlow's global seed, and a stream that starts at batch s is
the rest of the stream that starts at 0. Training streams never end; their iterators can be saved
with tf.train.Checkpoint.
"""

from typing import NamedTuple

import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.clips.clip_order import Element, parallel_map
from bsp_tf.clips.input_service import ServiceBatches
from bsp_tf.clips.samples import Units, action_units, boundary_units
from bsp_tf.frames import preprocessing, sampling

UNITS = {"action": action_units, "boundary": boundary_units}
SPLITS = ("train", "validation")

# Units that a server is asked for before their turn has come.
UNITS_AHEAD = 16


def dataset_for(
    config,
    split: str,
    batch_size: int,
    seed: int,
    first_batch: int = 0,
    shard_index: int = 0,
    num_shards: int = 1,
) -> tf.data.Dataset | ServiceBatches:
    """Batches of the configured task.

    Action element: frames uint8 [B, T, S, S, 3] (0..255, RGB), label int32 [B].
    Boundary element: the same (the label is the place of the type in boundary.types) and
        boundary: float32 [B], position in frames, -1 for none.
        source_classes: int32 [B, 2], class index before and after.
        strides: int32 [B, 2], source frames between shown frames, before and after; negative where
            the clip plays backwards, 0 where a frame is held.
        transition_length: int32 [B], blended frames.

    Args:
        config: ml_collections.ConfigDict with task, data.* and boundary.*.
        split: "train" (infinite, shuffled, augmented, full batches) or "validation" (finite,
            evaluation geometry, the last incomplete batch kept; the boundary task makes
            `data.validation_passes` differently seeded passes).
        batch_size: samples B of a *global* batch; a multiple of `num_shards`, for the boundary task
            of num_shards * number of types.
        seed: of everything random.
        first_batch: the stream starts with this (0-based) batch of the whole stream: a run goes on
            after s steps with first_batch=s and sees what it would have seen undisturbed.
        shard_index: 0-based number of this worker.
        num_shards: number of workers. The stream of global batches is the same for every number;
            worker w of W gets rows [w*B/W, (w+1)*B/W) of each. Together the workers show every
            sample once. Only the last batch of "validation" may be incomplete: row r of it still
            belongs to worker r // (B/W), so that the last batch of some workers is shorter or
            missing.
    Raises:
        InputError: a bad folder (see `clips.source`), field or batch size, or no
            usable clips.
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r}: choose one of {', '.join(SPLITS)}.")
    sampling.check_sampling(config.data.sampling)
    for field in ("num_frames", "frame_step", "validation_passes"):
        if config.data[field] < 1:
            raise InputError(f"config: data.{field}={config.data[field]} must be at least 1.")
    preprocessing.check_sizes(config.data.short_side, config.data.crop_size)
    if config.task not in UNITS:
        raise InputError(f"config: task={config.task!r}: choose one of {', '.join(UNITS)}.")
    units = UNITS[config.task](config, split, seed)
    share = Share(first_batch, shard_index, num_shards)

    def batches(share: Share, end_batch: int | None = None) -> tf.data.Dataset:
        return numbered_batches(units, batch_size, share, end_batch)

    if config.data.service and split == "train":
        return ServiceBatches(
            config.data.service,
            first_batch,
            lambda first, end: batches(share._replace(first_batch=first), end),
        )
    return batches(share).map(lambda _, rows: rows).prefetch(tf.data.AUTOTUNE)


class Share(NamedTuple):
    """The part of a stream of global batches that is wanted; see `dataset_for`."""

    first_batch: int = 0
    shard_index: int = 0
    num_shards: int = 1


def numbered_batches(
    units: Units, batch_size: int, share: Share, end_batch: int | None = None
) -> tf.data.Dataset:
    """Elements (number of the batch int64 [], this share's rows of it), in order.

    Args:
        units: what the batches are made of.
        batch_size: samples of a global batch.
        share: the first batch, and which rows of each.
        end_batch: number of the batch before which the stream ends; None for the end of `units`.
    Raises:
        InputError: a batch does not split into equal parts of whole units, or no such shard.
    """
    smallest = units.samples_per_unit * share.num_shards
    own, rest = divmod(batch_size, smallest)
    if rest or not own or not 0 <= share.shard_index < share.num_shards:
        raise InputError(
            f"batch size {batch_size} is not divisible by {smallest}, or there is no shard "
            f"{share.shard_index} of {share.num_shards}: each of {share.num_shards} worker(s) "
            "takes an equal part of a batch, for the boundary task with equally many samples of "
            "each type."
        )
    units_per_batch = own * share.num_shards
    is_endless = units.num_units < 0
    last = tf.int64.max if is_endless else units.num_units
    if end_batch is None:
        end_batch = last // units_per_batch if is_endless else -(-last // units_per_batch)

    @tf.autograph.experimental.do_not_convert
    def numbers(batch: tf.Tensor) -> tf.data.Dataset:
        first = batch * units_per_batch + share.shard_index * own
        return tf.data.Dataset.range(first, tf.minimum(first + own, last))

    def plan(number: tf.Tensor) -> tuple[tf.Tensor, Element]:
        return number // units_per_batch, units.plan(number)

    def ask(batch: tf.Tensor, unit: Element) -> tuple[tf.Tensor, Element]:
        return batch, units.ask(unit)

    def read(batch: tf.Tensor, unit: Element) -> tuple[tf.Tensor, Element]:
        return batch, units.read(unit)

    @tf.autograph.experimental.do_not_convert
    def merge(batch: tf.Tensor, rows: Element) -> tuple[tf.Tensor, Element]:
        return batch[0], {
            name: tf.reshape(value, tf.concat([[-1], tf.shape(value)[2:]], axis=0))
            for name, value in rows.items()
        }

    options = tf.data.Options()
    options.deterministic = True
    # The saved state of an iterator is its place in the stream, not the pixels that wait in its
    # buffers.
    options.experimental_symbolic_checkpoint = True
    # Reading one record counts as state, and TensorFlow would warn of it in many lines.
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    places = tf.data.Dataset.range(share.first_batch, end_batch).flat_map(numbers)
    if units.reader.ask is None:
        made = parallel_map(places, lambda number: read(*plan(number)))
    else:
        asked = parallel_map(places, lambda number: ask(*plan(number)))
        made = parallel_map(asked.prefetch(UNITS_AHEAD), read)
    return made.batch(own, drop_remainder=is_endless).map(merge).with_options(options)
