"""Whether frame k of a file is shown at k / rate, by the timestamps of its packets: not decoded.

Phones, screen recorders and browsers write frames as they come, and recordings have gaps. Where the
time of a frame is computed from its number, such files must be brought to one rate first.
"""

import numpy as np

from bsp_tf.base.remote_path import AnyPath
from bsp_tf.video.stream import MAX_PLAUSIBLE_FPS, MIN_PLAUSIBLE_FPS, open_video, packet_times
from bsp_tf.video.timing import MAX_GAP_SECONDS

# How far a stated rate may be from that of most frames and still be theirs: timestamps are rounded.
RATE_TOLERANCE = 0.1


def uneven_rate(path: AnyPath, fps: float) -> float | None:
    """The rate that the frames of a video have to be brought to; None if they have it already.

    Args:
        path: video file; all of it is read.
        fps: frames per second that its header states.

    Returns:
        None: no frame is shown more than a frame's time before or after k / fps, or the file does
        not say. Else `fps` if most frames follow each other so fast, else the rate at which most
        of them do, in frames per second.

    Raises:
        VideoError: it cannot be opened. Damage behind that is left to those who decode it.
    """
    with open_video(path) as (container, stream):
        times = np.sort(np.fromiter(packet_times(container, stream), np.float64))
    steps = np.diff(times)
    # Some packets of AVI files do not say when they are shown.
    if not len(steps) or np.isnan(times).any():
        return None
    # As `timing.in_time` takes them.
    steps[(steps == 0) | (steps > MAX_GAP_SECONDS)] = 1 / fps
    late = np.cumsum(steps) - np.arange(1, len(times)) / fps
    if np.abs(late).max() <= 1 / fps:
        return None
    rate = round(1 / float(np.median(steps)), 3)
    if abs(rate / fps - 1) <= RATE_TOLERANCE:
        return fps
    return min(max(rate, MIN_PLAUSIBLE_FPS), MAX_PLAUSIBLE_FPS)
