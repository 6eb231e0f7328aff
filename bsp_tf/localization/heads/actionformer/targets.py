"""What every point of the pyramid should say about the segments of a video. NumPy only.

A point is responsible for a segment if it lies in its middle, within 1.5 strides of its centre, and
if the farther end of the segment is as far away as the point's level looks. Of several segments the
shortest counts; classes of others that are as long are wanted too.
"""

import numpy as np

from bsp_tf.localization.heads.actionformer.pyramid import Points

# How far from the centre of a segment its points may lie, in strides of their level.
CENTRE_RADIUS = 1.5
# Segments whose lengths differ by no more, in columns, are of one length.
SAME_LENGTH = 1e-3


def point_targets(
    points: Points, segments: np.ndarray, labels: np.ndarray, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Classes float32 [P, K], 0 or 1, and offsets float32 [P, 2] of P points.

    Offsets are the distances to the start and the end of the segment, in strides of the level; of
    points without a class they mean nothing.

    Args:
        points: The P points.
        segments: [n, 2] in columns, see `pyramid`; n may be 0.
        labels: int64 [n], below `num_classes`.
        num_classes: K.
    """
    count = len(points.positions)
    classes = np.zeros((count, num_classes), np.float32)
    if not len(segments):
        return classes, np.zeros((count, 2), np.float32)
    # In float32 as the reference: a distance of exactly 4 columns belongs to two levels.
    starts, ends = np.asarray(segments, np.float32).T
    lengths, middles = ends - starts, np.float32(0.5) * (starts + ends)
    at, stride = points.positions[:, np.newaxis], points.strides[:, np.newaxis]
    distances = np.stack([at - starts, ends - at], -1)
    radius = stride * np.float32(CENTRE_RADIUS)
    in_the_middle = (at > np.maximum(starts, middles - radius)) & (
        at < np.minimum(ends, middles + radius)
    )
    farther = distances.max(-1)
    of_this_level = (farther >= points.lows[:, np.newaxis]) & (
        farther <= points.highs[:, np.newaxis]
    )
    lengths = np.where(in_the_middle & of_this_level, lengths, np.inf)
    shortest, number = lengths.min(1), lengths.argmin(1)
    wanted = np.isfinite(lengths) & (lengths <= shortest[:, np.newaxis] + np.float32(SAME_LENGTH))
    point, segment = np.nonzero(wanted)
    classes[point, labels[segment]] = 1
    offsets = distances[np.arange(count), number] / stride
    return classes, offsets.astype(np.float32)
