"""Weights of TSM checkpoints and torchvision's networks, by their names, into a TSM of ours."""

from collections.abc import Mapping

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.base.stack import named_variables
from bsp_tf.models.tsm import TSM

_LEAVES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "kernel": "weight",
    "depthwise_kernel": "weight",
    "bias": "bias",
}
_PREFIXES = ("module.", "base_model.")
_HEADS = ("new_fc.", "classifier.1.", "classifier.")
_LISTED = 8


def torch_name(path: str) -> str:
    """Name of a TSM variable in PyTorch.

    "layer1.0/conv1/kernel" -> "layer1.0.conv1.weight"; "bn1/moving_mean" -> "bn1.running_mean".
    """
    *layers, leaf = path.split("/")
    return ".".join([*layers, _LEAVES[leaf]])


def plain_name(name: str) -> str:
    """A checkpoint's name without what wrappers add: `module.`, `base_model.`, `.net` of a shift.

    "module.base_model.layer1.0.conv1.net.weight" -> "layer1.0.conv1.weight"; the classifier is
    always "fc": "module.new_fc.bias", "base_model.classifier.bias" -> "fc.bias".
    """
    name = without_wrappers(name).replace(".net.", ".")
    for head in _HEADS:
        if name.startswith(head):
            return f"fc.{name.removeprefix(head)}"
    return name


def without_wrappers(name: str) -> str:
    """A checkpoint's name without the wrappers of the whole network: module., base_model."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def to_tf_layout(array: np.ndarray, leaf: str) -> np.ndarray:
    """PyTorch layout -> TensorFlow layout.

    Convolution OIHW -> HWIO, depthwise C1HW -> HWC1, linear [out, in] -> [in, out], others as is.

    Args:
        array: Weights of one layer.
        leaf: Name of the variable they are for.
    """
    if array.ndim == 4:
        return array.transpose((2, 3, 0, 1) if leaf == "depthwise_kernel" else (2, 3, 1, 0))
    return array.T if array.ndim == 2 else array


def load_torch_state(model: TSM, state: Mapping[str, np.ndarray]) -> None:
    """Assigns a PyTorch state_dict to a model; either all variables are set or none.

    `num_batches_tracked` entries are ignored: the running statistics use a fixed momentum.

    Args:
        model: TSM; it is built if it is not yet.
        state: PyTorch name -> array in PyTorch layout, any float type. TSM checkpoints (with or
            without `module.`, `base_model.`, `.net`; classifier `new_fc`, `fc` or `classifier`) and
            torchvision's files are understood. Without a classifier the model keeps its own.

    Raises:
        InputError: names are missing, unexpected or there twice, or shapes differ; the message
            lists them.
    """
    if not model.built:
        model.build()
    names = model.backbone.torch_names({plain_name(name) for name in state})
    has_head = any(name.startswith("fc.") for name in names)
    variables, leaves = {}, {}
    for path, variable in named_variables(model).items():
        leaf = path.rpartition("/")[2]
        if leaf in _LEAVES and (has_head or not path.startswith("fc/")):
            variables[torch_name(path)], leaves[torch_name(path)] = variable, leaf
    arrays: dict[str, np.ndarray] = {}
    problems = []
    for name, array in state.items():
        known = names[plain_name(name)]
        if known.endswith("num_batches_tracked"):
            continue
        if known in arrays:
            problems.append(f"{name}: there twice")
        if known not in variables:
            problems.append(f"{name}: unexpected")
            continue
        arrays[known] = to_tf_layout(np.asarray(array), leaves[known])
    for name, variable in variables.items():
        if name not in arrays:
            problems.append(f"{name}: missing")
        elif arrays[name].shape != tuple(variable.shape):
            problems.append(
                f"{name}: shape {arrays[name].shape}, the model has {tuple(variable.shape)} "
                "(TF layout)"
            )
    if problems:
        more = f" and {len(problems) - _LISTED} more" if len(problems) > _LISTED else ""
        raise InputError(
            f"these weights do not fit a TSM of {model.description}, input {model.input_kind!r}, "
            f"{model.num_classes} classes: {'; '.join(problems[:_LISTED])}{more}. "
            "Build the model that the weights were made with."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name].astype(np.float32))
