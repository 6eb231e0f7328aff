"""Between the transformer and the predictors: each level normalised, or mixed with coarser ones."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from bsp_tf.localization.heads.actionformer.layers import ChannelNorm, Conv, DepthwiseConv


class Norms(keras.layers.Layer):
    """Normalises each level: [(float32 [B, T_l, C], inside)] -> the same."""

    def __init__(self, width: int, num_levels: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.width, self.num_levels = width, num_levels
        for level in range(num_levels):
            setattr(self, f"norm_{level}", ChannelNorm(name=f"norm_{level}"))

    def build(self, input_shape: tuple) -> None:
        for level in range(self.num_levels):
            getattr(self, f"norm_{level}").build((None, None, self.width))
        self.built = True

    def call(self, levels: Sequence[tuple[tf.Tensor, tf.Tensor]]) -> list:
        return [
            (getattr(self, f"norm_{level}")(values), inside)
            for level, (values, inside) in enumerate(levels)
        ]

    def get_config(self) -> dict:
        return super().get_config() | {"width": self.width, "num_levels": self.num_levels}


class FeaturePyramid(Norms):
    """A feature pyramid network: coarser levels are added to finer ones, which are normalised."""

    def __init__(self, width: int, num_levels: int, **kwargs) -> None:
        super().__init__(width, num_levels, **kwargs)
        for level in range(num_levels):
            setattr(self, f"lateral_{level}", Conv(width, 1, name=f"lateral_{level}"))
            setattr(self, f"smooth_{level}", DepthwiseConv(name=f"smooth_{level}"))

    def build(self, input_shape: tuple) -> None:
        for level in range(self.num_levels):
            getattr(self, f"lateral_{level}").build(input_shape)
            getattr(self, f"smooth_{level}").build((None, None, self.width))
        super().build(input_shape)

    def call(self, levels: Sequence[tuple[tf.Tensor, tf.Tensor]]) -> list:
        mixed, above = [], None
        for level in reversed(range(self.num_levels)):
            values, inside = levels[level]
            values = getattr(self, f"lateral_{level}")(values) * inside
            if above is not None:
                values += tf.repeat(above, 2, axis=1)[:, : values.shape[1]]
            above = values
            mixed.append((getattr(self, f"smooth_{level}")(values) * inside, inside))
        return super().call(mixed[::-1])


# Value of config.neck -> the layer.
NECKS: dict[str, type[Norms]] = {"identity": Norms, "fpn": FeaturePyramid}
