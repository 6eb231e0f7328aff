"""The TSM that a PyTorch file was made with, told by names and shapes alone."""

import dataclasses
import re
from collections.abc import Mapping

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.models.tsm import STAGES
from bsp_tf.torch_import.tsm_names import plain_name

_BLOCK = re.compile(r"layer([1-4])\.(\d+)\.conv1\.weight")
_NEEDED = {"conv1.weight": 4, "layer4.0.conv1.weight": 4, "fc.weight": 2}
_SHIFTED = re.compile(r"(?:^|\.)layer[1-4]\.\d+\.conv1\.net\.weight$")


@dataclasses.dataclass(frozen=True)
class TSMSizes:
    """What the file tells.

    Attributes:
        num_classes, depth, width: See TSM.
        shifted: Whether the weights were trained with the temporal shift; torchvision's were not.
    """

    num_classes: int
    depth: int
    width: float
    shifted: bool


def is_resnet(state: Mapping[str, np.ndarray]) -> bool:
    """Whether the names are those of a TSM or a torchvision ResNet."""
    names = {plain_name(name) for name in state}
    return {"conv1.weight", "layer1.0.conv1.weight"} <= names


def tsm_sizes(state: Mapping[str, np.ndarray]) -> TSMSizes:
    """Sizes of the network whose weights these are.

    Args:
        state: PyTorch name -> array in PyTorch layout; `is_resnet`.

    Raises:
        InputError: it is another network: other blocks, other input than RGB, another kind of
            shift.
    """
    shapes = {plain_name(name): np.shape(array) for name, array in state.items()}
    faults = [
        f"{name} {shapes.get(name, 'is missing')}"
        for name, axes in _NEEDED.items()
        if len(shapes.get(name, ())) != axes
    ]
    if faults:
        raise InputError(
            f"these are no weights of a ResNet with its classifier: {', '.join(faults)}."
        )
    blocks = {tuple(map(int, found.groups())) for found in map(_BLOCK.fullmatch, shapes) if found}
    counts = tuple(sum(stage == number for stage, _ in blocks) for number in range(1, 5))
    bottleneck = "layer1.0.conv3.weight" in shapes
    depths = [depth for depth, known in STAGES.items() if known == (counts, bottleneck)]
    if not depths:
        kind = "bottleneck" if bottleneck else "basic"
        raise InputError(
            f"these are weights of a ResNet with {counts} {kind} blocks in its stages, which is "
            "none of "
            f"ResNet-{', '.join(map(str, STAGES))}."
        )
    if shapes["conv1.weight"][1:] != (3, 7, 7):
        raise InputError(
            f"conv1.weight has shape {shapes['conv1.weight']}: only networks of single RGB frames, "
            "(64, 3, 7, 7), can be imported."
        )
    return TSMSizes(
        num_classes=shapes["fc.weight"][0],
        depth=depths[0],
        width=shapes["layer4.0.conv1.weight"][0] / 512,
        shifted=_is_shifted(state, len(blocks)),
    )


def _is_shifted(state: Mapping[str, np.ndarray], num_blocks: int) -> bool:
    """Whether every first convolution is wrapped by the shift (`.net`); False if nothing is."""
    wrapped = [name for name in state if ".net." in name]
    others = [name for name in wrapped if not _SHIFTED.search(name)]
    if others or len(wrapped) not in (0, num_blocks):
        raise InputError(
            "these weights are of another temporal shift than TSM's `blockres`, which wraps conv1 "
            "of every block: "
            f"wrapped are {len(wrapped)} of {num_blocks}, {', '.join((others or wrapped)[:4])}. "
            "They would give other "
            "numbers here."
        )
    return bool(wrapped)
