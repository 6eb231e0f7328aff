"""Tables with a row per clip, for use inside graphs that do not hold them."""

import numpy as np
import tensorflow as tf


def captured(table: np.ndarray) -> tf.Tensor:
    """The table as a tensor that a graph takes as an input instead of holding its content.

    A constant in a function of a data set is copied with each copy of the graph, and no graph may
    have more than 2 GB. Make it once, before the function that uses it is traced.

    Args:
        table: numbers or strings, any shape.
    Returns:
        Eager tensor in the memory of the CPU, where input pipelines run; shape and dtype of
        `table`.
    """
    with tf.init_scope(), tf.device("/CPU:0"):
        return tf.convert_to_tensor(table)
