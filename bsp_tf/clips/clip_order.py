"""The endless order of clips as a function of the seed and of the place in it.

Nothing is shuffled in a buffer: `ActionOrder` and `QuadOrder` say which clips make the n-th unit (a
clip, a quad of clips) of a stream, by a pseudo-random permutation of each pass that is computed
point by point. So a stream starts anywhere at once, several workers share it without speaking to
each other, the order is shuffled over the whole folder, and its state is one number.

With `pipelines.py`, `view_batches.py`, `input_service.py` and the searches of `records/index.py`
and `records/damage.py` the only place that knows tf.data.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.clips.source import ClipIndex, ClipSource
from bsp_tf.records.tables import captured

# Streams of random numbers that must not meet.
CLIP_ORDER, PAIR_ORDER, OTHER_CLASS, SAMPLES = range(4)

KNOWN_NUMBERS = 256

Element = dict[str, tf.Tensor]


def stream_seed(seed: int | tf.Tensor, stream: int) -> tf.Tensor:
    """Seed, int64 [2], of one of the streams of random numbers named above."""
    return tf.stack([tf.cast(seed, tf.int64), tf.constant(stream, tf.int64)])


def fold_seed(seed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Seed, int64 [2], of place `number` (integer []) of the stream that has `seed`."""
    return tf.cast(tf.random.experimental.stateless_fold_in(seed, number), tf.int64)


def parallel_map(dataset: tf.data.Dataset, function: Callable) -> tf.data.Dataset:
    """Maps in parallel and keeps the order; `function` is traced as it is, without AutoGraph."""
    function = tf.autograph.experimental.do_not_convert(function)
    return dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def permuted(
    place: tf.Tensor, count: tf.Tensor | int, seed: tf.Tensor, number: tf.Tensor
) -> tf.Tensor:
    """Where permutation `number` of 0..count-1 sends `place`.

    Args:
        place: int64 [] or [n], in 0..count-1.
        count: int64 [].
        seed: int64 [2].
        number: int64 [], which of the permutations of this seed.
    Returns:
        int64, shape of `place`.
    """
    # The cipher takes about a byte of each word of its key, so that it knows 256 numbers; later
    # ones change the seed.
    number = tf.cast(number, tf.int64)
    later = fold_seed(seed, number // KNOWN_NUMBERS)
    key = tf.where(number < KNOWN_NUMBERS, fold_seed(seed, number), fold_seed(later, number))
    return tf.random.experimental.index_shuffle(place, key, tf.cast(count, tf.int64) - 1)


class ActionOrder:
    """Units of one clip: each pass shows every usable clip once."""

    def __init__(self, index: ClipIndex, seed: int, shuffle: bool):
        """Usable are labelled clips with a frame; without `shuffle` they keep the index's order."""
        self._clips = captured(np.flatnonzero((index.label >= 0) & (index.num_frames > 0)))
        self._seed, self._shuffle = seed, shuffle
        self.units_per_pass = len(self._clips)

    def __call__(self, number: tf.Tensor) -> tf.Tensor:
        """int64 [1]: the clip (row of the index) of unit `number` (int64 [])."""
        place, turn = number % self.units_per_pass, number // self.units_per_pass
        if self._shuffle:
            place = permuted(place, self.units_per_pass, stream_seed(self._seed, CLIP_ORDER), turn)
        return tf.gather(self._clips, [place])


class QuadOrder:
    """Units of four clips: two different ones of a class, two different ones of another.

    In each pass the clips of a class are paired anew (an odd one is left out) and the pairs are
    dealt out two by two. If two of one class meet, the second gives way to a pair drawn from the
    other classes.
    """

    def __init__(self, index: ClipIndex, seed: int, min_frames: int):
        """Usable are labelled clips of `min_frames` or more; two classes must have two of them."""
        usable = np.flatnonzero((index.label >= 0) & (index.num_frames >= min_frames))
        clips = usable[np.argsort(index.label[usable], kind="stable")]  # class by class
        classes, first, count = np.unique(index.label[clips], return_index=True, return_counts=True)
        pairs = count // 2
        pair_class = np.repeat(np.arange(len(classes)), pairs)  # the pairs, class by class
        self._clips, self._pair_class = captured(clips), captured(pair_class)
        self._first, self._count, self._first_pair, self._num_pairs = map(
            captured, (first, count, np.cumsum(pairs) - pairs, pairs)
        )
        self._seed = seed
        self.units_per_pass = len(pair_class) // 2

    def __call__(self, number: tf.Tensor) -> tf.Tensor:
        """int64 [4]: the clips (rows of the index) of quad `number` (int64 [])."""
        place, turn = number % self.units_per_pass, number // self.units_per_pass
        total, seed = self._pair_class.shape[0], stream_seed(self._seed, PAIR_ORDER)
        one, other = tf.unstack(permuted(2 * place + [0, 1], total, seed, turn))
        own = self._pair_class[one]
        # Behind the last pair of the class, and round to its first: every pair of another class,
        # equally often.
        behind = self._first_pair[own] + self._num_pairs[own]
        outside = total - self._num_pairs[own]
        fraction = tf.random.stateless_uniform(
            [], fold_seed(stream_seed(self._seed, OTHER_CLASS), number), dtype=tf.float64
        )
        drawn = (behind + tf.cast(fraction * tf.cast(outside, tf.float64), tf.int64)) % total
        other = tf.where(self._pair_class[other] == own, drawn, other)
        return tf.concat([self._pair(one, turn), self._pair(other, turn)], axis=0)

    def _pair(self, pair: tf.Tensor, turn: tf.Tensor) -> tf.Tensor:
        """int64 [2]: the clips of one pair in pass `turn`."""
        own = self._pair_class[pair]
        rank = 2 * (pair - self._first_pair[own])
        seed = fold_seed(stream_seed(self._seed, CLIP_ORDER), own)
        places = self._first[own] + permuted(rank + [0, 1], self._count[own], seed, turn)
        return tf.gather(self._clips, places)


def require_usable_clips(
    source: ClipSource,
    min_frames: int,
    min_classes: int,
    clips_per_class: int,
    what: str,
) -> None:
    """Checks that a source can serve a task.

    Args:
        source: the clips.
        min_frames: frames a usable clip has at least; it must also be labelled.
        min_classes: classes that must have `clips_per_class` usable clips or more.
        clips_per_class: see `min_classes`.
        what: the task's name in the error.
    Raises:
        InputError: not enough usable clips.
    """
    index = source.index
    labels = index.label[(index.label >= 0) & (index.num_frames >= min_frames)]
    counts = np.bincount(labels, minlength=len(source.labels))
    if (counts >= clips_per_class).sum() >= min_classes:
        return
    usable = {source.labels[label]: int(count) for label, count in enumerate(counts) if count}
    raise InputError(
        f"{source.path} cannot serve {what}: it needs {min_classes} class(es) with "
        f"{clips_per_class} or more labelled clips of at least {min_frames} frames. Of "
        f"{len(index.label)} clips the usable ones by class are {usable}. Add clips, or lower "
        "data.num_frames or boundary.strides."
    )
