"""Batches for the evaluation of a trained model: all views of each clip (`multi_view.py`), and
boundary samples.

Memory is bounded by one clip's views a core and a few batches, whatever the folder holds.
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
from bsp_tf.clips.pipelines import SAMPLINGS, Share, numbered_batches
from bsp_tf.clips.samples import boundary_units
from bsp_tf.frames import preprocessing
from bsp_tf.records.clip_reader import clip_reader
from bsp_tf.records.folder import RecordFolder
from bsp_tf.records.index import load_index


def view_batches(
    folder: RecordFolder,
    data,
    num_clips: int,
    num_crops: int,
    batch_size: int,
    full_resolution: bool = True,
    first_clip: int = 0,
) -> tuple[tf.data.Dataset, int]:
    """Every view of every labelled clip, in the order of the record index.

    The views of a clip fill batches together with those of its neighbours: a batch may end inside a
    clip.

    Args:
        folder: the shards.
        data: a config's data.*: sampling, num_frames, frame_step, short_side, crop_size.
        num_clips: temporal views of a clip, at least 1.
        num_crops, full_resolution: spatial views of each, 1 or 3, and how large three are; see
            `multi_view.decode_crops`.
        batch_size: views a batch, at least 1; the last one may be smaller.
        first_clip: clip to begin with, 0-based.
    Returns:
        Data set of {"frames": uint8 [b, T, S, S, 3], "label": int32 [b], "clip": int64 [b]}, and
            the number of clips.
    Raises:
        InputError: no labelled clip, or a setting out of its range.
    """
    if num_crops not in multi_view.NUM_CROPS:
        raise InputError(
            f"--num_crops={num_crops} is neither 1 (centre) nor 3 (along the longer side)."
        )
    for name, value in (("num_clips", num_clips), ("batch_size", batch_size)):
        if value < 1:
            raise InputError(f"--{name}={value} must be at least 1.")
    if data.sampling not in SAMPLINGS:
        raise InputError(
            f"config: data.sampling={data.sampling!r} is none of {', '.join(SAMPLINGS)}."
        )
    preprocessing.check_sizes(data.short_side, data.crop_size)
    index = load_index(folder)
    require_usable_clips(
        folder, index, min_frames=1, min_classes=1, clips_a_class=1, what="the action task"
    )
    order, read = ActionOrder(index, seed=0, shuffle=False), clip_reader(folder, index)
    num_views = num_clips * num_crops

    def make(number: tf.Tensor) -> Element:
        clip = read(order(number)[0])
        return {
            "frames": multi_view.cut_views(
                clip["frames"], num_clips, num_crops, data, full_resolution
            ),
            "label": tf.repeat(clip["label"], num_views),
            "clip": tf.repeat(number, num_views),
        }

    views = parallel_map(tf.data.Dataset.range(first_clip, order.units_a_pass), make)
    return views.rebatch(batch_size).prefetch(2), order.units_a_pass


def boundary_batches(config, seed: int, num_quads_a_batch: int) -> tuple[tf.data.Dataset, int]:
    """The samples on which training evaluates the boundary task: the quads of
    `data.validation_dir`.

    With the run's own seed they are the very same. Configs that differ in `boundary.transition`
    alone give the same clips, cuts and speeds.

    Returns:
        Data set of the boundary elements of `pipelines.dataset_for`, and the number of samples.
    Raises:
        InputError: as `pipelines.dataset_for`.
    """
    units = boundary_units(config, "validation", seed)
    batches = numbered_batches(units, num_quads_a_batch * units.samples, Share())
    return batches.map(lambda _, rows: rows).prefetch(2), units.count * units.samples
