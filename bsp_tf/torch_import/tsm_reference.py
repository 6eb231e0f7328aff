"""TSM once more, in plain PyTorch straight from the names in a file: what an imported model is
compared with.

It shares nothing with the TensorFlow model but the method (Lin, Gan and Han, ICCV 2019) and
torchvision's ResNet.
"""

from collections.abc import Mapping

import numpy as np

from bsp_tf.torch_import.files import import_torch
from bsp_tf.torch_import.tsm_names import plain_name


def tsm_outputs(
    state: Mapping[str, np.ndarray], frames: np.ndarray, shift_div: int
) -> dict[str, np.ndarray]:
    """Features and logits of one clip.

    Args:
        state: PyTorch name -> array in PyTorch layout, of a TSM or a torchvision ResNet.
        frames: float32 [T, H, W, 3], normalised RGB.
        shift_div: 1 / shift_div of the channels moves in each direction of time.

    Returns:
        {"features": float32 [C], "logits": float32 [K]}, means over T.

    Raises:
        InputError: PyTorch is missing.
    """
    torch = import_torch()
    functional = torch.nn.functional
    weights = {plain_name(name): torch.as_tensor(np.array(array)) for name, array in state.items()}

    def conv(x, name, stride=1):
        kernel = weights[f"{name}.weight"]
        return functional.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    def norm(x, name):
        return functional.batch_norm(
            x,
            *(
                weights[f"{name}.{part}"]
                for part in ("running_mean", "running_var", "weight", "bias")
            ),
            eps=1e-5,
        )

    def shift(x):
        fold = x.shape[1] // shift_div
        moved = x.clone()
        moved[:, : 2 * fold] = 0
        moved[:-1, :fold] = x[1:, :fold]
        moved[1:, fold : 2 * fold] = x[:-1, fold : 2 * fold]
        return moved

    def block(x, name, stride):
        bottleneck = f"{name}.conv3.weight" in weights
        # torchvision (v1.5): the stride is on the 3x3 convolution, which is the first of a basic
        # block.
        strides = (1, stride, 1) if bottleneck else (stride, 1)
        y = shift(x)
        for number, step in enumerate(strides, start=1):
            y = norm(conv(y, f"{name}.conv{number}", step), f"{name}.bn{number}")
            y = y.relu() if number < len(strides) else y
        if f"{name}.downsample.0.weight" in weights:
            x = norm(conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
        return (x + y).relu()

    with torch.inference_mode():
        x = torch.as_tensor(frames).permute(0, 3, 1, 2)
        x = functional.max_pool2d(norm(conv(x, "conv1", 2), "bn1").relu(), 3, stride=2, padding=1)
        for stage in range(1, 5):
            number = 0
            while f"layer{stage}.{number}.conv1.weight" in weights:
                x = block(x, f"layer{stage}.{number}", 2 if stage > 1 and number == 0 else 1)
                number += 1
        pooled = x.mean((2, 3))
        logits = functional.linear(pooled, weights["fc.weight"], weights["fc.bias"])
        return {"features": pooled.mean(0).numpy(), "logits": logits.mean(0).numpy()}
