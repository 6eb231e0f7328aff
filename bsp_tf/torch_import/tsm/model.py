"""A TSM or its backbone out of PyTorch's arrays: the config it is run with, the model, checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.pretraining.trained_model import build_model, model_state
from bsp_tf.torch_import.check import relative_difference, require_equal
from bsp_tf.torch_import.tsm.mobilenet_v2_reference import mobilenet_v2_maps
from bsp_tf.torch_import.tsm.names import load_torch_state
from bsp_tf.torch_import.tsm.reference import tsm_outputs
from bsp_tf.torch_import.tsm.resnet_reference import resnet_maps
from bsp_tf.torch_import.tsm.sizes import tsm_sizes

# Backbone -> the same in plain PyTorch.
REFERENCES = {"resnet": resnet_maps, "mobilenet_v2": mobilenet_v2_maps}
# Of the random clip, px: any size shows a wrong number, a small one at once.
CLIP_SIZE = 64
# TSM's recipe; only training looks at it.
DROPOUT = 0.5


def tsm_config(
    state: Mapping[str, np.ndarray],
    backbone: str,
    labels: list[str] | None,
    data: Mapping[str, int],
    shift_div: int,
) -> tuple[dict[str, Any], list[str] | None]:
    """config.json and class names of the workdir.

    Args:
        state: PyTorch name -> array in PyTorch layout.
        backbone: From `find_backbone`.
        labels: Class names; None: "class 0", "class 1", ...
        data: `num_frames`, `short_side`, `crop_size`.
        shift_div: See TSM.

    Returns:
        The config, and the names; None if the file holds no classifier.

    Raises:
        InputError: it is another network, or the number of labels is not that of its classes.
    """
    sizes = tsm_sizes(state, backbone)
    if labels is not None and len(labels) != (sizes.num_classes or 0):
        raise InputError(
            f"it has {sizes.num_classes or 'no'} classes, but --labels names {len(labels)}."
        )
    if data["crop_size"] > data["short_side"]:
        raise InputError(
            f"--crop_size={data['crop_size']} is larger than --short_side={data['short_side']}."
        )
    imported: dict[str, Any] = {"shifted": sizes.shifted, "labels_given": labels is not None}
    if sizes.num_classes is None:
        imported["classifier"] = False
    elif labels is None:
        labels = [f"class {number}" for number in range(sizes.num_classes)]
    config = {
        "task": "action",
        "data": dict(data),
        "model": {
            "backbone": sizes.backbone,
            **sizes.sizes,
            "input": "rgb",
            "shift_div": shift_div,
            "dropout": DROPOUT,
        },
        "imported": imported,
    }
    return config, labels


def checked_tsm(
    state: Mapping[str, np.ndarray], config: Mapping[str, Any], num_classes: int | None
) -> dict[str, tf.Variable]:
    """The variables of the model, which was compared with PyTorch on a random clip.

    Args:
        state: PyTorch name -> array in PyTorch layout.
        config: From `tsm_config`.
        num_classes: K; None: no classifier, and none is among the variables.

    Returns:
        See `bsp_tf.pretraining.trained_model.model_state`.

    Raises:
        InputError: a name, a shape or the outputs do not fit; the message lists them.
    """
    model = build_model(ConfigDict(config), num_classes or 1)
    load_torch_state(model, state)
    shape = (config["data"]["num_frames"], CLIP_SIZE, CLIP_SIZE, 3)
    clip = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    found = {name: values[0] for name, values in model(clip[np.newaxis], training=False).items()}
    trained = "" if config["imported"]["shifted"] else "; trained without the shift"
    ending = "" if trained == "" and num_classes else " (for config.init_from only)"
    print(f"{model.description}: {num_classes or 'no'} classes{trained}{ending}")
    reference = REFERENCES[model.backbone_name]
    require_equal(relative_difference(found, tsm_outputs(reference, state, clip, model.shift_div)))
    variables = model_state(model)
    if num_classes is None:
        return {name: value for name, value in variables.items() if not name.startswith("fc/")}
    return variables
