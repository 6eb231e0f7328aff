"""What G-TAD should answer for a video: labels of anchors and positions. NumPy only.

Formulas: G-TAD (arXiv 1911.11462), section 3.4, and its ActivityNet code, whose float64 arithmetic
is kept so that labels are equal to the last bit. All times here are fractions of the feature axis:
0 is the start of the first segment, 1 the end of the last one.
"""

import functools

import numpy as np

# Band around a boundary, in segments.
BAND_HALF_WIDTH = 1.5
# Anchor of position 0 in segments, in the code for ActivityNet: two wide.
POSITION_ANCHOR = (-0.5, 1.5)
# In the code for THUMOS14 it is the segment itself (as in BMN).
WINDOW_POSITION_ANCHOR = (0.0, 1.0)


@functools.lru_cache(maxsize=4)
def valid_mask(num_segments: int, max_duration: int) -> np.ndarray:
    """float32 [D, T], read-only: 1 where the anchor [s, s + d + 1] ends inside the video."""
    durations, starts = np.indices((max_duration, num_segments))
    mask = (starts + durations < num_segments).astype(np.float32)
    mask.setflags(write=False)
    return mask


def anchor_iou_map(segments: np.ndarray, num_segments: int, max_duration: int) -> np.ndarray:
    """Largest tIoU of each anchor [s, s + d + 1] / T with any segment, also of those cut off.

    Args:
        segments: float64 [n, 2], fractions; n may be 0 (all zeros then).

    Returns:
        float32 [D, T], 0..1, rows = duration index, columns = start.
    """
    begin, end, length = _anchors(num_segments, max_duration)
    best = np.zeros((max_duration, num_segments))
    for start, stop in segments:
        overlap = np.minimum(end, stop)
        overlap -= np.maximum(begin, start)
        np.maximum(overlap, 0.0, out=overlap)
        union = length - overlap
        union += stop
        union -= start
        np.divide(overlap, union, out=overlap)
        np.maximum(best, overlap, out=best)
    return best.astype(np.float32)


@functools.lru_cache(maxsize=4)
def _anchors(num_segments: int, max_duration: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Begin [T], end and length [D, T] of all anchors, float64, read-only."""
    gap = 1.0 / num_segments
    begin = gap * np.arange(num_segments)
    end = begin + gap * np.arange(1, max_duration + 1)[:, None]
    anchors = begin, end, end - begin
    for array in anchors:
        array.setflags(write=False)
    return anchors


def boundary_targets(
    boundaries: np.ndarray, num_segments: int, anchor: tuple[float, float] = POSITION_ANCHOR
) -> np.ndarray:
    """Largest share of each position's anchor that lies within 1.5 segments of a boundary.

    Args:
        boundaries: float64 [n], fractions; n may be 0 (all zeros then). Those outside [0, 1] count
            for the positions that they reach.
        anchor: Begin and end of the anchor of position 0, in segments; others are shifted.

    Returns:
        float32 [T], 0..1. The loss calls positions above .5 positive.
    """
    gap = 1.0 / num_segments
    positions = np.arange(num_segments)
    begin, end = gap * (positions + anchor[0]), gap * (positions + anchor[1])
    band = 2 * BAND_HALF_WIDTH * gap / 2
    low, high = boundaries[:, None] - band, boundaries[:, None] + band
    overlap = np.maximum(np.minimum(end, high) - np.maximum(begin, low), 0.0)
    return np.max(overlap / (end - begin), axis=0, initial=0.0).astype(np.float32)


def video_targets(
    segments: np.ndarray, num_segments: int, max_duration: int
) -> dict[str, np.ndarray]:
    """All labels of one video.

    Args:
        segments: float64 [n, 2], fractions in [0, 1] (FeatureSpan.fractions).

    Returns:
        {"start": float32 [T], "end": float32 [T], "map": float32 [D, T]}; map is 0 where not valid.
    """
    segments = np.asarray(segments, np.float64).reshape(-1, 2)
    iou = anchor_iou_map(segments, num_segments, max_duration)
    return {
        "start": boundary_targets(segments[:, 0], num_segments),
        "end": boundary_targets(segments[:, 1], num_segments),
        "map": iou * valid_mask(num_segments, max_duration),
    }


def window_targets(
    segments: np.ndarray, num_segments: int, max_duration: int
) -> dict[str, np.ndarray]:
    """All labels of one window of a longer video, as in the code for THUMOS14.

    What a window cuts off keeps its place: a segment that began before the window has no start in
    it, while its visible part still has a place on the map. (The reference shifts the segments of
    its map, not those of its boundaries, by up to half a frame, because it cuts the begin of the
    window to a whole frame.)

    Args:
        segments: float64 [n, 2], fractions of the window, *not* clamped; those outside of it do no
            harm.

    Returns:
        As video_targets.
    """
    segments = np.asarray(segments, np.float64).reshape(-1, 2)
    iou = anchor_iou_map(np.clip(segments, 0.0, 1.0), num_segments, max_duration)
    return {
        "start": boundary_targets(segments[:, 0], num_segments, WINDOW_POSITION_ANCHOR),
        "end": boundary_targets(segments[:, 1], num_segments, WINDOW_POSITION_ANCHOR),
        "map": iou * valid_mask(num_segments, max_duration),
    }
