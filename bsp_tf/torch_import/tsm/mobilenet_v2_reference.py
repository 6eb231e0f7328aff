"""MobileNetV2 with shifts once more, in plain PyTorch: what an imported one is compared with.

It takes the layers of a block in the order of their numbers, whichever way they are nested, and
shares nothing with the TensorFlow model but the method.
"""

import re
from typing import Any

from bsp_tf.torch_import.tsm.reference import PlainLayers

# Of the 17 blocks, those that halve height and width (Sandler et al., CVPR 2018, table 2).
HALVING = (2, 4, 7, 14)


def mobilenet_v2_maps(plain: PlainLayers, frames: Any) -> Any:
    """Last feature maps.

    Args:
        plain: Layers by name, with the weights of a TSM or of torchvision's MobileNetV2.
        frames: Tensor [T, 3, H, W].

    Returns:
        Tensor [T, C, h, w].
    """
    relu6 = plain.functional.relu6
    x = relu6(plain.norm(plain.conv(frames, "features.0.0", 2), "features.0.1"))
    for number in range(1, 18):
        x = _block(plain, x, f"features.{number}.", 2 if number in HALVING else 1)
    return relu6(plain.norm(plain.conv(x, "features.18.0"), "features.18.1"))


def _block(plain: PlainLayers, x: Any, prefix: str, stride: int) -> Any:
    names = {name.rpartition(".")[0] for name in plain.weights if name.startswith(prefix)}
    layers = sorted(names, key=lambda name: [int(part) for part in re.findall(r"\d+", name)])
    convs = [name for name in layers if plain.weights[f"{name}.weight"].ndim == 4]
    norms = [name for name in layers if name not in convs]
    depthwise = len(convs) - 2
    channels = plain.weights[f"{convs[-1]}.weight"].shape[0]
    has_sum = stride == 1 and channels == x.shape[1]
    y = plain.shift(x) if has_sum and len(convs) == 3 else x
    for position, (conv, norm) in enumerate(zip(convs, norms, strict=True)):
        is_depthwise = position == depthwise
        y = plain.norm(plain.conv(y, conv, stride if is_depthwise else 1, is_depthwise), norm)
        y = plain.functional.relu6(y) if position < len(convs) - 1 else y
    return x + y if has_sum else y
