"""ResNet with shifts once more, in plain PyTorch: what an imported one is compared with.

It shares nothing with the TensorFlow model but the method (Lin, Gan and Han, ICCV 2019) and
torchvision's ResNet.
"""

from typing import Any

from bsp_tf.torch_import.tsm.reference import PlainLayers


def resnet_maps(plain: PlainLayers, frames: Any) -> Any:
    """Last feature maps.

    Args:
        plain: Layers by name, with the weights of a TSM or a torchvision ResNet.
        frames: Tensor [T, 3, H, W].

    Returns:
        Tensor [T, C, h, w].
    """
    # TSM shifts every second block of networks with as many blocks as ResNet-101's third stage.
    shift_every = 2 if "layer3.22.conv1.weight" in plain.weights else 1
    x = plain.norm(plain.conv(frames, "conv1", 2), "bn1").relu()
    x = plain.functional.max_pool2d(x, 3, stride=2, padding=1)
    for stage in range(1, 5):
        number = 0
        while f"layer{stage}.{number}.conv1.weight" in plain.weights:
            stride = 2 if stage > 1 and number == 0 else 1
            x = _block(plain, x, f"layer{stage}.{number}", stride, number % shift_every == 0)
            number += 1
    return x


def _block(plain: PlainLayers, x: Any, name: str, stride: int, shifted: bool) -> Any:
    bottleneck = f"{name}.conv3.weight" in plain.weights
    # torchvision (v1.5): the stride is on the 3x3 convolution, which is the first of a basic block.
    strides = (1, stride, 1) if bottleneck else (stride, 1)
    y = plain.shift(x) if shifted else x
    for number, step in enumerate(strides, start=1):
        y = plain.norm(plain.conv(y, f"{name}.conv{number}", step), f"{name}.bn{number}")
        y = y.relu() if number < len(strides) else y
    if f"{name}.downsample.0.weight" in plain.weights:
        x = plain.norm(plain.conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
    return (x + y).relu()
