"""Batches for evaluation: all views of each clip (`multi_view.py`), and boundary samples.

Memory is bounded by one clip's views per core and a few batches, whatever the folder holds.
"""

import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.clips import multi_view
from bsp_tf.clips.clip_order import (
    ActionOrder,
    Element,
    parallel_map,
    require_usable_clips,
)
from bsp_tf.clips.pipelines import Share, numbered_batches
from bsp_tf.clips.samples import boundary_units
from bsp_tf.clips.source import ClipSource
from bsp_tf.frames import preprocessing, sampling
from bsp_tf.records.tables import captured


def view_batches(
    source: ClipSource,
    data,
    num_clips: int,
    num_crops: int,
    batch_size: int,
    full_resolution: bool = True,
    first_clip: int = 0,
) -> tuple[tf.data.Dataset, int]:
    """Every view of every labelled clip, in the order of the index.

    The views of a clip fill batches together with those of its neighbours: a batch may end inside a
    clip.

    Args:
        source: the clips.
        data: a config's data.*: sampling, num_frames, frame_step, short_side, crop_size.
        num_clips: temporal views of a clip, at least 1.
        num_crops, full_resolution: spatial views of each, 1 or 3, and how large three are; see
            `multi_view.decode_crops`.
        batch_size: views per batch, at least 1; the last one may be smaller.
        first_clip: clip to begin with, 0-based.
    Returns:
        Data set of {"frames": uint8 [b, T, S, S, 3], "label": int32 [b], "clip": int64 [b]}, and
            the number of clips.
    Raises:
        InputError: no labelled clip, or a setting out of its range.
    """
    if num_crops not in multi_view.NUM_CROPS:
        raise InputError(f"--num_crops={num_crops}: give 1 (centre) or 3 (along the longer side).")
    for name, value in (("num_clips", num_clips), ("batch_size", batch_size)):
        if value < 1:
            raise InputError(f"--{name}={value} must be at least 1.")
    sampling.check_sampling(data.sampling)
    preprocessing.check_sizes(data.short_side, data.crop_size)
    require_usable_clips(
        source, min_frames=1, min_classes=1, clips_per_class=1, what="the action task"
    )
    index, read = source.index, source.frame_reader(in_graph=False)
    order = ActionOrder(index, seed=0, shuffle=False)
    facts = [captured(table) for table in (index.num_frames, index.label)]
    num_views = num_clips * num_crops

    def make(number: tf.Tensor) -> Element:
        row = order(number)[0]
        count, label = (tf.gather(table, row) for table in facts)
        strings = read(tf.repeat(row, count), tf.range(count))
        return {
            "frames": multi_view.cut_views(strings, num_clips, num_crops, data, full_resolution),
            "label": tf.repeat(label, num_views),
            "clip": tf.repeat(number, num_views),
        }

    views = parallel_map(tf.data.Dataset.range(first_clip, order.units_per_pass), make)
    return views.rebatch(batch_size).prefetch(2), order.units_per_pass


def boundary_batches(config, seed: int, quads_per_batch: int) -> tuple[tf.data.Dataset, int]:
    """The samples on which training evaluates the boundary task: quads of `data.validation_dir`.

    With the run's own seed they are the very same. Configs that differ in `boundary.transition`
    alone give the same clips, cuts and speeds.

    Returns:
        Data set of the boundary elements of `pipelines.dataset_for`, and the number of samples.
    Raises:
        InputError: as `pipelines.dataset_for`.
    """
    units = boundary_units(config, "validation", seed)
    batches = numbered_batches(units, quads_per_batch * units.samples_per_unit, Share())
    return batches.map(lambda _, rows: rows).prefetch(2), units.num_units * units.samples_per_unit
