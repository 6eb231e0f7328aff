"""What a run must know before it starts, and every mistake that can be found before it starts."""

import dataclasses
import math

from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.clips.source import ClipSource, open_source
from bsp_tf.frames.preprocessing import check_sizes
from bsp_tf.frames.sampling import check_sampling
from bsp_tf.pretraining.distillation import check_distillation
from bsp_tf.pretraining.initial_weights import check_initial_weights
from bsp_tf.pretraining.objective import Objective
from bsp_tf.synthesis.settings import Settings

TASKS = ("action", "boundary")
# Field, least and largest value.
RANGES = (
    ("seed", 0, 2**31 - 1),
    ("data.num_frames", 1, math.inf),
    ("data.frame_step", 1, math.inf),
    ("data.validation_passes", 1, math.inf),
    ("data.crop_size", 1, math.inf),
    ("data.short_side", 1, math.inf),
    ("model.width", 0.01, 100.0),
    ("optimizer.momentum", 0.0, 1.0),
    ("optimizer.weight_decay", 0.0, 1e6),
    ("optimizer.clip_norm", 0.0, 1e30),
    ("optimizer.warmup_steps", 0, math.inf),
    ("train.batch_size", 1, math.inf),
    ("train.epochs", 1, math.inf),
    ("train.steps_per_epoch", 0, math.inf),
    ("train.accumulate_steps", 1, math.inf),
    ("train.ema_decay", 0.0, 0.999999),
    ("train.checkpoint_every_steps", 1, math.inf),
    ("train.log_every_steps", 1, math.inf),
)


@dataclasses.dataclass(frozen=True)
class RunPlan:
    """Class names and lengths of a run.

    Attributes:
        labels: Class names; the position is the class index.
        actions: Those of the second head that names the action; () without it.
        steps_per_epoch: Training steps between two evaluations.
        total_steps: Training steps of the whole run.
        num_clips: Of the training and the validation folder.
    """

    labels: tuple[str, ...]
    actions: tuple[str, ...]
    steps_per_epoch: int
    total_steps: int
    num_clips: tuple[int, int]

    def next_stop(self, step: int, checkpoint_every_steps: int) -> int:
        """The next step after `step` that ends with a checkpoint."""
        return min(
            (step // every + 1) * every for every in (self.steps_per_epoch, checkpoint_every_steps)
        )


def plan_run(config: ConfigDict) -> RunPlan:
    """Opens the clips and checks the config against them.

    Raises:
        InputError: a folder is missing or damaged, the two folders have other labels, or fields of
            the config contradict each other; the message names the field or the file.
    """
    check_fields(config)
    train, validation = _open(config, "train_dir"), _open(config, "validation_dir")
    is_boundary, has_actions = config.task == "boundary", Objective.from_config(config).class_weight
    labels = Settings.from_config(config).types if is_boundary else train.labels
    if (has_actions or not is_boundary) and train.labels != validation.labels:
        _raise_label_mismatch(train, validation)
    check_initial_weights(config, labels)
    steps = config.train.steps_per_epoch or train.num_clips // config.train.batch_size
    if steps < 1:
        raise InputError(
            f"{train.path} holds {train.num_clips} clips, fewer than one batch: lower "
            f"train.batch_size={config.train.batch_size} or set train.steps_per_epoch."
        )
    actions = train.labels if has_actions else ()
    num_clips = train.num_clips, validation.num_clips
    return RunPlan(labels, actions, steps, steps * config.train.epochs, num_clips)


def check_fields(config: ConfigDict) -> None:
    """Checks what can be checked without data.

    Raises:
        InputError: a field is outside its range, or two contradict each other.
    """
    if config.task not in TASKS:
        raise InputError(f"task is {config.task!r}: choose one of {', '.join(TASKS)}.")
    check_sampling(config.data.sampling)
    for name, low, high in RANGES:
        value = config[name] if "." not in name else config[name.split(".")[0]][name.split(".")[1]]
        # Written so that NaN is refused, too.
        if value is None or not low <= value <= high:
            raise InputError(
                f"{name}={value} must be at least {low:g}"
                + (f" and at most {high:g}." if high < math.inf else ".")
            )
    if not 0 < (config.optimizer.learning_rate or 0) < math.inf:
        raise InputError(
            f"optimizer.learning_rate={config.optimizer.learning_rate} must be above 0."
        )
    check_sizes(config.data.short_side, config.data.crop_size)
    Objective.from_config(config).check()
    check_distillation(config)
    types = Settings.from_config(config).types if config.task == "boundary" else ()
    unit = config.train.accumulate_steps * max(len(types), 1)
    if config.train.batch_size % unit:
        raise InputError(
            f"train.batch_size={config.train.batch_size} must be a multiple of {unit}: the number "
            "of micro-batches, which for the boundary task hold the types of boundary.types in "
            "equal parts."
        )


def _open(config: ConfigDict, field: str) -> ClipSource:
    if not config.data[field]:
        raise InputError(
            f"data.{field} is not set: give the record folder that tfrecords_tools.convert wrote, "
            f"--config.data.{field}=FOLDER."
        )
    return open_source(config.data[field])


def _raise_label_mismatch(train: ClipSource, validation: ClipSource) -> None:
    only_train = sorted(set(train.labels) - set(validation.labels))
    only_validation = sorted(set(validation.labels) - set(train.labels))
    raise InputError(
        f"the labels of {train.path} ({len(train.labels)}) and {validation.path} "
        f"({len(validation.labels)}) differ; only in the first: {only_train[:5]}; only in the "
        f"second: {only_validation[:5]}. Convert both with the same label list."
    )
