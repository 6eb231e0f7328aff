"""Batches of a data set, one after the other; damaged files are named."""

from collections.abc import Iterator

import tensorflow as tf

from bsp_tf.clips.source import source_type


def read_batches(
    iterator: Iterator[dict[str, tf.Tensor]], clips: str
) -> Iterator[dict[str, tf.Tensor]]:
    """The elements of `iterator`, which reads the clips of the folder `clips`.

    Raises:
        InputError: a clip cannot be read; the message names its file.
    """
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            return
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
            raise source_type(clips).damage_error(clips, error) from error
        yield batch
