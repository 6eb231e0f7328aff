"""Scores detections: mean average precision over tIoU thresholds, as the official ActivityNet scorer does.

    python -m bsp_tf.evaluate --ground_truth=annotations.json --predictions=detections.json \\
        --subset=validation --tiou=0.5:0.05:0.95 --output=scores.json

Both inputs are JSON in ActivityNet's form (`bsp_tf.evaluation.ground_truth` describes it), gzipped or not.
The grid is start:step:end (both ends included) or a list such as 0.5,0.75,0.95; THUMOS14 uses 0.3:0.1:0.7.
The output holds {"tiou", "mAP", "average_mAP", "ap": {label: [one a threshold]}, "warnings": {...}},
fractions of 1. Needs NumPy only.
"""

import os
from collections.abc import Sequence

import numpy as np
from absl import flags

from bsp_tf.base.atomic_file import write_json
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.detection_map import WARNING_TEXT, DetectionScores, detection_map
from bsp_tf.evaluation.ground_truth import load_ground_truth, load_predictions

FLAGS = flags.FLAGS

# A table of this many thresholds still fits a terminal.
MOST_COLUMNS = 10


def parse_tiou(text: str) -> np.ndarray:
    """Thresholds float64 [T] of "start:step:end" (np.linspace, both ends included) or "a,b,c".

    The grid is np.linspace and no repeated addition: 0.3:0.1:0.7 holds 0.39999999999999997, as official
    scorers do.

    Raises:
        InputError: no such form, not in (0, 1], or a step that does not reach the end.
    """
    remedy = "write start:step:end such as 0.5:0.05:0.95, or a list such as 0.5,0.75,0.95, within (0, 1]."
    try:
        numbers = [float(part) for part in text.split(":" if ":" in text else ",")]
    except ValueError as error:
        raise InputError(f"--tiou={text}: not all parts are numbers; {remedy}") from error
    if ":" in text:
        if (
            len(numbers) != 3
            or not numbers[1] > 0
            or not 0 < numbers[0] <= numbers[2] <= 1
            or numbers[1] < 1e-4
        ):
            raise InputError(f"--tiou={text} is no grid; {remedy}")
        start, step, end = numbers
        steps = round((end - start) / step)
        if abs(start + steps * step - end) > 1e-6:
            raise InputError(
                f"--tiou={text}: steps of {step:g} from {start:g} do not end at {end:g}; {remedy}"
            )
        return np.linspace(start, end, steps + 1)
    if not all(0 < number <= 1 for number in numbers):
        raise InputError(f"--tiou={text} leaves (0, 1]; {remedy}")
    return np.array(numbers)


def evaluate(
    ground_truth: str, predictions: str, subset: str, tiou: np.ndarray, output: str | None = None
) -> DetectionScores:
    """Reads both files, scores, and writes `output` (atomically) if given.

    Raises:
        InputError: a file is missing or malformed (the message names file, video, entry and key), or `output` is an
            input.
    """
    if output and any(os.path.exists(output) and os.path.samefile(output, path)
                      for path in (ground_truth, predictions) if os.path.exists(path)):
        raise InputError(f"--output={output} is one of the inputs: give another file.")
    scores = detection_map(load_ground_truth(ground_truth, subset), load_predictions(predictions), tiou)
    if output:
        write_json(output, scores.to_json())
    return scores


def format_scores(scores: DetectionScores) -> str:
    """A table in percent, then one line a warning."""
    columns = [
        (f"{threshold:.4g}", value) for threshold, value in zip(scores.tiou, scores.mean_ap, strict=True)
    ]
    if len(columns) > MOST_COLUMNS:
        columns = []
    columns.append(("average", scores.average))
    lines = [
        "tIoU " + "".join(f"{name:>8}" for name, _ in columns),
        "mAP %" + "".join(f"{100 * value:8.2f}" for _, value in columns),
    ]
    for key, count in scores.warnings.items():
        names = ""
        if key == "predictions_with_unknown_label":
            names = ": " + ", ".join(map(ascii, scores.unknown_labels[:5]))
            names += ", ..." if len(scores.unknown_labels) > 5 else ""
        lines.append(f"note: {count} {WARNING_TEXT[key]}{names}")
    return "\n".join(lines)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("ground_truth", None, "Ground truth JSON, .gz or not.", required=True)
    flags.DEFINE_string("predictions", None, "Predictions JSON, .gz or not.", required=True)
    flags.DEFINE_string("subset", "validation", "Subset of the ground truth to score.")
    flags.DEFINE_string("tiou", "0.5:0.05:0.95", "Thresholds, start:step:end or a list a,b,c.")
    flags.DEFINE_string("output", None, "Scores JSON to write (default: print only).")


def main(argv: Sequence[str]) -> None:
    """Runs the command with the parsed flags."""
    del argv
    scores = evaluate(
        FLAGS.ground_truth, FLAGS.predictions, FLAGS.subset, parse_tiou(FLAGS.tiou), FLAGS.output
    )
    print(
        f"{FLAGS.predictions} on subset {FLAGS.subset!r} of {FLAGS.ground_truth}: "
        f"{len(scores.class_names)} classes"
    )
    print(format_scores(scores))
    if FLAGS.output:
        print(f"scores written to {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
