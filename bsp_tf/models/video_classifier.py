"""A small network that names the classes of a whole video from its snippet features."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bsp_tf.base.stack import fresh_seed
from bsp_tf.models.seeded_dropout import SeededDropout

SMALLEST_SPREAD = 1e-6


class VideoClassifier(keras.Model):
    """Attention pooling: each class looks at those steps of a video where it may show.

    Every step gives evidence for each class, and a weight for each class; the weights of a class
    are a softmax over the steps. So a short action counts in a long video, and two classes of one
    video can be seen at different times.
    """

    def __init__(
        self,
        num_classes: int,
        mean: np.ndarray,
        deviation: np.ndarray,
        hidden_width: int = 64,
        attention_width: int = 32,
        dropout: float = 0.5,
        **kwargs: Any,
    ) -> None:
        """The network, not built.

        Args:
            num_classes: K.
            mean, deviation: Float [C], of each channel in the training videos; a channel that
                hardly varies is only centred.
            hidden_width, attention_width: Of the hidden layers.
            dropout: Share of the hidden channels left out in training.
        """
        super().__init__(**kwargs)
        flat = deviation <= SMALLEST_SPREAD * np.maximum(np.abs(mean), SMALLEST_SPREAD)
        self.mean = tf.constant(mean, tf.float32)
        self.deviation = tf.constant(np.where(flat, 1, deviation), tf.float32)
        self.hidden = _dense(hidden_width, "relu", name="hidden")
        self.dropout = SeededDropout(dropout, name="dropout")
        self.attention_hidden = _dense(attention_width, "tanh", name="attention_hidden")
        self.attention = _dense(num_classes, name="attention")
        self.evidence = _dense(num_classes, name="evidence")

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """float32 [B, S, C] -> logits float32 [B, K]."""
        hidden = self.hidden((features - self.mean) / self.deviation)
        hidden = self.dropout(hidden, training=training)
        weights = tf.nn.softmax(self.attention(self.attention_hidden(hidden)), axis=1)
        return tf.reduce_sum(weights * self.evidence(hidden), axis=1)


def _dense(width: int, activation: str | None = None, **kwargs: Any) -> keras.layers.Dense:
    kernel = keras.initializers.GlorotUniform(seed=fresh_seed())
    return keras.layers.Dense(width, activation, kernel_initializer=kernel, **kwargs)
