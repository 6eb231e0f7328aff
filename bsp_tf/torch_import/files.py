"""PyTorch files, read without running what is in them."""

import os
import pickle
import re
import struct
import warnings
from types import ModuleType
from typing import Any

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import refuse_special_file

# All that torch.load was seen to raise for files that are cut, have bytes changed, or are of other
# programs.
_READ_ERRORS = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    ImportError,
    MemoryError,
    OverflowError,
    struct.error,
)
# Averaged weights are those that their authors evaluate.
_WEIGHTS = ("state_dict_ema", "state_dict")
_EXPECTED = "It must be a file of torch.save: a state_dict, or a dict with one under 'state_dict'."


def import_torch() -> ModuleType:
    """PyTorch, which is an extra of this package.

    Raises:
        InputError: it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise InputError(
            "PyTorch files need PyTorch to be read: pip install '.[torch]' in this project's "
            "folder."
        ) from error
    return torch


def read_state_dict(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The named arrays of a checkpoint.

    Only plain data is unpickled (`weights_only`): a file that asks for anything else is refused,
    not run.

    Args:
        path: File of torch.save: a state_dict, or a dict that holds one under "state_dict_ema" or,
            without that, "state_dict".

    Returns:
        Name as in the file -> float32 array in PyTorch layout; whole numbers keep their type.

    Raises:
        InputError: PyTorch or the file is missing, the file is damaged, of another kind, asks for
            code, or holds values that are not finite.
    """
    torch = import_torch()
    refuse_special_file(path)
    try:
        with open(path, "rb") as file:
            content = _load(torch, file, path)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror or error}. Check the path."
        ) from error
    for key in _WEIGHTS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path} holds no weights but {_describe(content)}. {_EXPECTED}")
    return {name: _array(torch, path, name, value) for name, value in content.items()}


def _load(torch: ModuleType, file: Any, path: str | os.PathLike) -> Any:
    try:
        with warnings.catch_warnings():
            # Of damaged files torch warns before it gives up.
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except _READ_ERRORS as error:
        wanted = re.search(r"GLOBAL (\S+)", str(error))
        if wanted:
            raise InputError(
                f"{path} asks for {wanted[1]} to be called, which plain weights do not need, and "
                "is not read: such a file can run any code. In PyTorch, where you trust it, save "
                "its state_dict alone."
            ) from error
        # torch adds advice of many lines, before or after what it found.
        found = str(error).rpartition("WeightsUnpickler error:")[2].strip() or type(error).__name__
        reason = found.splitlines()[0].partition(". ")[0][:120].rstrip(". ")
        raise InputError(f"{path} is damaged or no PyTorch file ({reason}). {_EXPECTED}") from error


def _array(torch: ModuleType, path: str | os.PathLike, name: Any, value: Any) -> np.ndarray:
    """One entry of a state_dict, checked."""
    if not isinstance(name, str) or not isinstance(value, torch.Tensor):
        raise InputError(
            f"{path} holds no state_dict: its entry {str(name)[:60]!r} is {_describe(value)}. "
            f"{_EXPECTED}"
        )
    if (
        value.layout != torch.strided
        or value.is_quantized
        or value.is_complex()
        or value.device.type == "meta"
    ):
        raise InputError(f"{path}: {name!r} is no plain array of numbers. {_EXPECTED}")
    value = value.detach()
    array = (value.float() if value.is_floating_point() else value).numpy()
    if not np.isfinite(array).all():
        raise InputError(
            f"{path}: {name!r} holds NaN or infinity: the training that wrote it had failed. Take "
            "an earlier checkpoint."
        )
    return array


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        return (
            f"a dict of {len(value)} entries "
            f"({', '.join(str(key)[:30] for key in list(value)[:4])})"
        )
    return f"a {type(value).__name__}"
