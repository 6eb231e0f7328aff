"""Weights by rule for G-TAD (a random generator seeded with the parameter's name), and SGAlign as a plain loop."""

import json
import math
import zlib

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.localization.graph import nearest_neighbours
from bsp_tf.localization.roi_align import align_matrix


@pytest.fixture(scope="session")
def gtad_state(testdata) -> dict[str, np.ndarray]:
    """Weights of the reference's G-TAD for features of 400 channels, under their PyTorch names."""
    state = {}
    for name, shape in json.loads((testdata / "gtad_anet_400_params.json").read_text()):
        normal = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
        scale = 0.01 if name.endswith("bias") else math.sqrt(2 / math.prod(shape[1:]))
        state[name] = normal * np.float32(scale)
    return state


@pytest.fixture(scope="session")
def direct_align():
    """SGAlign without its convolution: graph float [B, T, C] -> [B, C * (inner + context), D, T]."""
    return align_every_anchor


def align_every_anchor(graph, num_segments, max_duration, inner_bins, context_bins, ratio=0, context_ratio=0):
    """Every anchor on its own; channel c * bins + bin, as in the reference."""
    batch, _, channels = graph.shape
    nearest = nearest_neighbours(tf.constant(graph, tf.float32), 3).numpy()
    context = np.stack([sample[rows].mean(1) for sample, rows in zip(graph, nearest, strict=True)])
    result = np.zeros((batch, channels, inner_bins + context_bins, max_duration, num_segments))
    for s in range(num_segments):
        for d in range(max_duration):
            region = np.array([0.0, 0.0])
            if s + d < num_segments:
                region = np.array([s - 0.5 * (d + 1), s + d + 0.5 * (d + 1)])
            parts = [(graph, inner_bins, ratio), (context, context_bins, context_ratio)]
            aligned = [align_matrix(region[:1], region[1:], bins, num_segments, r)[0] @ nodes
                       for nodes, bins, r in parts if bins]
            result[..., d, s] = np.concatenate(aligned, 1).transpose(0, 2, 1)
    return result.reshape(batch, -1, max_duration, num_segments)
