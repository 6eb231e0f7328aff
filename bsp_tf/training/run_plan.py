"""What a run must know before it starts, and every mistake that can be found before it starts."""

import dataclasses
from pathlib import Path

from ml_collections import ConfigDict

from bsp_tf.base.atomic_file import read_json
from bsp_tf.base.errors import InputError
from bsp_tf.data.boundary_synthesis import BOUNDARY_TYPES

TASKS = ("action", "boundary")


@dataclasses.dataclass(frozen=True)
class RunPlan:
    """Class names and lengths of a run.

    Attributes:
        labels: Class names; the position is the class index.
        steps_per_epoch: Training steps between two evaluations.
        total_steps: Training steps of the whole run.
    """

    labels: tuple[str, ...]
    steps_per_epoch: int
    total_steps: int


def plan_run(config: ConfigDict) -> RunPlan:
    """Reads the record folders' labels and manifest, and checks the config against them.

    Raises:
        InputError: a folder or its files are missing, the two folders have other labels, or fields of the config
            contradict each other; the message names the field or the file.
    """
    _check_fields(config)
    train_labels = _read_labels("data.train_dir", config.data.train_dir)
    validation_labels = _read_labels("data.validation_dir", config.data.validation_dir)
    if config.task == "boundary":
        labels = tuple(BOUNDARY_TYPES)
    else:
        labels = train_labels
        if train_labels != validation_labels:
            _raise_label_mismatch(config, train_labels, validation_labels)
    steps = config.train.steps_per_epoch or _num_clips(config.data.train_dir) // config.train.batch_size
    if steps < 1:
        raise InputError(f"{config.data.train_dir} holds {_num_clips(config.data.train_dir)} clips, fewer than one "
                         f"batch: lower train.batch_size={config.train.batch_size} or set train.steps_per_epoch.")
    return RunPlan(labels, steps, steps * config.train.epochs)


def _check_fields(config: ConfigDict) -> None:
    if config.task not in TASKS:
        raise InputError(f"task is {config.task!r}: choose one of {', '.join(TASKS)}.")
    for field in ("batch_size", "epochs", "checkpoint_every_steps", "log_every_steps"):
        if config.train[field] < 1:
            raise InputError(f"train.{field}={config.train[field]} must be at least 1.")
    if config.data.crop_size > config.data.short_side:
        raise InputError(f"data.crop_size={config.data.crop_size} is larger than data.short_side="
                         f"{config.data.short_side}: the evaluation crop would not fit in the frame.")
    if config.task == "boundary" and config.train.batch_size % len(BOUNDARY_TYPES):
        raise InputError(f"train.batch_size={config.train.batch_size} must be a multiple of {len(BOUNDARY_TYPES)}: "
                         "a boundary batch holds the four types in equal parts.")


def _read_labels(field: str, folder: str) -> tuple[str, ...]:
    if not folder:
        raise InputError(f"{field} is not set: give the record folder with --config.{field}=FOLDER "
                         "(tfrecords_tools.convert writes it).")
    path = Path(folder) / "labels.txt"
    if not Path(folder).is_dir():
        raise InputError(f"{field}: folder {folder} does not exist. Check the path, or write it with "
                         "tfrecords_tools.convert.")
    if not path.is_file():
        raise InputError(f"{path} is missing: {folder} is no record folder, or its conversion was stopped. Run "
                         "tfrecords_tools.convert again.")
    return tuple(path.read_text(encoding="utf-8").splitlines())


def _num_clips(folder: str) -> int:
    path = Path(folder) / "manifest.json"
    manifest = read_json(path)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("num_clips"), int):
        raise InputError(f"{path} has no number \"num_clips\": run tfrecords_tools.convert again, or set "
                         "train.steps_per_epoch.")
    return manifest["num_clips"]


def _raise_label_mismatch(config: ConfigDict, train: tuple[str, ...], validation: tuple[str, ...]) -> None:
    only_train = sorted(set(train) - set(validation))
    only_validation = sorted(set(validation) - set(train))
    raise InputError(
        f"the labels of {config.data.train_dir} ({len(train)}) and {config.data.validation_dir} ({len(validation)}) "
        f"differ; only in the first: {only_train[:5]}; only in the second: {only_validation[:5]}; "
        f"convert both with the same label list.")
