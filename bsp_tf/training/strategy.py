"""One device or several: the strategy, and how a global batch is split over its replicas.

The input stays one plain tf.data iterator of *global* batches on the host, split here just before each step: a plain
iterator can be saved in a checkpoint (a distributed one cannot), so runs resume exactly under every strategy.
"""

import tensorflow as tf

from bsp_tf.base.errors import InputError

STRATEGIES = ("one_device", "mirrored")


def strategy_for(name: str) -> tf.distribute.Strategy:
    """The tf.distribute strategy called `name`.

    "one_device": TensorFlow's default placement (the first GPU, else the CPU). "mirrored": a copy of the model on
    every GPU, or on every logical CPU where there is no GPU.

    Raises:
        InputError: unknown name.
    """
    if name == "one_device":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    raise InputError(f"unknown strategy {name!r}: choose one of {', '.join(STRATEGIES)}.")


def check_batch_size(batch_size: int, strategy: tf.distribute.Strategy) -> None:
    """Checks that a global batch splits into equal parts.

    Raises:
        InputError: `batch_size` is not a positive multiple of the number of replicas.
    """
    replicas = strategy.num_replicas_in_sync
    if batch_size < 1 or batch_size % replicas:
        raise InputError(f"train.batch_size={batch_size} cannot be split over {replicas} replicas: use a multiple "
                         f"of {replicas}.")


def split_batch(strategy: tf.distribute.Strategy, batch: dict[str, tf.Tensor]) -> dict:
    """Splits a global batch over the replicas: replica r gets the r-th of equal consecutive parts.

    Args:
        strategy: The strategy whose `run` gets the result.
        batch: Tensors [B, ...] with B a multiple of the number of replicas.

    Returns:
        The same structure, tensors for one replica, PerReplica values of [B / replicas, ...] for several.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return batch
    parts = {key: tf.split(value, replicas) for key, value in batch.items()}
    return {
        key: strategy.experimental_distribute_values_from_function(
            lambda context, values=values: values[context.replica_id_in_sync_group])
        for key, values in parts.items()
    }
