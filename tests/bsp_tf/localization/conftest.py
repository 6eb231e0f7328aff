"""Weights by rule for G-TAD: a random generator seeded with the parameter's name, so that no weight file is needed."""

import json
import math
import zlib

import numpy as np
import pytest


@pytest.fixture(scope="session")
def gtad_state(testdata) -> dict[str, np.ndarray]:
    """Weights of the reference's G-TAD for features of 400 channels, under their PyTorch names."""
    state = {}
    for name, shape in json.loads((testdata / "gtad_anet_400_params.json").read_text()):
        normal = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
        scale = 0.01 if name.endswith("bias") else math.sqrt(2 / math.prod(shape[1:]))
        state[name] = normal * np.float32(scale)
    return state
