"""Weights of the reference G-TAD (branch anet) by PyTorch names -> GTAD. NumPy only."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bsp_tf.torch_import.placing import Place, place_arrays

if TYPE_CHECKING:
    from bsp_tf.localization.heads.gtad.network import GTAD


def load_torch_state(model: "GTAD", state: Mapping[str, np.ndarray]) -> None:
    """Sets all weights of `model` from a state_dict of the reference.

    Args:
        model: GTAD of the same sizes; it is built if it was not.
        state: Parameter name (with or without the prefix "module.") -> array in PyTorch layout.

    Raises:
        InputError: a name is missing or unknown, or a shape does not fit; nothing is changed then.
    """
    if not model.built:
        model.build()
    place_arrays("G-TAD", _plan(model), state)


def _plan(model: "GTAD") -> dict[str, Place]:
    """PyTorch name -> its place."""
    plan: dict[str, Place] = {}
    blocks = {
        "backbone1.2": model.base_block,
        "backbone2.0": model.graph_block,
        "regu_s.0": model.start_block,
        "regu_e.0": model.end_block,
    }
    _add_conv(plan, "backbone1.0", model.stem, trailing=1)
    for prefix, block in blocks.items():
        for i, layer in (0, block.temporal_in), (2, block.temporal_groups), (4, block.temporal_out):
            _add_conv(plan, f"{prefix}.tconvs.{i}", layer, trailing=1)
        inputs, outputs = block.semantic_in.kernel.shape
        plan[f"{prefix}.sconvs.0.weight"] = Place(
            (outputs, inputs, 1, 1),
            block.semantic_in.kernel,
            lambda w: w[..., 0, 0].T,
        )
        plan[f"{prefix}.sconvs.0.bias"] = Place((outputs,), block.semantic_in.bias, np.asarray)
        for i, layer in (2, block.semantic_groups), (4, block.semantic_out):
            _add_conv(plan, f"{prefix}.sconvs.{i}", layer, trailing=2)
    _add_conv(plan, "regu_s.1", model.start_score, trailing=1)
    _add_conv(plan, "regu_e.1", model.end_score, trailing=1)
    bins, channels, outputs = model.align.kernel.shape
    # Torch's input channel is c * bins + bin.
    plan["localization.0.weight"] = Place(
        (outputs, channels * bins, 1, 1),
        model.align.kernel,
        lambda w: w.reshape(outputs, channels, bins).transpose(2, 1, 0),
    )
    plan["localization.0.bias"] = Place((outputs,), model.align.bias, np.asarray)
    for i, layer in enumerate((*model.map_convs(), model.map_score)):
        name = f"localization.{2 * i + 2}"
        if len(layer.kernel.shape) == 3:
            _add_conv(plan, name, layer, trailing=2)
        else:
            shape = tuple(layer.kernel.shape[axis] for axis in (3, 2, 0, 1))
            plan[f"{name}.weight"] = Place(shape, layer.kernel, lambda w: w.transpose(2, 3, 1, 0))
            plan[f"{name}.bias"] = Place(shape[:1], layer.bias, np.asarray)
    return plan


def _add_conv(plan: dict[str, Place], name: str, layer, trailing: int) -> None:
    """`trailing`: kernel axes of the torch convolution, 1 (of any size) or 2 (both of size 1)."""
    groups, fan_in, per_group = layer.kernel.shape
    width, size = fan_in // layer.kernel_size, layer.kernel_size

    def convert(weight: np.ndarray) -> np.ndarray:
        weight = weight.reshape(groups, per_group, width, size)
        return weight.transpose(0, 3, 2, 1).reshape(groups, fan_in, per_group)

    shape = (layer.filters, width, size) if trailing == 1 else (layer.filters, width, 1, 1)
    plan[f"{name}.weight"] = Place(shape, layer.kernel, convert)
    plan[f"{name}.bias"] = Place((layer.filters,), layer.bias, np.asarray)
