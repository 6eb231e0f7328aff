"""Groups of ground truths by what may make them hard to find.

Length, coverage and number of instances, and the ends of the groups, are DETAD's (Alwassel et al.,
Diagnosing Error in Temporal Action Detectors, ECCV 2018, section 3; ends of the groups as in its
published program).
"""

from dataclasses import dataclass

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.ground_truth import Instances

SIZES = ("XS", "S", "M", "L", "XL")
# Upper ends of the groups; each group holds its upper end.
SCALES = {
    "activitynet": {
        "length": (30, 60, 120, 180, np.inf),
        "coverage": (0.2, 0.4, 0.6, 0.8, 1),
        "instances": (1, 4, 8, np.inf),
    },
    "thumos14": {
        "length": (3, 6, 12, 18, np.inf),
        "coverage": (0.02, 0.04, 0.06, 0.08, 1),
        "instances": (1, 40, 80, np.inf),
    },
}
# For other data sets: five groups of about the same size, fewer where values repeat.
QUINTILES = "quintiles"
SCALE_NAMES = (*SCALES, QUINTILES)


@dataclass(frozen=True)
class Group:
    """Ground truths whose characteristic is in (lowest, highest]; members: bool [n]."""

    size: str
    lowest: float
    highest: float
    members: np.ndarray


def measure(ground_truth: Instances) -> dict[str, np.ndarray]:
    """Characteristic -> its value for each ground truth, float64 [n].

    Returns:
        length: Seconds.
        coverage: Length / duration of the video, at most 1 (annotations end after the video now and
            then); NaN where the duration is not known.
        instances: Ground truths of the same class in the same video.
    """
    length = np.diff(ground_truth.segment)[:, 0]
    duration = np.array(
        [ground_truth.duration.get(name, np.nan) for name in ground_truth.video_names]
    )
    key = ground_truth.video * len(ground_truth.class_names) + ground_truth.label
    _, place, count = np.unique(key, return_inverse=True, return_counts=True)
    return {
        "length": length,
        "coverage": np.minimum(length / duration[ground_truth.video], 1),
        "instances": count[place].astype(float),
    }


def split(ground_truth: Instances, scale: str) -> dict[str, list[Group]]:
    """Characteristic -> its groups, small to large; some may be empty.

    Args:
        ground_truth: Instances, with durations where coverage is wanted.
        scale: One of SCALE_NAMES.

    Raises:
        InputError: there is no such scale.
    """
    if scale not in SCALE_NAMES:
        raise InputError(f"there is no scale {scale!r}: choose one of {', '.join(SCALE_NAMES)}.")
    groups = {}
    for name, values in measure(ground_truth).items():
        ends = _quintiles(values) if scale == QUINTILES else SCALES[scale][name]
        groups[name] = [
            Group(size, low, high, (values > low) & (values <= high))
            for size, low, high in zip(SIZES, (0, *ends[:-1]), ends, strict=False)
        ]
    return groups


def _quintiles(values: np.ndarray) -> tuple[float, ...]:
    """Different values that a fifth, two fifths, ... of all reach at most; none for none."""
    known = values[np.isfinite(values)]
    if not len(known):
        return ()
    return tuple(
        np.unique(np.quantile(known, (0.2, 0.4, 0.6, 0.8, 1), method="inverted_cdf")).tolist()
    )
