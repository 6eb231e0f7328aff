"""Evaluates a trained stream on views of clips or on boundary samples.

    python -m bsp_tf.evaluate_clips --workdir=runs/action --output=scores/action \\
        --num_clips=10 --num_crops=3

Action: top-1, top-5 and a row per class, once with 1 clip x centre crop and once with --num_clips x
--num_crops views, logits averaged. `bsp_tf/clips/multi_view.py` says which frames, what of it is
TSM's and what ours. TSM's three crops are larger than the crop of training (256 for 224 px);
--nofull_resolution keeps the size of training. TSM's dense evaluation is --sampling=dense (default:
as the run was trained). Works on a folder of bsp_tf.import_weights, too. Boundary: the same
validation quads in three ways, with the paper's rule (diff-class blended), both joined types
blended, and all cut; in a fourth, blended by coin, if the run was trained so. Accuracy by type, by
place of the boundary, by speeds before->after, by length of the transition. --passes=20 makes more
samples of the clips than the run's own data.validation_passes.

Reads the best checkpoint of --workdir and --records (default: the run's data.validation_dir).
Writes into --output scores.json, tables.md and pictures. A finished evaluation is not made again;
one that was killed goes on.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.base.settings import digest_files, finished_output, refuse_output_inside
from bsp_tf.evaluation import accuracy_tables
from bsp_tf.frames import SAMPLINGS
from bsp_tf.runs.workdir import BEST, checkpoint_folder
from bsp_tf.synthesis.boundary_types import TRANSITIONS
from bsp_tf.synthesis.settings import Settings

FLAGS = flags.FLAGS

SCORES_FILE = "scores.json"
TABLES_FILE = "tables.md"


@dataclasses.dataclass(frozen=True)
class Options:
    """How the clips are looked at.

    Attributes:
        num_clips: temporal views of a clip (action).
        num_crops: spatial views, 1 or 3 (action).
        full_resolution: three crops as large as the short side (TSM), or data.crop_size (action).
        sampling: "uniform", "dense" or "consecutive"; "": as the run was trained (action).
        passes: differently seeded passes over the clips (boundary); 0: the run's
            data.validation_passes.
        batch_size: views per step of the model, or samples: as many whole quads as it holds.
    """

    num_clips: int = 10
    num_crops: int = 3
    full_resolution: bool = True
    sampling: str = ""
    passes: int = 0
    batch_size: int = 16


def evaluate_clips(
    workdir: str | os.PathLike,
    output: str | os.PathLike,
    options: Options,
    records: str | os.PathLike | None = None,
) -> dict[str, Any]:
    """Evaluates the best checkpoint of a run and writes scores, tables and pictures.

    Args:
        workdir: Of bsp_tf.pretrain.
        output: Folder.
        options: See `Options`.
        records: Record folder; None: the run's data.validation_dir.
    Returns:
        The content of scores.json: {"task", "labels", "views" or "passes", "external_data"}.
    Raises:
        InputError: no finished run, bad records or options, other labels than the run's, or another
            evaluation in `output`.
    """
    if options.batch_size < 1 or options.passes < 0:
        raise InputError(
            f"--batch_size={options.batch_size} must be at least 1, --passes={options.passes} not "
            "negative."
        )
    # Imported here: TensorFlow takes seconds to load, a mistyped flag should be told at once.
    from bsp_tf.clips.source import digest_source, open_source
    from bsp_tf.pretraining.clip_evaluation import Views, evaluate_boundaries, evaluate_views
    from bsp_tf.pretraining.trained_model import load_trained_model

    model, config, labels = load_trained_model(workdir)
    # A folder of bsp_tf.import_weights knows no more than its checkpoint: TSM's own sampling.
    config.data = ConfigDict(
        {"sampling": "uniform", "frame_step": 1, "validation_dir": "", **config.data}
    )
    config.data.sampling = options.sampling or config.data.sampling
    if records is None and not config.data.validation_dir:
        raise InputError(f"{workdir} names no validation clips: give --records.")
    records = config.data.validation_dir if records is None else records
    source, output = open_source(records), Path(output)
    if isinstance(source.path, Path):
        refuse_output_inside(output, source.path)
    settings = {
        "workdir": os.fspath(workdir),
        "records": os.fspath(records),
        **_used(options, config),
    }
    inputs = {
        "checkpoint": digest_files(sorted(checkpoint_folder(workdir, BEST).iterdir())),
        "records": digest_source(source),
    }
    finished = finished_output(output / SCORES_FILE, settings, inputs)
    if finished is not None:
        print(f"{output / SCORES_FILE}: already done")
        return finished
    _check_labels(labels, config, source)
    if config.task == "boundary" and options.batch_size < len(labels):
        raise InputError(
            f"--batch_size={options.batch_size} must be at least {len(labels)}, a sample of each "
            "boundary type."
        )
    with lock_folder(output):
        if config.task == "action":
            key = hashlib.sha256(json.dumps([settings, inputs]).encode()).hexdigest()[:16]
            several = (options.num_clips, options.num_crops)
            views = [
                Views(clips, crops, options.full_resolution, options.batch_size)
                for clips, crops in dict.fromkeys([(1, 1), several])
            ]
            progress = [output / f".views_{v.num_clips}x{v.num_crops}_{key}.npz" for v in views]
            found: dict[str, Any] = {
                "views": evaluate_views(model, source, config.data, labels, views, progress)
            }
        else:
            config.data.validation_dir = str(source.path)
            config.data.validation_passes = settings["passes"]
            found = {"passes": evaluate_boundaries(model, config, options.batch_size)}
        result = {
            "task": config.task,
            "labels": labels,
            **found,
            "external_data": {"settings": settings, "inputs": inputs},
        }
        with atomic_write(output / TABLES_FILE, "w") as file:
            file.write(format_tables(result))
        _draw(result, output)
        write_json(output / SCORES_FILE, result)  # last: where it is, all is
        for path in output.glob(".views_*.npz"):
            path.unlink()
    return result


def format_tables(result: dict[str, Any], most_classes: int | None = None) -> str:
    """The tables of a result in Markdown; `most_classes` as in `accuracy_tables.action_tables`."""
    if result["task"] == "action":
        return accuracy_tables.action_tables(result["views"], most_classes)
    return accuracy_tables.boundary_tables(result["passes"], result["labels"])


def _used(options: Options, config: ConfigDict) -> dict[str, Any]:
    """The options that matter for the run's task."""
    if config.task == "action":
        names = ("num_clips", "num_crops", "full_resolution", "batch_size")
        return {
            "sampling": config.data.sampling,
            **{name: getattr(options, name) for name in names},
        }
    return {
        "passes": options.passes or config.data.validation_passes,
        "batch_size": options.batch_size,
    }


def _check_labels(labels: list[str], config: ConfigDict, source) -> None:
    """Raises InputError if the model was trained on other labels than it is evaluated on."""
    if config.task == "action" and labels != list(source.labels):
        raise InputError(
            f"{source.path} has other classes than the run was trained on: convert the clips with "
            "the run's labels (labels.txt), or give another --records."
        )
    if config.task == "boundary" and labels != [*(types := Settings.from_config(config).types)]:
        raise InputError(
            f"the run was trained on the boundary types {', '.join(labels)}; its config.json has "
            f"{', '.join(types)}: train it anew."
        )


def _draw(result: dict[str, Any], output: Path) -> None:
    from bsp_tf.report.figures import boundary_positions, matrices, style

    labels = result["labels"]
    if result["task"] == "action":
        name, scores = list(result["views"].items())[-1]
        title = f"Confusion in percent, {name}"
        style.save_png(
            matrices.draw_confusion(scores["confusion"], labels, title), output / "confusion.png"
        )
        return
    passes = {TRANSITIONS[rule].title: scores for rule, scores in result["passes"].items()}
    confusions = {title: scores["confusion"] for title, scores in passes.items()}
    positions = {title: scores["by_position"] for title, scores in passes.items()}
    style.save_png(matrices.draw_confusions(confusions, labels), output / "confusion.png")
    style.save_png(
        boundary_positions.draw_by_position(positions, labels), output / "accuracy_by_position.png"
    )


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("workdir", None, "Folder of the run, of bsp_tf.pretrain.", required=True)
    flags.DEFINE_string("output", None, "Folder for scores, tables and pictures.", required=True)
    flags.DEFINE_string("records", None, "Record folder (default: the run's data.validation_dir).")
    flags.DEFINE_integer("num_clips", Options.num_clips, "Action: temporal views of a clip.")
    flags.DEFINE_integer("num_crops", Options.num_crops, "Action: spatial views, 1 (centre) or 3.")
    flags.DEFINE_bool(
        "full_resolution",
        Options.full_resolution,
        "Action: 3 crops of data.short_side, not crop_size.",
    )
    flags.DEFINE_enum(
        "sampling", None, SAMPLINGS, "Action: which frames (default: as the run was trained)."
    )
    flags.DEFINE_integer(
        "passes", Options.passes, "Boundary: passes over the clips (0: the run's own number)."
    )
    flags.DEFINE_integer("batch_size", Options.batch_size, "Views, or samples, per step.")


def main(argv: Sequence[str]) -> None:
    """Runs the command with the parsed flags."""
    del argv
    options = Options(
        FLAGS.num_clips,
        FLAGS.num_crops,
        FLAGS.full_resolution,
        FLAGS.sampling or "",
        FLAGS.passes,
        FLAGS.batch_size,
    )
    result = evaluate_clips(FLAGS.workdir, FLAGS.output, options, FLAGS.records)
    print(format_tables(result, accuracy_tables.MOST_CLASSES_PRINTED))
    print(f"scores, tables and pictures are in {FLAGS.output}")


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
