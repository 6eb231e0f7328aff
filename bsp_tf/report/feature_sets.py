"""Action features alone against both feature sets: the differences and how sure they are."""

import numpy as np

from bsp_tf.comparison.bootstrap import Comparison, Difference, compare_runs
from bsp_tf.evaluation.filtering import without_reversed
from bsp_tf.evaluation.ground_truth import load_ground_truth
from bsp_tf.evaluation.predictions import load_predictions
from bsp_tf.report.formats import signed
from bsp_tf.report.sources import Sources

# Scores of other detections, or of fewer videos, differ by more.
SAME_SCORE = 1e-6


def compare_feature_sets(
    sources: Sources, tiou: list[float], averages: dict[str, float]
) -> Comparison | None:
    """Two-stream minus action; None where the detections that were scored are not there.

    Args:
        sources: Where annotations and detections lie.
        tiou: Thresholds that were scored.
        averages: Stream -> average mAP that was scored, to see that it is of these detections.

    Raises:
        InputError: a file cannot be understood.
    """
    paths = [sources.detections[stream] for stream in ("action", "two_stream")]
    if not all(path.exists() for path in paths):
        return None
    truths = without_reversed(
        load_ground_truth(sources.annotations, sources.subset, refuse_reversed=False)
    )
    if len(truths.video_names) < 2:
        return None
    action, two_stream = (load_predictions(path) for path in paths)
    comparison = compare_runs(truths, [action], [two_stream], np.array(tiou))
    average = comparison["average mAP"]
    pairs = ((average.first, averages["action"]), (average.second, averages["two_stream"]))
    same = all(abs(ours - scored) < SAME_SCORE for ours, scored in pairs)
    return comparison if same else None


def interval(difference: Difference, digits: int) -> str:
    """Both ends of the interval in percentage points.

    >>> interval(Difference("AUC", 0.5, 0.51, -0.0123, 0.03), 1)
    '−1.2 to +3.0'
    """
    return f"{signed(100 * difference.low, digits)} to {signed(100 * difference.high, digits)}"
