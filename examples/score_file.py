"""Scores a file of detections with `bsp_tf.evaluation` as a library (NumPy only, no TensorFlow).

    python examples/score_file.py --ground_truth=annotations.json --predictions=detections.json

The ground truth may have any form that bsp_tf.evaluate reads. Prints the average mAP, the best and
the worst classes, the average recall of the proposals, and what was unusual in the files.
"""

import argparse
import sys

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.detection_map import WARNING_TEXT, detection_map
from bsp_tf.evaluation.ground_truth import load_ground_truth
from bsp_tf.evaluation.predictions import load_predictions
from bsp_tf.evaluation.proposal_recall import proposal_recall


def main() -> int:
    parser = argparse.ArgumentParser(description="Scores a file of detections.")
    parser.add_argument("--ground_truth", required=True, help="annotations, JSON or CSV")
    parser.add_argument("--predictions", required=True, help="detections JSON, .gz or not")
    parser.add_argument("--subset", default="validation")
    args = parser.parse_args()

    tiou = np.linspace(0.5, 0.95, 10)
    try:
        truths = load_ground_truth(args.ground_truth, args.subset)
        detections = load_predictions(args.predictions)
        scores = detection_map(truths, detections, tiou)
        recall = proposal_recall(truths, detections, tiou)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2

    print(
        f"{len(truths)} segments of {len(truths.class_names)} classes, {len(detections)} detections"
    )
    print(f"average mAP {scores.average:.4f}, mAP at tIoU 0.5 {scores.mean_ap[0]:.4f}")
    per_class = scores.ap.mean(axis=1)  # [num_classes]
    order = np.argsort(-per_class, kind="stable")
    for title, places in (("best", order[:3]), ("worst", order[::-1][:3])):
        print(f"{title}:", ", ".join(f"{scores.class_names[i]} {per_class[i]:.4f}" for i in places))
    print(f"average recall at 10 proposals per video {recall.at(10):.4f}, area {recall.area:.4f}")
    for key, count in scores.warnings.items():
        print(f"note: {count} {WARNING_TEXT[key]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
