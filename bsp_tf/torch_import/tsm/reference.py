"""TSM once more, in plain PyTorch by the names in a file: what an import is compared with."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bsp_tf.torch_import.files import import_torch
from bsp_tf.torch_import.tsm.names import plain_name


@dataclasses.dataclass(frozen=True)
class PlainLayers:
    """PyTorch's functions, with the arrays of a file.

    Attributes:
        weights: Plain name -> tensor.
        functional: torch.nn.functional.
        shift_div: 1 / shift_div of the channels moves in each direction of time.
    """

    weights: Mapping[str, Any]
    functional: Any
    shift_div: int

    def conv(self, x: Any, name: str, stride: int = 1, depthwise: bool = False) -> Any:
        """The convolution `name`, padded by half its size: [T, C, H, W] -> [T, C', h, w]."""
        kernel = self.weights[f"{name}.weight"]
        groups = x.shape[1] if depthwise else 1
        padding = kernel.shape[-1] // 2
        return self.functional.conv2d(x, kernel, stride=stride, padding=padding, groups=groups)

    def norm(self, x: Any, name: str) -> Any:
        """The BatchNorm `name`, by its running statistics."""
        parts = ("running_mean", "running_var", "weight", "bias")
        arrays = (self.weights[f"{name}.{part}"] for part in parts)
        return self.functional.batch_norm(x, *arrays, eps=1e-5)

    def shift(self, x: Any) -> Any:
        """The temporal shift of one clip [T, C, H, W]."""
        fold = x.shape[1] // self.shift_div
        moved = x.clone()
        moved[:, : 2 * fold] = 0
        moved[:-1, :fold] = x[1:, :fold]
        moved[1:, fold : 2 * fold] = x[:-1, fold : 2 * fold]
        return moved


def tsm_outputs(
    maps: Callable[[PlainLayers, Any], Any],
    state: Mapping[str, np.ndarray],
    frames: np.ndarray,
    shift_div: int,
) -> dict[str, np.ndarray]:
    """Features and logits of one clip.

    Args:
        maps: The backbone, from the frames to its last feature maps.
        state: PyTorch name -> array in PyTorch layout.
        frames: float32 [T, H, W, 3], normalised RGB.
        shift_div: See PlainLayers.

    Returns:
        {"features": float32 [C], "logits": float32 [K]}, means over T; no logits where the file
        has no classifier.

    Raises:
        InputError: PyTorch is missing.
    """
    torch = import_torch()
    functional = torch.nn.functional
    weights = {plain_name(name): torch.as_tensor(np.array(array)) for name, array in state.items()}
    with torch.inference_mode():
        x = torch.as_tensor(frames).permute(0, 3, 1, 2)
        pooled = maps(PlainLayers(weights, functional, shift_div), x).mean((2, 3))
        outputs = {"features": pooled.mean(0).numpy()}
        if "fc.weight" in weights:
            logits = functional.linear(pooled, weights["fc.weight"], weights["fc.bias"])
            outputs["logits"] = logits.mean(0).numpy()
        return outputs
