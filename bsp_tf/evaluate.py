"""Scores detections as ActivityNet's official scorer does: mAP over tIoU.

    python -m bsp_tf.evaluate --ground_truth=annotations.json --predictions=detections.json \\
        --subset=validation --tiou=0.5:0.05:0.95 --output=scores.json

The ground truth may have any form that training takes: ActivityNet's JSON, G-TAD's files
("anet_anno_action.json,video_info_new.csv") or THUMOS14's CSVs; see `bsp_tf.annotations.reader`.
Predictions are JSON in ActivityNet's form, see `bsp_tf.evaluation.predictions`. All may be gzipped.
The grid is start:step:end (both ends included) or a list such as 0.5,0.75,0.95; THUMOS14 uses
0.3:0.1:0.7. The suffix of --output says its format: .json ({"tiou", "mAP", "average_mAP",
"ap": {label: [one per threshold]}, "warnings": {...}, "localization_alone": {...}}, fractions of
1), .csv (one row per class, fractions of 1) or .md (the same in percent).

Below the mAP stands what the segments alone are worth: mAP where each segment has the true classes
of its video, and the average recall of the segments, labels aside. If both are high, the classes
limit the mAP; if both are low, the segments do.

--recall scores proposals instead, labels aside: average recall against the number of proposals a
video (AR@AN) and its AUC. --boundaries scores boundaries in time: F1 at relative distances from .05
to .5, as Kinetics-GEBD and TAPOS define it; `bsp_tf.evaluation.gebd` says how, and which files.
--errors=errors.json writes what kinds of mistakes were made (DETAD) beside the scores, and
--errors_figure draws them. Needs NumPy and absl only; --errors_figure needs matplotlib too.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np
from absl import flags

from bsp_tf.annotations.reader import annotation_files
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError, without_secrets
from bsp_tf.base.json_file import write_json
from bsp_tf.base.output_files import (
    FIGURE_SUFFIXES,
    check_output_files,
    check_suffix,
    drawing_for,
)
from bsp_tf.base.remote_path import UserPath, given_path
from bsp_tf.evaluation import detection_map as maps
from bsp_tf.evaluation import filtering, score_tables, thresholds
from bsp_tf.evaluation import proposal_recall as recalls
from bsp_tf.evaluation.characteristics import SCALE_NAMES
from bsp_tf.evaluation.error_analysis import analyze_errors
from bsp_tf.evaluation.gebd.boundary_f1 import BoundaryScores, boundary_f1
from bsp_tf.evaluation.gebd.ground_truth import load_boundary_truths
from bsp_tf.evaluation.gebd.predictions import load_boundaries
from bsp_tf.evaluation.ground_truth import load_ground_truth
from bsp_tf.evaluation.predictions import load_predictions, load_proposals

FLAGS = flags.FLAGS
_NOT_WITH_BOUNDARIES = (
    "tiou blocked_videos remove_duplicates per_class recall max_proposals exact_recall errors "
    "errors_figure errors_scale"
).split()


@dataclasses.dataclass(frozen=True)
class Options:
    """What is scored, and how.

    subset: Subset of the ground truth.
    tiou: Numbers [T] in (0, 1].
    blocked_videos: File with names of videos to leave out, see `filtering.load_video_list`.
    remove_duplicates: Leave out ground truths that are there twice.
    recall: Average recall of proposals instead of mAP.
    max_proposals, exact_recall: See `proposal_recall`.
    errors_scale: Groups of the error analysis, see `characteristics.split`.
    """

    subset: str = "validation"
    tiou: np.ndarray = dataclasses.field(default_factory=lambda: thresholds.ACTIVITYNET_TIOU)
    blocked_videos: str | None = None
    remove_duplicates: bool = False
    recall: bool = False
    max_proposals: int = 100
    exact_recall: bool = False
    errors_scale: str = "activitynet"


def evaluate(
    ground_truth: str | os.PathLike,
    predictions: str | os.PathLike,
    options: Options,
    output: str | os.PathLike | None = None,
    errors: str | os.PathLike | None = None,
    errors_figure: str | os.PathLike | None = None,
) -> maps.DetectionScores | recalls.RecallScores:
    """Reads both files, scores, and writes (atomically) the outputs that are given.

    Args:
        ground_truth: Annotations, see `bsp_tf.annotations.reader.read_entries`.
        predictions: Detections; with `options.recall` proposals.
        options: See `Options`.
        output: Scores; .json, .csv or .md.
        errors: JSON with the error analysis of the detections.
        errors_figure: Its picture; .png, .svg or .pdf.

    Raises:
        InputError: a file is missing or malformed (the message names file, video, entry and key),
            or an output is an input, has another suffix or does not go with the options.
    """
    inputs = [*annotation_files(ground_truth), predictions, *filter(None, [options.blocked_videos])]
    outputs = {"output": output, "errors": errors, "errors_figure": errors_figure}
    _check_outputs(inputs, options, {name: path for name, path in outputs.items() if path})
    truths = load_ground_truth(ground_truth, options.subset, refuse_reversed=False)
    found = load_proposals(predictions) if options.recall else load_predictions(predictions)
    truths, [found], left_out = filtering.select_scored(
        truths, [found], options.blocked_videos, options.remove_duplicates
    )
    scores: maps.DetectionScores | recalls.RecallScores
    if options.recall:
        scores = recalls.proposal_recall(
            truths, found, options.tiou, options.max_proposals, options.exact_recall
        )
    else:
        alone = maps.localization_alone(truths, found, options.tiou)
        scores = maps.detection_map(truths, found, options.tiou)
        scores = dataclasses.replace(scores, localization=alone)
    scores = dataclasses.replace(scores, warnings=left_out | scores.warnings)
    if errors or errors_figure:
        analysis = analyze_errors(truths, found, options.tiou, options.errors_scale).to_json()
        if errors:
            write_json(
                errors,
                {
                    "tiou": np.asarray(options.tiou).tolist(),
                    "scale": options.errors_scale,
                    **analysis,
                },
            )
        if errors_figure:
            _draw_errors(analysis, given_path(errors_figure))
    if output:
        score_tables.write_scores(output, scores)
    return scores


def evaluate_boundaries(
    ground_truth: str | os.PathLike,
    predictions: str | os.PathLike,
    subset: str = "validation",
    min_score: float | None = None,
    output: str | os.PathLike | None = None,
) -> BoundaryScores:
    """Reads both files, scores boundaries in time, and writes (atomically) the scores.

    Args:
        ground_truth: A file in one of the forms of `bsp_tf.evaluation.gebd.ground_truth`.
        predictions: A file in one of the forms of `bsp_tf.evaluation.gebd.predictions`.
        subset: Of our own annotations; the other forms have none.
        min_score: Leaves out boundaries with a lower score; None: no score is needed.
        output: Scores; .json, .csv or .md.

    Raises:
        InputError: as `evaluate`.
    """
    outputs = {"output": output} if output else {}
    _check_outputs([ground_truth, predictions], Options(), outputs)
    truths = load_boundary_truths(ground_truth, subset)
    found, left_out = load_boundaries(predictions, min_score)
    scores = boundary_f1(truths, found)
    if left_out:
        warnings = {**scores.warnings, "predictions_below_min_score": left_out}
        scores = dataclasses.replace(scores, warnings=warnings)
    if output:
        score_tables.write_scores(output, scores)
    return scores


def _check_outputs(
    inputs: Sequence[str | os.PathLike], options: Options, outputs: Mapping[str, str | os.PathLike]
) -> None:
    if options.recall and ("errors" in outputs or "errors_figure" in outputs):
        raise InputError(
            "--errors analyses detections, --recall scores proposals: leave one of the two out."
        )
    if "output" in outputs:
        score_tables.check_suffix(outputs["output"])
    if "errors_figure" in outputs:
        check_suffix("errors_figure", outputs["errors_figure"], FIGURE_SUFFIXES)
    check_output_files(inputs, outputs)


def _draw_errors(analysis: dict, path: UserPath) -> None:
    with drawing_for("errors_figure"):
        from bsp_tf.report.figures import errors, style
    style.save_figure(errors.draw_errors({"detections": analysis}), path)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string(
        "ground_truth", None, "Annotations, JSON or CSV, .gz or not.", required=True
    )
    flags.DEFINE_string("predictions", None, "Predictions JSON, .gz or not.", required=True)
    flags.DEFINE_string("subset", "validation", "Subset of the ground truth to score.")
    flags.DEFINE_string("tiou", "0.5:0.05:0.95", "Thresholds, start:step:end or a list a,b,c.")
    flags.DEFINE_string(
        "blocked_videos",
        None,
        "Videos to leave out: text, one name per line, or a JSON list (.json).",
    )
    flags.DEFINE_bool(
        "remove_duplicates", False, "Leave out ground truths that are there twice (within 1 ms)."
    )
    flags.DEFINE_bool("per_class", False, "Print the average precision of each class too.")
    flags.DEFINE_string(
        "output", None, "Scores to write, .json, .csv or .md (default: print only)."
    )
    flags.DEFINE_bool(
        "recall", False, "Score proposals: average recall (AR@AN) and its AUC, labels aside."
    )
    flags.DEFINE_bool(
        "boundaries", False, "Score boundaries in time: F1 at relative distances from .05 to .5."
    )
    flags.DEFINE_float(
        "min_score", None, "With --boundaries: leave out boundaries with a lower score."
    )
    flags.DEFINE_integer(
        "max_proposals", 100, "With --recall: the largest average number of proposals per video."
    )
    flags.DEFINE_bool(
        "exact_recall",
        False,
        "With --recall: whole numbers, without the official scorer's roundings.",
    )
    flags.DEFINE_string("errors", None, "Error analysis to write, .json.")
    flags.DEFINE_string("errors_figure", None, "Picture of the error analysis, .png, .svg or .pdf.")
    flags.DEFINE_enum(
        "errors_scale", "activitynet", SCALE_NAMES, "How the error analysis groups ground truths."
    )


def main(argv: Sequence[str]) -> None:
    """Runs the command with the parsed flags."""
    del argv
    if FLAGS.boundaries:
        _score_boundaries()
        return
    if FLAGS.min_score is not None:
        raise InputError("--min_score goes with --boundaries only: add that, or leave it out.")
    options = Options(
        FLAGS.subset,
        thresholds.parse_tiou(FLAGS.tiou),
        FLAGS.blocked_videos,
        FLAGS.remove_duplicates,
        FLAGS.recall,
        FLAGS.max_proposals,
        FLAGS.exact_recall,
        FLAGS.errors_scale,
    )
    outputs = [FLAGS.output, FLAGS.errors, FLAGS.errors_figure]
    scores = evaluate(FLAGS.ground_truth, FLAGS.predictions, options, *outputs)
    what = "average recall"
    if isinstance(scores, maps.DetectionScores):
        what = f"{len(scores.class_names)} classes"
    files = f"{FLAGS.predictions} on subset {FLAGS.subset!r} of {FLAGS.ground_truth}"
    print(f"{without_secrets(files)}: {what}")
    print(score_tables.format_scores(scores, FLAGS.per_class))
    for path, name in zip(outputs, ("scores", "error analysis", "picture of it"), strict=True):
        if path:
            print(f"{name} written to {path}")


def _score_boundaries() -> None:
    for name in _NOT_WITH_BOUNDARIES:
        if FLAGS[name].present:
            raise InputError(f"--{name} does not go with --boundaries: leave one of the two out.")
    scores = evaluate_boundaries(
        FLAGS.ground_truth, FLAGS.predictions, FLAGS.subset, FLAGS.min_score, FLAGS.output
    )
    files = without_secrets(f"{FLAGS.predictions} against {FLAGS.ground_truth}")
    print(f"{files}: boundaries, {scores.num_videos} videos")
    print(score_tables.format_scores(scores))
    if FLAGS.output:
        print(f"scores written to {FLAGS.output}")


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
