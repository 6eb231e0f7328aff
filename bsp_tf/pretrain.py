"""Trains one stream on a record folder: task=action (classes of the clips) or task=boundary (four boundary types).

    python -m bsp_tf.pretrain --config=configs/sample_action.py --workdir=runs/action \\
        --config.data.train_dir=records/train --config.data.validation_dir=records/val --config.train.batch_size=16

In: two record folders of tfrecords_tools.convert. Out: the workdir (see bsp_tf.training.workdir) with checkpoints,
metrics.jsonl, evaluation.json and TensorBoard logs. A run that was stopped continues where it was; a finished one
is reused. Exit status: 2 for bad input, 3 when the loss is no longer finite.
"""

import sys
from collections.abc import Sequence

from absl import flags

from bsp_tf.base.config_flag import define_config_flag, run_config_command
from bsp_tf.base.errors import InputError

DIVERGED_STATUS = 3

_CONFIG = define_config_flag()
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; made if it is not there.")
_STRATEGY = flags.DEFINE_enum("strategy", "one_device", ["one_device", "mirrored"],
                              "mirrored: a copy of the model on every GPU; train.batch_size is split over them.")


def main(argv: Sequence[str]) -> int | None:
    """Runs the training that the flags describe and prints its result."""
    del argv
    if not _WORKDIR.value:
        raise InputError("--workdir is not set: give the folder of the run, for example --workdir=runs/action.")
    # Imported here: TensorFlow takes seconds to load, a mistyped flag should be told at once.
    import tensorflow as tf

    from bsp_tf.training.strategy import strategy_for
    from bsp_tf.training.trainer import TrainingDivergedError, train

    # On CPUs the step takes the same time with it (measured), on GPUs it chooses the reproducible kernels.
    tf.config.experimental.enable_op_determinism()
    try:
        result = train(_CONFIG.value, _WORKDIR.value, strategy_for(_STRATEGY.value))
    except TrainingDivergedError as error:
        print(f"error: {error}", file=sys.stderr)
        return DIVERGED_STATUS
    print_result(result, _WORKDIR.value)
    return None


def print_result(result: dict, workdir: str) -> None:
    """Prints the contents of evaluation.json as a few lines."""
    print(f"{result['task']}: validation accuracy {result['accuracy']:.3f} of {result['num_samples']} samples "
          f"(one frame repeated: {result['static_accuracy']:.3f}), best epoch {result['best_epoch']}")
    if len(result["labels"]) <= 20:
        width = max(len(label) for label in result["labels"])
        for label, recall in result["per_class"].items():
            print(f"  {label:<{width}}  {'no sample' if recall is None else f'{recall:.3f}'}")
    print(f"workdir: {workdir}")


if __name__ == "__main__":
    run_config_command(main)
