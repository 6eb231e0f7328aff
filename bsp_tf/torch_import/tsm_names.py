"""Weights of TSM checkpoints and torchvision ResNets, by their PyTorch names, into the models of
this package.
"""

from collections.abc import Mapping

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.models.tsm import TSM

_LEAVES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "kernel": "weight",
    "bias": "bias",
}
_PREFIXES = ("module.", "base_model.")
_LISTED = 8


def torch_name(path: str) -> str:
    """Name of a TSM variable in a torchvision ResNet.

    "tsm/layer1.0/conv1/kernel" -> "layer1.0.conv1.weight"; "tsm/bn1/moving_mean" ->
    "bn1.running_mean".
    """
    *layers, leaf = path.split("/")[1:]
    return ".".join([*layers, _LEAVES[leaf]])


def plain_name(name: str) -> str:
    """A checkpoint's name without what wrappers add: `module.`, `base_model.`, the `.net` of a
    shifted convolution.

    "module.base_model.layer1.0.conv1.net.weight" -> "layer1.0.conv1.weight"; "module.new_fc.bias"
    -> "fc.bias".
    """
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    name = name.replace(".net.", ".")
    return name.removeprefix("new_") if name.startswith("new_fc.") else name


def to_tf_layout(array: np.ndarray) -> np.ndarray:
    """PyTorch layout -> TensorFlow layout: convolution OIHW -> HWIO, linear [out, in] -> [in, out],
    others as is.
    """
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T if array.ndim == 2 else array


def load_torch_state(model: TSM, state: Mapping[str, np.ndarray]) -> None:
    """Assigns a PyTorch state_dict to a model; either all variables are set or none.

    `num_batches_tracked` entries are ignored: the running statistics use a fixed momentum.

    Args:
        model: TSM; it is built if it is not yet.
        state: PyTorch name -> array in PyTorch layout, any float type. TSM checkpoints (with or
            without `module.`, `base_model.`, `.net`; classifier `new_fc` or `fc`) and torchvision
            ResNets are understood.

    Raises:
        InputError: names are missing, unexpected or there twice, or shapes differ; the message
            lists them.
    """
    if not model.built:
        model.build()
    variables = {
        torch_name(variable.path): variable
        for variable in model.variables
        if variable.name in _LEAVES
    }
    arrays: dict[str, np.ndarray] = {}
    problems = []
    for name, array in state.items():
        plain = plain_name(name)
        if plain.endswith("num_batches_tracked"):
            continue
        if plain in arrays:
            problems.append(f"{name}: there twice")
        elif plain not in variables:
            problems.append(f"{name}: unexpected")
        arrays[plain] = to_tf_layout(np.asarray(array))
    for name, variable in variables.items():
        if name not in arrays:
            problems.append(f"{name}: missing")
        elif arrays[name].shape != tuple(variable.shape):
            problems.append(
                f"{name}: shape {arrays[name].shape}, the model has {tuple(variable.shape)} (TF "
                "layout)"
            )
    if problems:
        more = f" and {len(problems) - _LISTED} more" if len(problems) > _LISTED else ""
        raise InputError(
            f"these weights do not fit a TSM of depth {model.depth}, width {model.width}, input "
            f"{model.input_kind!r}, {model.num_classes} classes: "
            f"{'; '.join(problems[:_LISTED])}{more}. "
            f"Build the model that the weights were made with."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name].astype(np.float32))
