"""The numbers that two detectors are compared by, of all videos and of resamples of them."""

from dataclasses import dataclass

import numpy as np

from bsp_tf.comparison.resampled_map import MatchedDetections, map_of_resamples, match_detections
from bsp_tf.comparison.resampled_recall import RankedProposals, rank_proposals, recall_of_resamples
from bsp_tf.evaluation.detection_map import distinct_segments
from bsp_tf.evaluation.ground_truth import Instances
from bsp_tf.evaluation.proposal_recall import PERCENT

AVERAGE_MAP, AREA = "average mAP", "AUC"
# Numbers of proposals a video whose average recall is compared.
SHOWN_NUMBERS = (1, 5, 10, 50, 100)


@dataclass(frozen=True)
class Run:
    """The detections of one run, ready to be scored on any resample of the videos."""

    detections: MatchedDetections
    proposals: RankedProposals


def prepare_run(
    ground_truth: Instances, predictions: Instances, tiou: np.ndarray, max_proposals: int
) -> Run:
    """Matches the detections with the ground truth, once for all resamples.

    Args:
        ground_truth: At least one instance.
        predictions: With scores; may be empty. Recall takes each segment once, as in
            `localization_alone`.
        tiou: float64 [T] in (0, 1].
        max_proposals: The largest AN, at least 1.

    Raises:
        InputError: the predictions have no scores.
    """
    return Run(
        match_detections(ground_truth, predictions, tiou),
        rank_proposals(ground_truth, distinct_segments(predictions), tiou, max_proposals),
    )


def measure_names(tiou: np.ndarray, max_proposals: int) -> list[str]:
    """Names of the columns of `measure`: mAP by threshold, its average, AR@AN, AUC."""
    return [
        *(f"mAP@{threshold:.4g}" for threshold in tiou),
        AVERAGE_MAP,
        *(f"AR@{number}" for number in _shown_numbers(max_proposals)),
        AREA,
    ]


def _shown_numbers(max_proposals: int) -> list[int]:
    """Numbers of proposals that have an average recall: the first one has a hundredth of them."""
    return [number for number in SHOWN_NUMBERS if max_proposals / 100 <= number <= max_proposals]


def measure(run: Run, weights: np.ndarray) -> np.ndarray:
    """Each measure of each resample, float64 [R, M], fractions; NaN without ground truth.

    Args:
        run: Detections of one run.
        weights: int32 [R, videos], how often each resample holds each video; all videos once is
            the score itself.
    """
    mean_ap = map_of_resamples(run.detections, weights)
    recall = recall_of_resamples(run.proposals, weights)
    most = run.proposals.max_proposals
    numbers = PERCENT / 100.0 * most
    places = [
        int(np.searchsorted(numbers, number + 1e-9, side="right")) - 1
        for number in _shown_numbers(most)
    ]
    middles = (recall[:, 1:] + recall[:, :-1]) / 2
    area = (middles * np.diff(numbers)).sum(axis=1) / numbers[-1]
    return np.column_stack([mean_ap, mean_ap.mean(axis=1), recall[:, places], area])
