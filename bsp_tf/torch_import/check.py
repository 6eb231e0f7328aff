"""Whether an imported model gives PyTorch's numbers. NumPy only."""

from collections.abc import Mapping

import numpy as np

from bsp_tf.base.errors import InputError

# Relative to the largest value of an output. Weights by rule gave 3e-7 (TSM) to 7e-6 (G-TAD).
TOLERANCE = 1e-4


def relative_difference(
    found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]
) -> float:
    """Largest difference over the largest value of that output; infinite if one is not finite.

    Args:
        found, expected: Name -> float array; `found` has at least the names of `expected`, in the
            same shapes.
    """
    ratios = [
        np.abs(np.asarray(found[name]) - values).max() / (np.abs(values).max() or 1.0)
        for name, values in expected.items()
    ]
    return max(float(ratio) if np.isfinite(ratio) else np.inf for ratio in ratios)


def require_equal(difference: float) -> None:
    """Prints the difference.

    Raises:
        InputError: it is above TOLERANCE.
    """
    if not difference <= TOLERANCE:
        raise InputError(
            f"the imported model's outputs differ from PyTorch's by {difference:.1e} of their "
            f"range, more than {TOLERANCE:g}, so nothing was written. Check that the weights are "
            "those of a trained network."
        )
    print(
        f"check against PyTorch on random input: largest difference {difference:.1e} of the range"
    )
