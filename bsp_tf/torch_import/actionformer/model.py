"""An ActionFormer out of the reference's arrays: the config it is run with, the model, checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.actionformer.head import HEAD
from bsp_tf.localization.heads.actionformer.network import ActionFormer
from bsp_tf.torch_import.actionformer.names import load_torch_state
from bsp_tf.torch_import.actionformer.reference import actionformer_outputs
from bsp_tf.torch_import.actionformer.sizes import actionformer_sizes
from bsp_tf.torch_import.check import relative_difference, require_equal
from bsp_tf.torch_import.placing import plain_names
from bsp_tf.torch_import.sources import source_fields


def actionformer_config(
    state: Mapping[str, np.ndarray],
    labels: list[str] | None,
    num_segments: int | None,
    attention_windows: str | None,
    streams: str,
    feature_settings: Mapping[str, str],
) -> tuple[dict[str, Any], list[str] | None]:
    """config.json and class names of the workdir.

    Args:
        state: PyTorch name -> array in PyTorch layout.
        labels: Class names; None: "class 0", "class 1", ...
        num_segments, attention_windows: Where they are not the published ones; windows as one
            number for each level, with commas, or one for all.
        streams, feature_settings: See `source_fields`.

    Returns:
        The config, and the names; None if the network names no classes.

    Raises:
        InputError: it is another network, or what is given does not fit it.
    """
    sizes, num_classes = actionformer_sizes(state)
    levels = len(sizes["attention_windows"])
    if num_segments is not None:
        sizes["num_segments"] = num_segments
    if sizes["num_segments"] % 2 ** (levels - 1):
        raise InputError(
            f"--num_segments={sizes['num_segments']} cannot be halved {levels - 1} times, as an "
            f"ActionFormer of {levels} levels needs."
        )
    if attention_windows is not None:
        sizes["attention_windows"] = _read_windows(attention_windows, levels)
    if not sizes["names_classes"]:
        if labels is not None:
            raise InputError("this ActionFormer names no classes: leave --labels out.")
    elif labels is None:
        labels = [f"class {number}" for number in range(num_classes)]
    elif len(labels) != num_classes:
        raise InputError(f"it has {num_classes} classes, but --labels names {len(labels)}.")
    fields = source_fields(streams, feature_settings)
    return {"head": "actionformer", **sizes, **fields, "imported": {}}, labels


def checked_actionformer(
    state: Mapping[str, np.ndarray], config: Mapping[str, Any], num_classes: int
) -> ActionFormer:
    """The model, which was compared with PyTorch on random features of a short video.

    Args:
        state: PyTorch name -> array in PyTorch layout.
        config: From `actionformer_config`.
        num_classes: Of the class names; 0: it names none.

    Raises:
        InputError: a name, a shape or the outputs do not fit.
    """
    model: ActionFormer = HEAD.build(ConfigDict(config), config["feature_dim"], num_classes)
    load_torch_state(model, state)
    print(
        f"ActionFormer: {config['feature_dim']} channels, {num_classes or 'no'} classes, "
        f"{len(config['attention_windows'])} levels of {config['num_segments']} columns"
    )
    columns = config["num_segments"]
    shape, length = (1, columns, config["feature_dim"]), max(columns * 3 // 4, 1)
    inside = (np.arange(columns) < length).astype(np.float32)[np.newaxis]
    features = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    features *= inside[..., np.newaxis]
    found = HEAD.forward(model, features, inside)
    expected = actionformer_outputs(plain_names(state), features, inside, config)
    require_equal(relative_difference(found, expected))
    return model


def _read_windows(text: str, levels: int) -> list[int]:
    """The window of each level."""
    windows = text.replace(" ", "").split(",")
    if len(windows) == 1:
        windows *= levels
    if len(windows) != levels or not all(window.isdecimal() for window in windows):
        raise InputError(
            f"--attention_windows={text} must be a whole number, 0 or more, or {levels} of them "
            "with commas: one for each level of this ActionFormer."
        )
    return [int(window) for window in windows]
