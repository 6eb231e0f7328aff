"""Arrays of a PyTorch file into a model, by a plan of what belongs where. NumPy only."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from bsp_tf.base.errors import InputError

_LISTED = 4


class Place(NamedTuple):
    """Where one array of a file belongs.

    Attributes:
        shape: In PyTorch layout.
        variable: What it is assigned to.
        convert: PyTorch layout -> that of the variable.
    """

    shape: tuple[int, ...]
    variable: Any
    convert: Callable[[np.ndarray], np.ndarray]


def plain_names(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same without the `module.` of DataParallel."""
    return {name.removeprefix("module."): np.asarray(array) for name, array in state.items()}


def place_arrays(title: str, plan: Mapping[str, Place], state: Mapping[str, np.ndarray]) -> None:
    """Assigns all arrays of a file.

    Args:
        title: Of the network, for messages.
        plan: PyTorch name -> its place.
        state: Name (with or without "module.") -> array in PyTorch layout.

    Raises:
        InputError: a name is missing or unknown, or a shape does not fit; nothing is changed then.
    """
    state = plain_names(state)
    missing, unknown = sorted(plan.keys() - state.keys()), sorted(state.keys() - plan.keys())
    if missing or unknown:
        raise InputError(
            f"these are not the weights of this {title}: missing {missing[:_LISTED]} "
            f"({len(missing)}), unknown {unknown[:_LISTED]} ({len(unknown)})."
        )
    wrong = [
        f"weight {name!r} has shape {state[name].shape}, this {title} needs {place.shape}"
        for name, place in plan.items()
        if state[name].shape != place.shape
    ]
    if wrong:
        raise InputError(
            f"{'; '.join(wrong[:_LISTED])} ({len(wrong)} in all): make the model with the sizes of "
            "the checkpoint."
        )
    for name, place in plan.items():
        place.variable.assign(place.convert(state[name]))
