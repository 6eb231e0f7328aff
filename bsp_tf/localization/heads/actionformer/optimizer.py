"""AdamW with PyTorch's epsilon, as ActionFormer was trained."""

import keras
import tensorflow as tf

EPSILON = 1e-8


class TorchAdamW(keras.optimizers.AdamW):
    """AdamW that adds epsilon to the corrected second moment, as PyTorch does.

    Keras adds it to the uncorrected one, which is 30 times smaller in the first steps: small
    gradients would make smaller steps there.
    """

    @property
    def epsilon(self) -> tf.Tensor:
        """What the next step adds to the root of the uncorrected second moment, float32 []."""
        step = tf.cast(self.iterations, tf.float32) + 1
        return EPSILON * tf.sqrt(1 - tf.pow(self.beta_2, step))

    @epsilon.setter
    def epsilon(self, value: float) -> None:
        """Keras sets its default, which is not used."""
