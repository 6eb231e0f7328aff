"""The sizes of the ActionFormer of a PyTorch file, from its names and shapes. NumPy only."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.torch_import.placing import plain_names

# In all published configs; no shape tells it.
NUM_HEADS = 4
# In training only; a file with learned scales of the branches was trained with some.
DROP_PATH = 0.1
# What no shape tells either: the network for ActivityNet has one class, others name their own.
ACTIVITYNET: dict[str, Any] = {
    "num_segments": 192,
    "crops": False,
    "position_encoding": True,
    "names_classes": False,
    "min_length": 0.001,
    "first_normalizer": 200.0,
}
THUMOS: dict[str, Any] = {
    "num_segments": 2304,
    "crops": True,
    "position_encoding": False,
    "names_classes": True,
    "min_length": 0.05,
    "first_normalizer": 100.0,
}
# Of ActivityNet the last level sees all positions.
ACTIVITYNET_WINDOW, THUMOS_WINDOW = 7, 19
_EMBEDDING, _CLASSES = "backbone.embd.0.conv.weight", "cls_head.cls_head.conv.weight"


def is_actionformer(state: Mapping[str, np.ndarray]) -> bool:
    """Whether the names are those of the reference's ActionFormer."""
    return {_EMBEDDING, _CLASSES} <= plain_names(state).keys()


def actionformer_sizes(state: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], int]:
    """Sizes of the network whose weights these are, and its classes.

    Args:
        state: PyTorch name -> array in PyTorch layout; `is_actionformer`.

    Returns:
        Fields of a config, with the published values of what no shape tells; number of classes.

    Raises:
        InputError: it is no ActionFormer of the reference.
    """
    shapes = {name: array.shape for name, array in plain_names(state).items()}
    wrong = [
        f"{name} {shapes[name]}"
        for name in (_EMBEDDING, _CLASSES)
        if len(shapes[name]) != 3 or 0 in shapes[name]
    ]
    if wrong:
        raise InputError(f"these weights have shapes that no ActionFormer has: {', '.join(wrong)}.")
    width, feature_dim, _ = shapes[_EMBEDDING]
    counts = {
        part: _count(rf"backbone\.{part}\.(\d+)\.", shapes) for part in ("embd", "stem", "branch")
    }
    if not counts["stem"] or width % NUM_HEADS:
        raise InputError(
            f"these weights are of an ActionFormer of width {width} with {counts['stem']} blocks "
            f"before the pyramid: it must have one, and {NUM_HEADS} heads of equal width."
        )
    num_classes, levels = shapes[_CLASSES][0], counts["branch"] + 1
    published, windows = THUMOS, [THUMOS_WINDOW] * levels
    if num_classes == 1:
        published, windows = ACTIVITYNET, [ACTIVITYNET_WINDOW] * (levels - 1) + [0]
    return {
        **published,
        "feature_dim": feature_dim,
        "width": width,
        "num_heads": NUM_HEADS,
        "embedding_convs": counts["embd"],
        "stem_blocks": counts["stem"],
        "attention_windows": windows,
        "neck": "fpn" if "neck.lateral_convs.0.conv.weight" in shapes else "identity",
        "drop_path": DROP_PATH if "backbone.stem.0.drop_path_attn.scale" in shapes else 0.0,
    }, num_classes


def _count(pattern: str, names: Iterable[str]) -> int:
    """How many numbers the names have at that place."""
    return len({found[1] for found in (re.match(pattern, name) for name in names) if found})
