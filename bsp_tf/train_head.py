"""Trains a localization head, G-TAD or ActionFormer, on snippet features.

    python -m bsp_tf.train_head --config=configs/sample_gtad.py --workdir=runs/gtad_two_stream \\
        --config.features_dir=data/features --config.annotations=data/annotations.json \\
        --config.streams=action,boundary

Reads the features that bsp_tf.extract wrote, or those of other tools (npy, npz, HDF5, CSV; several
sources with commas), of which the config has to say what a row is, and annotations in the form of
ActivityNet, G-TAD, BMN or THUMOS14: docs/localization.md. With config.windows (G-TAD) videos are
cut into windows instead of being resized, with config.crops (ActionFormer) each step sees a random
part. configs/sample_actionformer.py and its like train ActionFormer.

Writes config.json, labels.txt, checkpoints/{last,best}, metrics.jsonl (a line for each epoch),
TensorBoard curves and summary.json into the workdir. Workdir and features may be in buckets (s3://,
gs://). Run again, it continues where it was saved, after each epoch, or says that all is done.
SIGTERM makes it save after the current step and end.
--strategy=mirrored splits each batch over all GPUs. Annotated videos without usable features are
left out, counted and listed in summary.json.

Exit status: 2 for bad input, 3 when the loss is no longer finite, 75 (EX_TEMPFAIL) when it was
stopped by SIGTERM: start the same command again.
"""

import sys
from collections.abc import Sequence
from typing import Any

from absl import flags
from ml_collections import ConfigDict

from bsp_tf.base.config_flag import define_config_flag, run_config_command
from bsp_tf.base.errors import InputError

FLAGS = flags.FLAGS

DIVERGED_STATUS = 3
# sysexits.h: a temporary failure, try again.
AGAIN_STATUS = 75


def train_head(config: ConfigDict, workdir: str, strategy: str = "one_device") -> dict[str, Any]:
    """Trains, continues or finds finished the run in `workdir`.

    SIGTERM stops it after the current step, saved; see bsp_tf.localization.training.train. Main
    thread only.
    """
    # Imported here: TensorFlow takes seconds to load, a mistyped flag should be told at once.
    from bsp_tf.localization.training import train
    from bsp_tf.runs.preemption import stop_on_sigterm
    from bsp_tf.runs.strategy import strategy_for

    with stop_on_sigterm() as stop:
        return train(config, workdir, strategy_for(strategy), stop)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    define_config_flag()
    flags.DEFINE_string(
        "workdir",
        None,
        "Folder of the run, here or in a bucket (s3://, gs://); made if it is not there.",
    )
    flags.DEFINE_enum(
        "strategy",
        "one_device",
        ["one_device", "mirrored"],
        "mirrored: a copy of the model on every GPU; each batch is split over them.",
    )


def main(argv: Sequence[str]) -> int | None:
    """Runs the training that the flags describe and prints its result."""
    del argv
    if not FLAGS.workdir:
        raise InputError(
            "--workdir is not set: give the folder of the run, for example --workdir=runs/gtad."
        )
    # Imported here for the same reason as in train_head.
    import tensorflow as tf

    from bsp_tf.localization.heads.head import find_head
    from bsp_tf.runs.preemption import PreemptedError
    from bsp_tf.runs.progress import TrainingDivergedError

    # On CPUs the step takes the same time with it, on GPUs it chooses the reproducible kernels. It
    # is a switch of the whole process, so the command sets it, not a function.
    tf.config.experimental.enable_op_determinism()
    try:
        summary = train_head(FLAGS.config, FLAGS.workdir, FLAGS.strategy)
    except TrainingDivergedError as error:
        print(f"error: {error}", file=sys.stderr)
        return DIVERGED_STATUS
    except PreemptedError as error:
        print(f"{error} Start the same command again to go on.", file=sys.stderr)
        return AGAIN_STATUS
    print(
        f"{find_head(FLAGS.config.head).title}: trained on {summary['num_train_videos']} videos, "
        f"{len(summary['left_out'])} left out; best validation loss "
        f"{summary['best_validation_loss']:.4f} after epoch {summary['best_epoch']}"
    )
    print(f"workdir: {FLAGS.workdir}")
    return None


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_config_command(
        main, define_flags, fields=("features_dir", "annotations", "streams", "num_segments")
    )


if __name__ == "__main__":
    run()
