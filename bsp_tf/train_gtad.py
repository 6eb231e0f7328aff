"""Trains the localization network G-TAD on snippet features.

    python -m bsp_tf.train_gtad --config=configs/sample_gtad.py --workdir=runs/gtad_two_stream \
        --config.features_dir=data/features --config.annotations=data/annotations.json \
        --config.streams=action,boundary

Reads the features that bsp_tf.extract wrote, or those of other tools (npy, npz, HDF5, CSV; several
sources with commas), of which the config has to say what a row is, and annotations in the form of
ActivityNet, G-TAD, BMN or THUMOS14: docs/localization.md. With config.windows videos are cut into
windows instead of being resized.

Writes config.json, checkpoints/{last,best}, metrics.jsonl (a line an epoch) and summary.json into
the workdir. Run again, it continues after the last whole epoch, or says that all is done. Exit
status: 2 for bad input, 3 when the loss is no longer finite. Annotated videos without usable
features are left out, counted and listed in summary.json.
"""

import sys
from collections.abc import Sequence

from absl import flags
from ml_collections import ConfigDict

from bsp_tf.base.config_flag import define_config_flag, run_config_command
from bsp_tf.base.errors import InputError

FLAGS = flags.FLAGS

DIVERGED_STATUS = 3


def train_gtad(config: ConfigDict, workdir: str) -> dict:
    """Trains, continues or finds finished the run in `workdir`; see
    bsp_tf.localization.training.train.
    """
    # Imported here: TensorFlow takes seconds to load, a mistyped flag should be told at once.
    from bsp_tf.localization.training import train

    return train(config, workdir)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    define_config_flag()
    flags.DEFINE_string("workdir", None, "Folder of the run; made if it is not there.")


def main(argv: Sequence[str]) -> int | None:
    """Runs the training that the flags describe and prints its result."""
    del argv
    if not FLAGS.workdir:
        raise InputError(
            "--workdir is not set: give the folder of the run, for example --workdir=runs/gtad."
        )
    # Imported here for the same reason as in train_gtad.
    import tensorflow as tf

    from bsp_tf.runs.progress import TrainingDivergedError

    # On CPUs the step takes the same time with it, on GPUs it chooses the reproducible kernels. A
    # switch of the whole
    # process: none of a function's business.
    tf.config.experimental.enable_op_determinism()
    try:
        summary = train_gtad(FLAGS.config, FLAGS.workdir)
    except TrainingDivergedError as error:
        print(f"error: {error}", file=sys.stderr)
        return DIVERGED_STATUS
    print(
        f"G-TAD: trained on {summary['num_train_videos']} videos, {len(summary['left_out'])} left "
        "out; best "
        f"validation loss {summary['best_validation_loss']:.4f} after epoch {summary['best_epoch']}"
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
