"""The sizes of the G-TAD of a PyTorch file, from its names and shapes. NumPy only."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.torch_import.placing import plain_names

# Fixed in both branches of the reference (frostinassiky/gtad); no shape tells them.
STEM_GROUPS, NEIGHBOURS = 4, 3
# Positions and durations of the two branches; no shape tells them either.
ACTIVITYNET, THUMOS = (100, 100), (256, 64)
_NEEDED = (
    "backbone1.0.weight",
    "backbone1.2.tconvs.0.weight",
    "backbone1.2.tconvs.2.weight",
    "localization.0.weight",
    "localization.2.weight",
    "localization.4.weight",
)


def is_gtad(state: Mapping[str, np.ndarray]) -> bool:
    """Whether the names are those of the reference's G-TAD."""
    return {"backbone1.0.weight", "localization.0.weight"} <= plain_names(state).keys()


def gtad_sizes(state: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Sizes of the network whose weights these are.

    The number of bins tells the branch: `anet` has 32 + 4 (or 32 without context) and 1x1
    convolutions over the map, `master` (THUMOS14) 16 + 16 and 3x3.

    Args:
        state: PyTorch name -> array in PyTorch layout; `is_gtad`.

    Returns:
        Arguments of GTAD; `num_segments` and `max_duration` are those of the branch.

    Raises:
        InputError: it is no G-TAD of either branch.
    """
    shapes = {name: np.shape(array) for name, array in plain_names(state).items()}
    lacking = [name for name in _NEEDED if name not in shapes]
    if lacking:
        raise InputError(
            f"these weights lack {', '.join(lacking)}: a G-TAD of the reference has them."
        )
    axes = dict(zip(_NEEDED, (3, 3, 3, 4, 4, 4), strict=True))
    wrong = [
        f"{name} {shapes[name]}"
        for name in _NEEDED
        if len(shapes[name]) != axes[name] or 0 in shapes[name]
    ]
    if wrong:
        raise InputError(
            f"these weights have shapes that no G-TAD of the reference has: {', '.join(wrong)}."
        )
    stem, entry, middle, align, then, last = (shapes[name] for name in _NEEDED)
    map_kernel = last[-1]
    bins = _split_bins(align[1] / stem[0], map_kernel)
    num_segments, max_duration = ACTIVITYNET if bins[0] == 32 else THUMOS
    return {
        "feature_dim": stem[1] * STEM_GROUPS,
        "num_segments": num_segments,
        "max_duration": max_duration,
        "base_width": stem[0],
        "branch_width": entry[0],
        "map_widths": (align[0], then[0]),
        "map_kernel": map_kernel,
        "groups": middle[0] // middle[1],
        "stem_groups": STEM_GROUPS,
        "neighbours": NEIGHBOURS,
        "inner_bins": bins[0],
        "context_bins": bins[1],
    }


def _split_bins(count: float, map_kernel: int) -> tuple[int, int]:
    """(inner, context) bins of `count` in all; 32 are `anet` without context, or `master`."""
    known = {36: (32, 4), 32: (16, 16) if map_kernel > 1 else (32, 0), 16: (16, 0)}
    if count not in known:
        raise InputError(
            f"localization.0.weight takes {count:g} bins an anchor; the reference has 36 (branch "
            "anet), 32, or 16 (branch master)."
        )
    return known[int(count)]
