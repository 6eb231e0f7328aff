"""Dropout that a run which was stopped goes on with as if it had not been."""

import random
from typing import Any

import keras
import tensorflow as tf

from bsp_tf.base.stack import FIRST_REPLICA
from bsp_tf.models.backbones.layers import Shape


class SeededDropout(keras.layers.Layer):
    """Dropout whose random state is a variable of the model, saved and restored with the weights.

    A run that continues from a checkpoint draws the masks that the uninterrupted run would have
    drawn (Keras' own layer keeps its state out of tf.train.Checkpoint). The first state follows
    keras.utils.set_random_seed.
    """

    def __init__(self, rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = rate

    def build(self, input_shape: Shape) -> None:
        """Makes `state`, int32 [2]: a seed and the number of calls so far."""
        super().build(input_shape)
        seed = random.randrange(2**31)
        self.state = self.add_weight(
            name="state",
            shape=(2,),
            dtype="int32",
            trainable=False,
            **FIRST_REPLICA,
            initializer=lambda shape, dtype: tf.constant([seed, 0], dtype),
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Any float tensor -> the same shape: zero with probability `rate`, else / (1 - rate)."""
        if not training or self.rate == 0:
            return inputs
        # A copy, so that reading it happens before the assignment below.
        seed = tf.identity(self.state)
        self.state.assign(seed + [0, 1])
        replica = tf.distribute.get_replica_context()
        if replica is not None and replica.num_replicas_in_sync > 1:
            seed = tf.random.experimental.stateless_fold_in(seed, replica.replica_id_in_sync_group)
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "rate": self.rate}
