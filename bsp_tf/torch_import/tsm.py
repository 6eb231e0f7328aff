"""A TSM or a torchvision ResNet out of PyTorch's arrays: the config it is run with, and the model,
checked.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.pretraining.trained_model import build_model, model_state
from bsp_tf.torch_import.check import relative_difference, require_equal
from bsp_tf.torch_import.tsm_names import load_torch_state
from bsp_tf.torch_import.tsm_reference import tsm_outputs
from bsp_tf.torch_import.tsm_sizes import tsm_sizes

# Of the random clip, px: any size shows a wrong number, a small one at once.
CLIP_SIZE = 64
# TSM's recipe; only training looks at it.
DROPOUT = 0.5


def tsm_config(
    state: Mapping[str, np.ndarray],
    labels: list[str] | None,
    data: Mapping[str, int],
    shift_div: int,
) -> tuple[dict[str, Any], list[str]]:
    """config.json and class names of the workdir.

    Args:
        state: PyTorch name -> array in PyTorch layout.
        labels: Class names; None: "class 0", "class 1", ...
        data: `num_frames`, `short_side`, `crop_size`.
        shift_div: See TSM.

    Raises:
        InputError: it is another network, or the number of labels is not that of its classes.
    """
    sizes = tsm_sizes(state)
    if labels is not None and len(labels) != sizes.num_classes:
        raise InputError(f"it has {sizes.num_classes} classes, but --labels names {len(labels)}.")
    if data["crop_size"] > data["short_side"]:
        raise InputError(
            f"--crop_size={data['crop_size']} is larger than --short_side={data['short_side']}."
        )
    config = {
        "task": "action",
        "data": dict(data),
        "model": {
            "depth": sizes.depth,
            "width": sizes.width,
            "input": "rgb",
            "shift_div": shift_div,
            "dropout": DROPOUT,
        },
        "imported": {"shifted": sizes.shifted, "labels_given": labels is not None},
    }
    return config, labels or [f"class {number}" for number in range(sizes.num_classes)]


def checked_tsm(
    state: Mapping[str, np.ndarray], config: Mapping[str, Any], num_classes: int
) -> dict[str, tf.Variable]:
    """The variables of the model, which was compared with PyTorch on a random clip.

    Args:
        state: PyTorch name -> array in PyTorch layout.
        config: From `tsm_config`.
        num_classes: K.

    Returns:
        See `bsp_tf.pretraining.trained_model.model_state`.

    Raises:
        InputError: a name, a shape or the outputs do not fit; the message lists them.
    """
    model = build_model(ConfigDict(config), num_classes)
    load_torch_state(model, state)
    shape = (config["data"]["num_frames"], CLIP_SIZE, CLIP_SIZE, 3)
    clip = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    found = {name: values[0] for name, values in model(clip[np.newaxis], training=False).items()}
    kind = (
        "TSM"
        if config["imported"]["shifted"]
        else "ResNet trained without the shift (for config.init_from only)"
    )
    print(f"{kind}: depth {model.depth}, width {model.width:g}, {num_classes} classes")
    require_equal(relative_difference(found, tsm_outputs(state, clip, model.shift_div)))
    return model_state(model)
