"""Trains one stream on records, for the action task or the boundary task.

    python -m bsp_tf.pretrain --config=configs/sample_action.py --workdir=runs/action \\
        --config.data.train_dir=records/train --config.data.validation_dir=records/val
        --config.train.batch_size=16

In: two record folders of tfrecords_tools.convert. Out: the workdir (see bsp_tf.runs.workdir) with
checkpoints, metrics.jsonl, evaluation.json and TensorBoard logs; it may be an address of a bucket
(s3://, gs://), into which all that is saved is sent. A run that was stopped continues where it was;
a finished one is reused. SIGTERM makes it save after the current step and end.
--dry_run needs no data: it tells what the config costs and trains three steps on random frames. On
several machines start the same command on each with --strategy=multi_worker and TF_CONFIG set, or
all of them with Slurm's srun.

Exit status: 2 for bad input, 3 when the loss is no longer finite, 75 (EX_TEMPFAIL) when it was
stopped by SIGTERM or another worker is gone: start the same command again, on all machines.
"""

import sys
from collections.abc import Sequence

from absl import flags

from bsp_tf.base.config_flag import define_config_flag, run_config_command
from bsp_tf.base.errors import InputError

FLAGS = flags.FLAGS

DIVERGED_STATUS = 3
# sysexits.h: a temporary failure, try again.
AGAIN_STATUS = 75


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
        ["one_device", "mirrored", "multi_worker"],
        "mirrored: a copy of the model on every GPU; train.batch_size is split over them. "
        "multi_worker: "
        "the same over several machines, which TF_CONFIG or Slurm names.",
    )
    flags.DEFINE_boolean(
        "dry_run", False, "Only tell parameters, operations, steps and memory, and train 3 steps."
    )


def main(argv: Sequence[str]) -> int | None:
    """Runs the training that the flags describe and prints its result."""
    del argv
    if not FLAGS.workdir and not FLAGS.dry_run:
        raise InputError(
            "--workdir is not set: give the folder of the run, for example --workdir=runs/action."
        )
    # Imported here: TensorFlow takes seconds to load, a mistyped flag should be told at once.
    from bsp_tf.pretraining.dry_run import dry_run
    from bsp_tf.pretraining.trainer import train
    from bsp_tf.runs.cluster import Cluster, WorkerLostError
    from bsp_tf.runs.preemption import PreemptedError, stop_on_sigterm
    from bsp_tf.runs.progress import TrainingDivergedError
    from bsp_tf.runs.strategy import strategy_for

    try:
        strategy = strategy_for(FLAGS.strategy)
        if FLAGS.dry_run:
            with Cluster(strategy).lost_workers_named("this dry run"):
                dry_run(FLAGS.config, strategy)
            return None
        with stop_on_sigterm() as stop:
            result = train(FLAGS.config, FLAGS.workdir, strategy, stop)
    except TrainingDivergedError as error:
        print(f"error: {error}", file=sys.stderr)
        return DIVERGED_STATUS
    except (PreemptedError, WorkerLostError) as error:
        print(f"{error} Start the same command again to go on.", file=sys.stderr)
        return AGAIN_STATUS
    if Cluster(strategy).is_chief:
        print_result(result, FLAGS.workdir)
    return None


def print_result(result: dict, workdir: str) -> None:
    """Prints the contents of evaluation.json as a few lines."""
    print(
        f"{result['task']}: validation accuracy {result['accuracy']:.3f} of "
        f"{result['num_samples']} samples "
        f"(one frame repeated: {result['static_accuracy']:.3f}), best epoch {result['best_epoch']}"
    )
    if len(result["labels"]) <= 20:
        width = max(len(label) for label in result["labels"])
        for label, recall in result["per_class"].items():
            print(f"  {label:<{width}}  {'no sample' if recall is None else f'{recall:.3f}'}")
    if "actions" in result:
        print(
            f"  actions: accuracy {result['actions']['accuracy']:.3f} of "
            f"{result['actions']['num_samples']} samples that show one"
        )
    if "placing" in result:
        from bsp_tf.pretraining.epoch_row import placing_words

        print(f"  {placing_words(result['placing'])}")
    print(f"workdir: {workdir}")


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_config_command(
        main, define_flags, fields=("task", "data", "boundary", "model", "optimizer", "train")
    )


if __name__ == "__main__":
    run()
