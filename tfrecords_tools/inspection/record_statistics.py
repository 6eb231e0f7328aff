"""Numbers of a folder of records as text: counts, durations, rates, sizes, and clips per class."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from tfrecords_tools.inspection.record_check import StoredClip

PERCENTILES = {"min": 0, "5 %": 5, "median": 50, "95 %": 95, "max": 100}
BAR_WIDTH = 30
# More classes than this are shown by their two ends.
MAX_CLASSES = 50


def statistics_text(
    clips: Sequence[StoredClip], labels: Sequence[str] | None, num_shards: int
) -> str:
    """Several lines for people.

    Args:
        clips: sound records.
        labels: label map, for classes without a clip; None: the classes that occur.
        num_shards: shards that they come from.
    """
    num_frames = sum(clip.num_frames for clip in clips)
    num_bytes = sum(clip.num_bytes for clip in clips)
    lines = [
        f"{len(clips)} clips, {num_frames} frames, {num_bytes / 1e6:.1f} MB in {num_shards} shards"
    ]
    if clips:
        lines += ["", *_table(clips), "", *_sizes(clips)]
    return "\n".join([*lines, "", *_histogram(clips, labels)])


def _table(clips: Sequence[StoredClip]) -> list[str]:
    columns: dict[str, Sequence[float]] = {
        "seconds": [clip.seconds for clip in clips],
        "frames": [clip.num_frames for clip in clips],
        "fps": [clip.fps for clip in clips],
        "short side": [min(clip.height, clip.width) for clip in clips],
        "long side": [max(clip.height, clip.width) for clip in clips],
        "MB a clip": [clip.num_bytes / 1e6 for clip in clips],
        "kB a frame": [clip.num_bytes / clip.num_frames / 1e3 for clip in clips],
    }
    lines = [f"{'':11}" + "".join(f"{name:>10}" for name in PERCENTILES)]
    for name, values in columns.items():
        numbers = np.percentile(values, list(PERCENTILES.values()), method="nearest")
        lines.append(f"{name:11}" + "".join(f"{number:10.5g}" for number in numbers))
    return lines


def _sizes(clips: Sequence[StoredClip]) -> list[str]:
    sizes = Counter((clip.width, clip.height) for clip in clips).most_common()
    shown = ", ".join(f"{width}x{height} ({count})" for (width, height), count in sizes[:6])
    return [f"sizes: {shown}" + (f" and {len(sizes) - 6} others" if len(sizes) > 6 else "")]


def _histogram(clips: Sequence[StoredClip], labels: Sequence[str] | None) -> list[str]:
    counts = Counter({label: 0 for label in labels or ()})
    counts.update(clip.label for clip in clips if clip.label)
    unlabelled = sum(not clip.label for clip in clips)
    lines = [
        f"{len(counts)} classes, {sum(not count for count in counts.values())} of them without a "
        f"clip; {unlabelled} clips without a label"
    ]
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    half = MAX_CLASSES // 2
    shown: list[tuple[str, int] | None] = [*ordered]
    if len(ordered) > MAX_CLASSES:
        shown = [*ordered[:half], None, *ordered[-half:]]
    name_width = max((len(item[0]) for item in shown if item), default=0)
    most = max(ordered[0][1], 1) if ordered else 1
    for item in shown:
        if item is None:
            lines.append(f"  ... {len(ordered) - 2 * half} more ...")
        else:
            label, count = item
            lines.append(
                f"  {label:{name_width}} {count:7} {'#' * round(BAR_WIDTH * count / most)}".rstrip()
            )
    return lines
