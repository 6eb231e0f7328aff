"""Weights by rule: a random generator seeded with the parameter's name, so that golden tests need no weight file."""

import math
import zlib
from collections.abc import Callable, Iterable

import numpy as np
import pytest


def _array(name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.float32)
    normal = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if name.endswith("bias"):
        return normal * np.float32(0.01)
    if name.endswith("running_mean"):
        return normal * np.float32(0.1)
    if name.endswith("running_var"):
        return 1 + np.float32(0.1) * np.abs(normal)
    if len(shape) == 1:
        return 1 + np.float32(0.1) * normal
    return normal * np.float32(math.sqrt(2 / math.prod(shape[1:])))


@pytest.fixture(scope="session")
def rule_state() -> Callable[[Iterable], dict[str, np.ndarray]]:
    """`rule_state([[name, shape], ...])` -> {PyTorch name: array in PyTorch layout}."""
    return lambda parameters: {name: _array(name, tuple(shape)) for name, shape in parameters}
