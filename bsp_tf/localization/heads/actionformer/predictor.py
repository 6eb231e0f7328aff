"""What the points of a level say: scores of the classes, or distances to start and end."""

import keras
import tensorflow as tf

from bsp_tf.localization.heads.actionformer.layers import ChannelNorm, Conv


class Predictor(keras.layers.Layer):
    """Two hidden convolutions and one to `outputs` channels; the same one serves all levels.

    Args:
        width: C, of the hidden ones too.
        outputs: Channels that come out.
        first: What all outputs start around.

    Call: float32 [B, T, C], `inside` float32 [B, T, 1] -> float32 [B, T, outputs], zeros outside.
    """

    def __init__(self, width: int, outputs: int, first: float, **kwargs) -> None:
        super().__init__(**kwargs)
        self.width, self.outputs, self.first = width, outputs, first
        self.conv_0, self.conv_1 = Conv(width, name="conv_0"), Conv(width, name="conv_1")
        self.norm_0, self.norm_1 = ChannelNorm(name="norm_0"), ChannelNorm(name="norm_1")
        self.last = Conv(outputs, bias=first, name="last")

    def build(self, input_shape: tuple) -> None:
        for layer in (self.conv_0, self.norm_0, self.conv_1, self.norm_1, self.last):
            layer.build((None, None, self.width))
        self.built = True

    def call(self, values: tf.Tensor, inside: tf.Tensor) -> tf.Tensor:
        for conv, norm in ((self.conv_0, self.norm_0), (self.conv_1, self.norm_1)):
            values = tf.nn.relu(norm(conv(values) * inside))
        return self.last(values) * inside

    def get_config(self) -> dict:
        sizes = {"width": self.width, "outputs": self.outputs, "first": self.first}
        return super().get_config() | sizes
