"""The TSM that a PyTorch file was made with, from names and shapes alone."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.models.backbones import BACKBONES
from bsp_tf.torch_import.tsm.names import plain_name, without_wrappers

_HEAD = {"fc.weight": 2, "fc.bias": 1}


@dataclasses.dataclass(frozen=True)
class TSMSizes:
    """What a file says.

    Attributes:
        backbone: Name in BACKBONES.
        sizes: What that backbone takes.
        num_classes: Of the classifier; None: there is none.
        shifted: Whether the weights were trained with the temporal shift; torchvision's were not.
    """

    backbone: str
    sizes: dict[str, Any]
    num_classes: int | None
    shifted: bool


def find_backbone(state: Mapping[str, np.ndarray]) -> str | None:
    """Name in BACKBONES of the network whose weights these are; None: of no known one."""
    names = {plain_name(name) for name in state}
    for name, kind in BACKBONES.items():
        if kind.torch_marks and kind.torch_marks <= names:
            return name
    return None


def tsm_sizes(state: Mapping[str, np.ndarray], backbone: str) -> TSMSizes:
    """Sizes of the network whose weights these are.

    Args:
        state: PyTorch name -> array in PyTorch layout.
        backbone: From `find_backbone`.

    Raises:
        InputError: it is another network: other blocks, other input than RGB, another kind of
            shift.
    """
    kind = BACKBONES[backbone]
    plain = {plain_name(name): np.shape(array) for name, array in state.items()}
    names = kind.torch_names(plain)
    shapes = {names[name]: shape for name, shape in plain.items()}
    flat = [name for name in kind.torch_marks if len(shapes[name]) != 4]
    if flat:
        raise InputError(f"{flat[0]} has shape {shapes[flat[0]]}: it is no convolution.")
    head = {name: shapes[name] for name in _HEAD if name in shapes}
    if head and [len(head.get(name, ())) for name in _HEAD] != list(_HEAD.values()):
        raise InputError(f"it has no whole classifier, fc.weight and fc.bias, but {head}.")
    sizes = kind.torch_sizes(shapes)
    network = kind(**sizes, shift_div=2, shift="both", sync_batch_norm=False, dtype=None)
    return TSMSizes(
        backbone=backbone,
        sizes=sizes,
        num_classes=head["fc.weight"][0] if head else None,
        shifted=_is_shifted(state, set(network.shifts)),
    )


def _is_shifted(state: Mapping[str, np.ndarray], shifts: set[str]) -> bool:
    """Whether the convolutions `shifts` are wrapped by the shift (`.net`); False if nothing is."""
    wrapped = {without_wrappers(name).partition(".net")[0] for name in state if ".net." in name}
    if wrapped not in (set(), shifts):
        odd = sorted(wrapped - shifts)
        raise InputError(
            "these weights are of another temporal shift: it is to wrap the "
            f"{len(shifts)} convolutions {', '.join(sorted(shifts)[:3])}, ..., but "
            f"{len(wrapped & shifts)} of them and {len(odd)} others are wrapped "
            f"({', '.join((odd or sorted(wrapped))[:3])}). They would give other numbers here."
        )
    return bool(wrapped)
