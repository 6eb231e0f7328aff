"""The model of a pre-training run: built as its config says, and trained, out of its workdir."""

import os
from pathlib import Path

import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.output_lock import warn_of_writer
from bsp_tf.base.stack import named_variables
from bsp_tf.models.backbones import backbone_class
from bsp_tf.models.tsm import TSM
from bsp_tf.pretraining.objective import Objective
from bsp_tf.runs.checkpoints import newest_checkpoint, restore_checkpoint
from bsp_tf.runs.workdir import (
    ACTION_LABELS,
    BEST,
    CONFIG,
    LATER_FIELDS,
    checkpoint_folder,
    read_labels,
)


def build_model(
    config: ConfigDict, num_classes: int, dtype: str = "float32", num_actions: int = 0
) -> TSM:
    """The untrained TSM of a config, all variables made.

    Args:
        config: The config.
        num_classes: Classes of the task.
        dtype: A Keras dtype policy.
        num_actions: Classes of the second head that names the action; 0 without it.

    Raises:
        InputError: a field of `config.model` has no such value.
    """
    backbone = config.model.get("backbone", LATER_FIELDS["model.backbone"])
    place = Objective.from_config(config).place
    model = TSM(
        num_classes=num_classes,
        backbone=backbone,
        **{name: config.model[name] for name in backbone_class(backbone).default_sizes},
        input=config.model.input,
        shift_div=config.model.shift_div,
        shift=config.model.get("shift", LATER_FIELDS["model.shift"]),
        dropout=config.model.dropout,
        sync_batch_norm=config.model.get("sync_batch_norm", True),
        place=place,
        num_actions=num_actions,
        dtype=dtype,
    )
    model.build()
    return model


def model_state(model: TSM) -> dict[str, tf.Variable]:
    """All variables of `model` by their path in it, for a tf.train.Checkpoint.

    By name, because TensorFlow's tracking follows attributes and does not see layers in nested
    lists: a checkpoint of the model object would leave them out without a word.
    """
    return named_variables(model)


def restore_model(model: TSM, workdir: str | os.PathLike, which: str = BEST) -> str:
    """Loads the "best" or "last" checkpoint into `model`; returns the checkpoint's path.

    Raises:
        InputError: there is no such checkpoint, or it does not fit the model.
    """
    folder = checkpoint_folder(workdir, which)
    path = newest_checkpoint(folder)
    if path is None:
        raise InputError(
            f"no checkpoint in {folder}: has bsp_tf.pretrain with --workdir={workdir} finished?"
        )
    restore_checkpoint(tf.train.Checkpoint(model=model_state(model)), path, Path(workdir) / CONFIG)
    return path


def load_trained_model(
    workdir: str | os.PathLike, which: str = BEST
) -> tuple[TSM, ConfigDict, list[str]]:
    """The trained model of a workdir, its config and its class names.

    Args:
        workdir: Folder written by bsp_tf.pretrain.
        which: "best" (highest validation accuracy) or "last".

    Raises:
        InputError: the folder, one of its files or the checkpoint is missing or does not fit.
    """
    if not (Path(workdir) / CONFIG).is_file():
        raise InputError(
            f"{Path(workdir) / CONFIG} is missing: {workdir} is no workdir of bsp_tf.pretrain."
        )
    config = ConfigDict(read_json_object(Path(workdir) / CONFIG, "task", "data", "model"))
    warn_of_writer(workdir)
    labels = read_labels(workdir)
    model = build_model(config, len(labels), num_actions=len(read_actions(workdir, config)))
    restore_model(model, workdir, which)
    return model, config, labels


def read_actions(workdir: str | os.PathLike, config: ConfigDict) -> list[str]:
    """The classes that the second head of a run names; [] where it has no such head.

    Args:
        workdir: Folder of the run.
        config: Its config.

    Raises:
        InputError: their file is missing or cannot be read.
    """
    return read_labels(workdir, ACTION_LABELS) if Objective.from_config(config).class_weight else []
