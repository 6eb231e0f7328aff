"""Weights of the reference ActionFormer by PyTorch names -> ActionFormer. NumPy only."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bsp_tf.torch_import.placing import Place, place_arrays

if TYPE_CHECKING:
    from bsp_tf.localization.heads.actionformer.network import ActionFormer


def load_torch_state(model: "ActionFormer", state: Mapping[str, np.ndarray]) -> None:
    """Sets all weights of a built `model` from a state_dict of the reference.

    Raises:
        InputError: see `place_arrays`.
    """
    place_arrays("ActionFormer", torch_plan(model), state)


def torch_plan(model: "ActionFormer") -> dict[str, Place]:
    """PyTorch name -> its place in a built model."""
    plan: dict[str, Place] = {}
    for number, (conv, norm) in enumerate(model.embedding()):
        _add_conv(plan, f"backbone.embd.{number}.conv", conv)
        _add_norm(plan, f"backbone.embd_norm.{number}", norm)
    stems = model.sizes["stem_blocks"]
    for number, block in enumerate(model.blocks()):
        part = f"stem.{number}" if number < stems else f"branch.{number - stems}"
        _add_block(plan, f"backbone.{part}", block)
    for level in range(model.num_levels):
        if model.sizes["neck"] == "fpn":
            lateral, smooth = (
                getattr(model.neck, f"{kind}_{level}") for kind in ("lateral", "smooth")
            )
            _add_conv(plan, f"neck.lateral_convs.{level}.conv", lateral)
            _add_conv(plan, f"neck.fpn_convs.{level}.conv", smooth)
        _add_norm(plan, f"neck.fpn_norms.{level}", getattr(model.neck, f"norm_{level}"))
        scale = getattr(model, f"level_scale_{level}").scale
        plan[f"reg_head.scale.{level}.scale"] = _place(scale, ())
    for head, last, predictor in (
        ("cls_head", "cls_head", model.class_predictor),
        ("reg_head", "offset_head", model.offset_predictor),
    ):
        for number in range(2):
            _add_conv(plan, f"{head}.head.{number}.conv", getattr(predictor, f"conv_{number}"))
            _add_norm(plan, f"{head}.norm.{number}", getattr(predictor, f"norm_{number}"))
        _add_conv(plan, f"{head}.{last}.conv", predictor.last)
    return plan


def _add_block(plan: dict[str, Place], name: str, block: Any) -> None:
    _add_norm(plan, f"{name}.ln1", block.ln1)
    _add_norm(plan, f"{name}.ln2", block.ln2)
    for part in ("query", "key", "value"):
        _add_conv(plan, f"{name}.attn.{part}_conv.conv", getattr(block.attn, f"{part}_conv"))
        _add_norm(plan, f"{name}.attn.{part}_norm", getattr(block.attn, f"{part}_norm"))
        _add_conv(plan, f"{name}.attn.{part}", getattr(block.attn, part))
    _add_conv(plan, f"{name}.attn.proj", block.attn.proj)
    _add_conv(plan, f"{name}.mlp.0", block.mlp_in)
    _add_conv(plan, f"{name}.mlp.3", block.mlp_out)
    if block.scaled:
        for part, scale in (("attn", block.attn_scale), ("mlp", block.mlp_scale)):
            plan[f"{name}.drop_path_{part}.scale"] = _place(scale.scale, (1, block.width, 1))


def _add_conv(plan: dict[str, Place], name: str, layer: Any) -> None:
    *sizes, filters = layer.kernel.shape
    # A depthwise kernel is [taps, channels]; PyTorch's has one input channel for each.
    shape = (filters, 1, *sizes) if len(sizes) == 1 else (filters, *reversed(sizes))
    plan[f"{name}.weight"] = _place(layer.kernel, shape)
    if getattr(layer, "bias", None) is not None:
        plan[f"{name}.bias"] = _place(layer.bias, (filters,))


def _add_norm(plan: dict[str, Place], name: str, layer: Any) -> None:
    shape = (1, *layer.scale.shape, 1)
    plan[f"{name}.weight"] = _place(layer.scale, shape)
    plan[f"{name}.bias"] = _place(layer.bias, shape)


def _place(variable: Any, shape: tuple[int, ...]) -> Place:
    """Kernels have their axes in the opposite order; all else is a vector or a number."""
    ours = tuple(variable.shape)
    if len(ours) < 2:
        return Place(shape, variable, lambda values: values.reshape(ours))
    return Place(shape, variable, lambda values: values.transpose(2, 1, 0).reshape(ours))
