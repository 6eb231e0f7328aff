"""AdamW with PyTorch's epsilon, as ActionFormer was trained."""

import keras
import tensorflow as tf

from bsp_tf.base.stack import adam_moments

EPSILON = 1e-8


class TorchAdamW(keras.optimizers.AdamW):
    """AdamW that adds epsilon to the corrected second moment, as PyTorch does.

    Keras adds it to the uncorrected one, which is 30 times smaller in the first steps: small
    gradients would make smaller steps there. Its step is also made of many small operations, which
    take seconds to trace for some hundred variables; TensorFlow has one for all of them.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor | None = None
    ) -> None:
        """Adam's step of one variable, after its decay; Keras 2 hands over no learning rate."""
        step = tf.cast(self.iterations, tf.float32) + 1
        powers = {name: tf.pow(getattr(self, name), step) for name in ("beta_1", "beta_2")}
        first, second = adam_moments(self, variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=first.handle,
            v=second.handle,
            beta1_power=powers["beta_1"],
            beta2_power=powers["beta_2"],
            lr=tf.cast(self.learning_rate if learning_rate is None else learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=EPSILON * tf.sqrt(1 - powers["beta_2"]),
            grad=gradient,
        )
