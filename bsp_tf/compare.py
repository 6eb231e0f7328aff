"""Compares two detectors: differences of their scores with 95% intervals.

    python -m bsp_tf.compare --ground_truth=annotations.json --output=comparison.json \\
        --figure=comparison.png action.json two_stream.json
    python -m bsp_tf.compare --ground_truth=annotations.json a1.json,a2.json,a3.json \\
        b1.json,b2.json,b3.json

The two arguments are the sides A and B, each one file of detections or several with commas between
them: runs of the same training with other seeds. The differences B - A of mAP at each tIoU, of
their average, of AR@AN and of the AUC get an interval from a bootstrap over the videos, on which
both sides are scored, and over the seeds; `bsp_tf.comparison.bootstrap` says how. Where an interval
holds 0, the data do not tell which side is better. With one file a side the interval leaves the
seeds aside, which often change more than what is compared.

Files are those of `bsp_tf.evaluate`; every score is the one that it gives. The values of --output
are fractions of 1. Needs NumPy and absl only; --figure needs matplotlib too.
"""

import os
from collections.abc import Sequence

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
from bsp_tf.comparison.bootstrap import NUM_RESAMPLES, Comparison, compare_runs
from bsp_tf.comparison.difference_table import format_comparison
from bsp_tf.evaluation import filtering, thresholds
from bsp_tf.evaluation.ground_truth import load_ground_truth
from bsp_tf.evaluation.predictions import load_predictions

FLAGS = flags.FLAGS


def compare(
    ground_truth: str | os.PathLike,
    first: Sequence[str],
    second: Sequence[str],
    subset: str = "validation",
    tiou: np.ndarray = thresholds.ACTIVITYNET_TIOU,
    blocked_videos: str | None = None,
    max_proposals: int = 100,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Reads the files and compares the sides.

    Args:
        ground_truth: Annotations, see `bsp_tf.annotations.reader.read_entries`.
        first, second: Files with the detections of each side, a file for each run.
        subset: Subset of the ground truth.
        tiou, max_proposals, num_resamples, seed: See `compare_runs`.
        blocked_videos: File with names of videos to leave out, see `filtering.load_video_list`.

    Raises:
        InputError: a file is missing or malformed (the message names file, video, entry and key),
            or the data cannot be compared; see `compare_runs`.
    """
    truths = load_ground_truth(ground_truth, subset, refuse_reversed=False)
    runs = [load_predictions(path) for path in [*first, *second]]
    truths, runs, _ = filtering.select_scored(truths, runs, blocked_videos)
    return compare_runs(
        truths,
        runs[: len(first)],
        runs[len(first) :],
        tiou,
        max_proposals,
        num_resamples,
        seed,
    )


def split_sides(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Files of the sides A and B out of the two arguments.

    Raises:
        InputError: there are not two, or one names no file or an empty one.
    """
    sides = [argument.split(",") for argument in arguments]
    if len(sides) != 2 or not all(all(side) for side in sides):
        raise InputError(
            f"{len(sides)} arguments besides the flags: name the files of both sides, "
            "A.json[,A2.json...] B.json[,B2.json...]."
        )
    return sides[0], sides[1]


def _check_outputs(inputs: Sequence[str | os.PathLike], output: str, figure: str) -> None:
    if figure:
        check_suffix("figure", figure, FIGURE_SUFFIXES)
    if output:
        check_suffix("output", output, (".json",))
    outputs = {"output": output, "figure": figure}
    check_output_files(inputs, {name: path for name, path in outputs.items() if path})


def _draw(comparison: Comparison, path: UserPath) -> None:
    with drawing_for("figure"):
        from bsp_tf.report.figures import forest, style
    rows = [(item.name, item.value, item.low, item.high) for item in comparison.differences]
    style.save_figure(forest.draw_forest(rows, "B − A, percentage points"), path)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string(
        "ground_truth", None, "Annotations, JSON or CSV, .gz or not.", required=True
    )
    flags.DEFINE_string("subset", "validation", "Subset of the ground truth to score.")
    flags.DEFINE_string("tiou", "0.5:0.05:0.95", "Thresholds, start:step:end or a list a,b,c.")
    flags.DEFINE_string(
        "blocked_videos",
        None,
        "Videos to leave out: text, one name per line, or a JSON list (.json).",
    )
    flags.DEFINE_integer(
        "max_proposals", 100, "The largest average number of proposals per video (AR@AN)."
    )
    flags.DEFINE_integer("resamples", NUM_RESAMPLES, "Resamples of the videos.")
    flags.DEFINE_integer("seed", 0, "Seed of the resamples.", lower_bound=0)
    flags.DEFINE_string("output", None, "Comparison to write, .json (default: print only).")
    flags.DEFINE_string("figure", None, "Picture of the differences, .png, .svg or .pdf.")


def main(argv: Sequence[str]) -> None:
    """Runs the command with the parsed flags."""
    first, second = split_sides(argv[1:])
    blocked = filter(None, [FLAGS.blocked_videos])
    inputs = [*annotation_files(FLAGS.ground_truth), *first, *second, *blocked]
    _check_outputs(inputs, FLAGS.output, FLAGS.figure)
    comparison = compare(
        FLAGS.ground_truth,
        first,
        second,
        FLAGS.subset,
        thresholds.parse_tiou(FLAGS.tiou),
        FLAGS.blocked_videos,
        FLAGS.max_proposals,
        FLAGS.resamples,
        FLAGS.seed,
    )
    shown = [[without_secrets(path) for path in side] for side in (first, second)]
    truth = without_secrets(FLAGS.ground_truth)
    print(f"A: {', '.join(shown[0])}\nB: {', '.join(shown[1])}")
    print(f"scored on subset {FLAGS.subset!r} of {truth}")
    print(format_comparison(comparison))
    if FLAGS.output:
        files = {"ground_truth": truth, "subset": FLAGS.subset, "a": shown[0], "b": shown[1]}
        write_json(FLAGS.output, {**files, **comparison.to_json()})
        print(f"comparison written to {FLAGS.output}")
    if FLAGS.figure:
        _draw(comparison, given_path(FLAGS.figure))
        print(f"picture of it written to {FLAGS.figure}")


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags, most_arguments=2)


if __name__ == "__main__":
    run()
