"""Mixed precision: the dtype policy of the model, and the loss scale that float16 needs."""

import tensorflow as tf

from bsp_tf.base.errors import InputError

# Keras' policies; weights, BatchNorm statistics, the classifier and the loss are always float32.
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def dtype_policy(precision: str) -> str:
    """Name of the Keras policy of `config.train.precision`.

    Raises:
        InputError: unknown precision.
    """
    if precision not in POLICIES:
        raise InputError(f"train.precision is {precision!r}: choose one of {', '.join(POLICIES)}.")
    return POLICIES[precision]


class LossScale(tf.Module):
    """Dynamic loss scale.

    float16 flushes gradients below 6e-8 to zero, so the loss is multiplied before the backward pass
    and the gradients are divided after it.

    The scale is halved when a gradient overflows (that step changes no weight) and doubled after
    `growth_steps` good steps. Source: Micikevicius et al., "Mixed Precision Training", ICLR 2018,
    section 3.2; the constants are those of torch.amp.GradScaler and
    keras.optimizers.LossScaleOptimizer but for the start, which torch sets to 2^16.

    Attributes:
        scale: float32 [], a power of two.
    """

    initial, growth_steps, largest = 2.0**15, 2000, 2.0**24

    def __init__(self):
        """Starts with `initial`."""
        super().__init__(name="loss_scale")
        self.scale = tf.Variable(self.initial, trainable=False)
        self.good_steps = tf.Variable(0, dtype=tf.int64, trainable=False)

    def update(self, finite: tf.Tensor) -> None:
        """Notes whether the gradients of a step were finite, bool []."""
        good = self.good_steps + 1
        grows = finite & (good >= self.growth_steps)
        grown = tf.where(grows, tf.minimum(2.0 * self.scale, self.largest), self.scale)
        self.good_steps.assign(tf.where(finite & ~grows, good, 0))
        self.scale.assign(tf.where(finite, grown, 0.5 * self.scale))
