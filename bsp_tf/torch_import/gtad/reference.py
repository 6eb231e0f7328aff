"""G-TAD in plain PyTorch, from the names in a file: what an imported model is compared with.

The direct form of the paper (Xu et al., arXiv 1911.11462): features are aligned first, the
convolution comes after, one duration at a time so that memory stays small.
"""

import math
from collections.abc import Mapping

import numpy as np

from bsp_tf.torch_import.files import import_torch


def gtad_outputs(
    state: Mapping[str, np.ndarray],
    features: np.ndarray,
    max_duration: int,
    inner_bins: int,
    context_bins: int,
    neighbours: int,
) -> dict[str, np.ndarray]:
    """Scores of one video.

    Args:
        state: PyTorch name (without "module.") -> array in PyTorch layout.
        features: float32 [T, C].
        max_duration: D.
        inner_bins, context_bins, neighbours: See GTAD.

    Returns:
        {"start", "end": float32 [T]; "map": float32 [2, D, T]}, probabilities.

    Raises:
        InputError: PyTorch is missing.
    """
    torch = import_torch()
    weights = {name: torch.as_tensor(np.array(array)) for name, array in state.items()}

    def conv(x, name):
        kernel = weights[f"{name}.weight"]
        apply = torch.nn.functional.conv1d if kernel.ndim == 3 else torch.nn.functional.conv2d
        return apply(
            x,
            kernel,
            weights[f"{name}.bias"],
            padding=kernel.shape[-1] // 2,
            groups=x.shape[1] // kernel.shape[1],
        )

    def branch(x, name):
        return conv(conv(conv(x, f"{name}.0").relu(), f"{name}.2").relu(), f"{name}.4")

    def nearest(x):
        """[1, C, T] -> [T, neighbours], the node itself among them."""
        points = x[0].T.double()
        distances = (points[:, None] - points[None]).square().sum(2)
        return distances.fill_diagonal_(-1).topk(neighbours, largest=False).indices

    def block(x, name):
        others = x[:, :, nearest(x)]
        edges = torch.cat([others, x[..., None].expand_as(others)], 1)
        return (branch(x, f"{name}.tconvs") + x + branch(edges, f"{name}.sconvs").amax(3)).relu()

    def align(nodes, starts, length, bins):
        """[C, T] -> [C, starts, bins]: every bin averages ceil(length / bins) samples."""
        count, size = math.ceil(length / bins), nodes.shape[1]
        samples = (torch.arange(bins)[:, None] + (torch.arange(count) + 0.5) / count) * (
            length / bins
        )
        samples = starts[:, None, None] + samples
        weight = ((samples >= -1) & (samples <= size)) / count
        samples = samples.clamp(0, size - 1)
        left = samples.long()
        matrix = torch.zeros(len(starts), bins, size)
        matrix.scatter_add_(2, left, weight * (1 - (samples - left)))
        matrix.scatter_add_(2, (left + 1).clamp(max=size - 1), weight * (samples - left))
        return torch.einsum("ct,sbt->csb", nodes, matrix)

    def subgraphs(graph, starts, length):
        """[1, C, T] -> [1, C * bins, 1, starts]."""
        context = graph[0][:, nearest(graph)].mean(2)
        parts = [
            align(nodes, starts, length, bins)
            for nodes, bins in ((graph[0], inner_bins), (context, context_bins))
            if bins
        ]
        return torch.cat(parts, 2).transpose(1, 2).flatten(0, 1)[None, :, None]

    with torch.inference_mode():
        base = block(conv(torch.as_tensor(features).T[None], "backbone1.0").relu(), "backbone1.2")
        graph = block(base, "backbone2.0")
        outside = conv(subgraphs(graph, torch.zeros(1), 1), "localization.0")
        rows, num_segments = [], base.shape[2]
        for duration in range(max_duration):
            starts = torch.arange(num_segments - duration) - 0.5 * (duration + 1)
            inside = conv(subgraphs(graph, starts, 2 * duration + 1), "localization.0")
            rows.append(torch.cat([inside, outside.expand(-1, -1, -1, duration)], 3))
        anchors = torch.cat(rows, 2)
        for number in (2, 4, 6, 8):
            anchors = conv(anchors.relu(), f"localization.{number}")
        scores = {
            name: conv(block(base, f"{prefix}.0"), f"{prefix}.1")[0, 0]
            for name, prefix in (("start", "regu_s"), ("end", "regu_e"))
        }
        return {
            name: logits.sigmoid().numpy()
            for name, logits in (scores | {"map": anchors[0]}).items()
        }
