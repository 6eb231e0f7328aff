"""How PyTorch's convolutions and linear layers start: the references of all heads begin so."""

import math

import keras

from bsp_tf.base.stack import fresh_seed


def torch_uniform(fan_in: int) -> keras.initializers.Initializer:
    """PyTorch's default start of convolutions and linear layers: uniform in +-1 / sqrt(fan_in)."""
    return torch_uniform_pair(fan_in)[0]


def torch_uniform_pair(
    fan_in: int,
) -> tuple[keras.initializers.Initializer, keras.initializers.Initializer]:
    """The same for a kernel and its bias: two objects of one seed, since one may be used once."""
    bound, seed = 1 / math.sqrt(fan_in), fresh_seed()
    for_kernel, for_bias = (
        keras.initializers.RandomUniform(-bound, bound, seed=seed) for _ in range(2)
    )
    return for_kernel, for_bias
