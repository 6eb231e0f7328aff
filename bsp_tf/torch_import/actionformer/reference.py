"""ActionFormer in plain PyTorch, by the names in a file: what an import is compared with.

The direct form of the paper (Zhang et al., arXiv 2202.07925): every position is compared with every
other, and those outside of its window are hidden.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bsp_tf.torch_import.files import import_torch

NORM_EPSILON = 1e-5
LONGEST_WAVE = 10_000.0
# A score whose weight is 0, and of which softmax makes no NaN where all are hidden.
HIDDEN = -1e9
# query, key, value [B, heads, T, C / heads], inside [B, 1, T], window -> [B, heads, T, C / heads]
Attend = Callable[[Any, Any, Any, Any, int], Any]


def actionformer_outputs(
    state: Mapping[str, np.ndarray],
    features: np.ndarray,
    inside: np.ndarray,
    config: Mapping[str, Any],
) -> dict[str, np.ndarray]:
    """What the points of some videos say, as `ActionFormer` puts it out.

    Args:
        state: PyTorch name (without "module.") -> array in PyTorch layout.
        features: float32 [B, T, C], T up to num_segments; zeros after the end of a video.
        inside: float32 [B, T]: 1 up to there, then 0.
        config: See `torch_forward`.

    Returns:
        {"logits": float32 [B, P, K], "offsets": float32 [B, P, 2]}.

    Raises:
        InputError: PyTorch is missing.
    """
    torch = import_torch()
    weights = {name: torch.as_tensor(np.array(array)) for name, array in state.items()}
    with torch.inference_mode():
        found = torch_forward(weights, torch.as_tensor(features), torch.as_tensor(inside), config)
    return {name: values.numpy() for name, values in found.items()}


def direct_attention(query: Any, key: Any, value: Any, inside: Any, window: int) -> Any:
    """All positions of a window see each other; see `Attend`."""
    torch = import_torch()
    seen = inside[:, None] > 0
    if window > 1:
        position = torch.arange(query.shape[2])
        seen = seen & ((position[:, None] - position).abs() <= window // 2)
    scores = (query @ key.transpose(2, 3)).masked_fill(~seen, HIDDEN)
    return scores.softmax(3) @ value


def torch_forward(
    weights: Mapping[str, Any],
    features: Any,
    inside: Any,
    config: Mapping[str, Any],
    attend: Attend = direct_attention,
) -> dict[str, Any]:
    """The same with tensors, which may have gradients.

    Args:
        weights: PyTorch name -> tensor.
        features, inside: See `actionformer_outputs`.
        config: `num_heads`, `attention_windows`, `position_encoding` and `num_segments`; all else
            is in the names and shapes.
        attend: How the attention is computed.
    """
    torch = import_torch()
    functional = torch.nn.functional

    def conv(x, name, mask, stride=1):
        kernel, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
        padding, groups = kernel.shape[2] // 2, x.shape[1] // kernel.shape[1]
        return functional.conv1d(x, kernel, bias, stride, padding, 1, groups) * mask

    def norm(x, name):
        x = x - x.mean(1, keepdim=True)
        x = x / (x.square().mean(1, keepdim=True) + NORM_EPSILON).sqrt()
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def scaled(x, name):
        return x * weights[f"{name}.scale"] if f"{name}.scale" in weights else x

    def attention(x, name, mask, stride, window):
        def heads(part):
            seen = norm(conv(x, f"{name}.{part}_conv.conv", mask, stride), f"{name}.{part}_norm")
            seen = conv(seen, f"{name}.{part}", 1.0)
            return seen.unflatten(1, (config["num_heads"], -1)).transpose(2, 3)

        query, key, value = heads("query"), heads("key"), heads("value")
        query = query / math.sqrt(query.shape[3])
        mixed = attend(query, key, value, mask, window).transpose(2, 3).flatten(1, 2)
        return conv(mixed, f"{name}.proj", mask)

    def block(x, name, mask, stride, window):
        attended = attention(norm(x, f"{name}.ln1"), f"{name}.attn", mask, stride, window)
        if stride > 1:
            x = functional.max_pool1d(x, 3, stride, 1)
        x = x * mask + scaled(attended, f"{name}.drop_path_attn")
        hidden = functional.gelu(conv(norm(x, f"{name}.ln2"), f"{name}.mlp.0", 1.0))
        return x + scaled(conv(hidden, f"{name}.mlp.3", mask), f"{name}.drop_path_mlp")

    def predict(x, head, last, mask):
        for number in range(2):
            x = norm(conv(x, f"{head}.head.{number}.conv", mask), f"{head}.norm.{number}").relu()
        return conv(x, f"{head}.{last}.conv", mask)

    x, mask, number = features.transpose(1, 2), inside[:, None], 0
    while f"backbone.embd.{number}.conv.weight" in weights:
        x = conv(x, f"backbone.embd.{number}.conv", mask)
        x = norm(x, f"backbone.embd_norm.{number}").relu()
        number += 1
    if config["position_encoding"]:
        x = x + torch.as_tensor(_sines(x.shape[2], x.shape[1])) * mask
    levels, number, windows = [], 0, config["attention_windows"]
    while f"backbone.stem.{number}.ln1.weight" in weights:
        x = block(x, f"backbone.stem.{number}", mask, 1, windows[0])
        number += 1
    levels.append((x, mask))
    for number, window in enumerate(windows[1:]):
        mask = mask[:, :, ::2]
        x = block(x, f"backbone.branch.{number}", mask, 2, window)
        levels.append((x, mask))
    if "neck.lateral_convs.0.conv.weight" in weights:
        above: Any = 0.0
        mixed: list[tuple[Any, Any]] = []
        for number, (x, mask) in reversed(list(enumerate(levels))):
            above = conv(x, f"neck.lateral_convs.{number}.conv", mask) + above
            mixed.insert(0, (conv(above, f"neck.fpn_convs.{number}.conv", mask), mask))
            above = above.repeat_interleave(2, 2)
        levels = mixed
    logits, offsets = [], []
    for number, (x, mask) in enumerate(levels):
        x = norm(x, f"neck.fpn_norms.{number}")
        logits.append(predict(x, "cls_head", "cls_head", mask))
        distance = predict(x, "reg_head", "offset_head", mask)
        offsets.append((distance * weights[f"reg_head.scale.{number}.scale"]).relu())
    return {
        name: torch.cat(values, 2).transpose(1, 2)
        for name, values in (("logits", logits), ("offsets", offsets))
    }


def _sines(length: int, width: int) -> np.ndarray:
    """The position encoding, float32 [width, length]."""
    channels, places = np.arange(width)[:, np.newaxis], np.arange(length)
    angles = places / LONGEST_WAVE ** (2 * (channels // 2) / width)
    table = np.where(channels % 2, np.cos(angles), np.sin(angles)) / math.sqrt(width)
    return table.astype(np.float32)
