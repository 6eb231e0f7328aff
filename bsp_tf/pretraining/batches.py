"""Batches of a data set, one after the other; what is wrong with the records is said by name."""

from collections.abc import Iterator

import tensorflow as tf

from bsp_tf.records.damage import damage_error


def read_batches(
    iterator: Iterator[dict[str, tf.Tensor]], record_folder: str
) -> Iterator[dict[str, tf.Tensor]]:
    """The elements of `iterator`, which reads the records of `record_folder`.

    Raises:
        InputError: a record cannot be read; the message names its shard.
    """
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            return
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
            raise damage_error(record_folder, error) from error
        yield batch
