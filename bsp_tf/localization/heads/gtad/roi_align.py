"""One-dimensional region alignment as constant matrices. NumPy only.

Aligning features to a region is linear in the features, and in G-TAD (arXiv 1911.11462, section
3.3) the regions are the same for every video: the anchors of a fixed grid. So the align is a
constant matrix over the time axis, built once here.

Rules (those of the reference's CUDA kernel): feature i sits at coordinate i; length = max(end -
start, 1); bin = length / num_bins; each bin averages n samples at (j + .5) / n of the bin, n =
ceil(length / num_bins) or a fixed number; a sample is the linear interpolation of its two
neighbours; before -1 or after T it is 0, in [-1, 0) it is the first feature, in [T - 1, T] the
last.
"""

import numpy as np


def align_matrix(
    starts: np.ndarray, ends: np.ndarray, num_bins: int, num_segments: int, sampling_ratio: int = 0
) -> np.ndarray:
    """The matrix that aligns features to regions: `einsum("abt,tc->abc", matrix, features)`.

    Args:
        starts: float [A], region starts in feature coordinates (segments); may lie outside the
            features.
        ends: float [A], region ends.
        num_bins: Bins a region.
        num_segments: T, length of the features.
        sampling_ratio: Samples a bin; 0 takes ceil(length / num_bins) for each region.

    Returns:
        float32 [A, num_bins, T]; each row sums to 1 or, where samples fall outside, to less.
    """
    starts, ends = np.asarray(starts, np.float64), np.asarray(ends, np.float64)
    length = np.maximum(ends - starts, 1.0)
    counts = (
        np.full(len(length), sampling_ratio)
        if sampling_ratio
        else np.ceil(length / num_bins).astype(int)
    )
    matrix = np.zeros((len(length), num_bins, num_segments))
    bins = np.arange(num_bins)[:, None]
    last = num_segments - 1
    for count in np.unique(counts):
        rows = np.flatnonzero(counts == count)[:, None, None]
        offsets = bins + (np.arange(count) + 0.5) / count
        samples = starts[rows] + length[rows] / num_bins * offsets
        weight = ((samples >= -1) & (samples <= num_segments)) / count
        samples = np.clip(samples, 0, last)
        left = samples.astype(int)
        fraction = samples - left
        np.add.at(matrix, (rows, bins, left), (1 - fraction) * weight)
        np.add.at(matrix, (rows, bins, np.minimum(left + 1, last)), fraction * weight)
    return matrix.astype(np.float32)


def valid_anchors(num_segments: int, max_duration: int) -> tuple[np.ndarray, np.ndarray]:
    """The anchors (start s, duration index d) that end inside the video: s + d < num_segments.

    Returns:
        Two int64 [A] arrays, starts and duration indices, start-major.
    """
    starts, durations = np.indices((num_segments, max_duration)).reshape(2, -1)
    inside = starts + durations < num_segments
    return starts[inside], durations[inside]


def anchor_regions(starts: np.ndarray, durations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The anchor and half its length on both sides: s - (d + 1) / 2 to s + d + (d + 1) / 2.

    Args:
        starts: int [A].
        durations: int [A], duration indices (0 is one segment).

    Returns:
        float64 [A] region starts and ends, in segments.
    """
    margin = 0.5 * (np.asarray(durations) + 1)
    return starts - margin, starts + durations + margin
