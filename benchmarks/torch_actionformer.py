"""ActionFormer's training step and forward pass in plain PyTorch, as in its authors' code.

The network is that of bsp_tf.torch_import, with an attention that compares each block of positions
with its neighbours only, as theirs does. Drop path, which costs next to nothing, is left out.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from bsp_tf.torch_import.actionformer.reference import direct_attention, torch_forward

ALPHA, GAMMA, AVERAGE, TINY = 0.25, 2, 0.999, 1e-8


def weight_shapes(
    feature_dim: int, num_classes: int, config: Mapping[str, Any]
) -> dict[str, tuple]:
    """Name -> shape of all weights of a network with the neck "identity"."""
    width, levels = config["width"], len(config["attention_windows"])
    shapes: dict[str, tuple] = {}

    def conv(name: str, filters: int, channels: int, size: int, bias: bool) -> None:
        shapes[f"{name}.weight"] = (filters, channels, size)
        if bias:
            shapes[f"{name}.bias"] = (filters,)

    def norm(name: str) -> None:
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (1, width, 1)

    for number in range(config["embedding_convs"]):
        conv(f"backbone.embd.{number}.conv", width, width if number else feature_dim, 3, False)
        norm(f"backbone.embd_norm.{number}")
    stems = [f"stem.{number}" for number in range(config["stem_blocks"])]
    for part in [*stems, *(f"branch.{number}" for number in range(levels - 1))]:
        block = f"backbone.{part}"
        norm(f"{block}.ln1"), norm(f"{block}.ln2")
        for kind in ("query", "key", "value"):
            conv(f"{block}.attn.{kind}_conv.conv", width, 1, 3, False)
            norm(f"{block}.attn.{kind}_norm")
            conv(f"{block}.attn.{kind}", width, width, 1, True)
        conv(f"{block}.attn.proj", width, width, 1, True)
        conv(f"{block}.mlp.0", 4 * width, width, 1, True)
        conv(f"{block}.mlp.3", width, 4 * width, 1, True)
        for kind in ("attn", "mlp"):
            shapes[f"{block}.drop_path_{kind}.scale"] = (1, width, 1)
    for level in range(levels):
        norm(f"neck.fpn_norms.{level}")
        shapes[f"reg_head.scale.{level}.scale"] = ()
    for head, last, outputs in (
        ("cls_head", "cls_head", num_classes),
        ("reg_head", "offset_head", 2),
    ):
        for number in range(2):
            conv(f"{head}.head.{number}.conv", width, width, 3, False)
            norm(f"{head}.norm.{number}")
        conv(f"{head}.{last}.conv", outputs, width, 3, True)
    return shapes


def draw_weights(shapes: Mapping[str, tuple]) -> dict[str, torch.Tensor]:
    """Random weights that can be trained."""
    made = {}
    for name, shape in shapes.items():
        bound = 1 / math.sqrt(math.prod(shape[1:]) or 1)
        made[name] = torch.empty(shape).uniform_(-bound, bound).requires_grad_()
    return made


def block_attention(query: Any, key: Any, value: Any, inside: Any, window: int) -> torch.Tensor:
    """Each block of positions sees itself and what lies within `window // 2` of it."""
    reach, length = window // 2, query.shape[2]
    size = max(32, 2 * reach)
    count = math.ceil(length / size)
    after = count * size - length
    if not 0 < reach < length - 1:
        return direct_attention(query, key, value, inside, window)
    pad = torch.nn.functional.pad

    def reached(values: Any) -> Any:
        """[B, heads, T, C] -> [B, heads, blocks, C, size + 2 reach]."""
        return pad(values, (0, 0, reach, after + reach)).unfold(2, size + 2 * reach, size)

    blocks = pad(query, (0, 0, 0, after)).unflatten(2, (count, size))
    place, seen_place = torch.arange(size)[:, None], torch.arange(size + 2 * reach) - reach
    seen = (seen_place - place).abs() <= reach
    seen = seen & (reached(inside[:, :, :, None]).squeeze(3)[:, :, :, None] > 0)
    scores = (blocks @ reached(key)).masked_fill(~seen, -1e9)
    mixed = scores.softmax(4) @ reached(value).transpose(3, 4)
    return mixed.flatten(2, 3)[:, :, :length]


def losses(
    outputs: Mapping[str, Any], inside: Any, classes: Any, offsets: Any, count: float
) -> Any:
    """Focal loss of the classes and DIoU of the offsets, over `count` positives."""
    functional = torch.nn.functional
    logits = outputs["logits"][inside > 0]
    wanted = classes[inside > 0]
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    right = torch.where(wanted > 0, logits.sigmoid(), 1 - logits.sigmoid())
    alpha = torch.where(wanted > 0, ALPHA, 1 - ALPHA)
    positive = (inside > 0) & (classes.amax(2) > 0)
    found, target = outputs["offsets"][positive], offsets[positive]
    shared = torch.minimum(found, target).sum(1)
    hull = torch.maximum(found, target).sum(1).clamp(min=TINY)
    union = (found.sum(1) + target.sum(1) - shared).clamp(min=TINY)
    off = 0.5 * ((found[:, 1] - found[:, 0]) - (target[:, 1] - target[:, 0]))
    diou = 1 - shared / union + (off / hull).square()
    return ((alpha * entropy * (1 - right) ** GAMMA).sum() + diou.sum()) / count


def make_step(
    batch: Mapping[str, np.ndarray], num_classes: int, config: Mapping[str, Any], training: bool
) -> Callable[[], float]:
    """What is timed.

    Args:
        batch: features, inside, points_inside, classes, offsets.
        num_classes: K.
        config: Fields of the run.
        training: A whole training step; else the forward pass.
    """
    arrays = {name: torch.from_numpy(values) for name, values in batch.items()}
    features, inside = arrays["features"], arrays["inside"]
    weights = draw_weights(weight_shapes(features.shape[2], num_classes, config))
    averages = {name: weight.detach().clone() for name, weight in weights.items()}
    kernels = {name for name, weight in weights.items() if weight.ndim == 3 and weight.shape[0] > 1}
    optimizer = torch.optim.AdamW(
        [
            {"params": [weights[name] for name in kernels], "weight_decay": config["weight_decay"]},
            {"params": [weights[n] for n in weights.keys() - kernels], "weight_decay": 0.0},
        ],
        config["learning_rate"],
    )

    def forward() -> dict[str, torch.Tensor]:
        return torch_forward(weights, features, inside, config, block_attention)

    def train() -> float:
        optimizer.zero_grad()
        loss = losses(
            forward(),
            arrays["points_inside"],
            arrays["classes"],
            arrays["offsets"],
            config["first_normalizer"],
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), config["clip_norm"])
        optimizer.step()
        with torch.no_grad():
            for name, average in averages.items():
                average.mul_(AVERAGE).add_(weights[name], alpha=1 - AVERAGE)
        return loss.item()

    def infer() -> float:
        with torch.inference_mode():
            return float(sum(values.sum() for values in forward().values()))

    return train if training else infer
