"""The folder of a run: what is in it, whose it is, and the trained model out of it.

config.json           resolved config            metrics.jsonl         one line an epoch
labels.txt            class names                evaluation.json       the finished run's result
checkpoints/last/     to resume from             tensorboard/          curves and a picture of a batch
checkpoints/best/     highest validation accuracy  training_batch.png  the first training batch
"""

import json
import os
from pathlib import Path
from typing import Any

import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object, write_json
from bsp_tf.models.tsm import TSM
from bsp_tf.runs.checkpoints import restore_checkpoint

CONFIG = "config.json"
LABELS = "labels.txt"
METRICS = "metrics.jsonl"
EVALUATION = "evaluation.json"
TRAINING_BATCH = "training_batch.png"
TENSORBOARD = "tensorboard"
LAST = "last"
BEST = "best"


def checkpoint_folder(workdir: str | os.PathLike, which: str) -> Path:
    """Folder of the "last" or "best" checkpoint."""
    return Path(workdir) / "checkpoints" / which


def check_workdir(workdir: str | os.PathLike, config: ConfigDict, labels: tuple[str, ...]) -> None:
    """Checks that a workdir is new or belongs to the same run; writes nothing.

    Raises:
        InputError: the workdir is a file, or holds a run with another config (the message names
            each field that differs with both values) or other labels.
    """
    workdir = Path(workdir)
    if workdir.exists() and not workdir.is_dir():
        raise InputError(f"--workdir={workdir} is a file: give a folder.")
    if not (workdir / CONFIG).exists():
        return
    differences = config_differences(
        read_json_object(workdir / CONFIG), json.loads(config.to_json())
    )
    if differences:
        raise InputError(
            f"{workdir} holds a run with another config: {'; '.join(differences)}. Give another "
            "--workdir, or the config of that run."
        )
    if read_labels(workdir) != list(labels):
        raise InputError(
            f"{workdir / LABELS} lists other classes than the record folders now: the data has "
            "changed. Give another --workdir."
        )


def claim_workdir(workdir: str | os.PathLike, config: ConfigDict, labels: tuple[str, ...]) -> None:
    """Writes labels.txt and config.json in a new workdir. Call it when nothing in the config can be
    refused any more: from then on the folder belongs to this config."""
    workdir = Path(workdir)
    if (workdir / CONFIG).exists():
        return
    with atomic_write(workdir / LABELS, "w") as file:
        file.writelines(f"{label}\n" for label in labels)
    write_json(workdir / CONFIG, json.loads(config.to_json()))


def config_differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Fields that differ between two configs, as "a.b was X, is now Y" (dotted names, sorted)."""
    then, now = (
        {name: repr(value) for name, value in _flatten(config).items()} for config in (then, now)
    )
    return [
        f"{name} was {then.get(name, 'absent')}, is now {now.get(name, 'absent')}"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]


def _flatten(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for name, value in config.items():
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat


def read_labels(workdir: str | os.PathLike) -> list[str]:
    """Class names of a workdir, by class index.

    Raises:
        InputError: there is no labels.txt.
    """
    path = Path(workdir) / LABELS
    if not path.is_file():
        raise InputError(f"{path} is missing: {workdir} is no workdir of bsp_tf.pretrain.")
    return path.read_text(encoding="utf-8").splitlines()


def build_model(config: ConfigDict, num_classes: int, dtype: str = "float32") -> TSM:
    """The untrained TSM that `config` describes, all variables made; `dtype` is a Keras dtype
    policy.
    """
    model = TSM(
        num_classes=num_classes,
        depth=config.model.depth,
        width=config.model.width,
        input=config.model.input,
        shift_div=config.model.shift_div,
        dropout=config.model.dropout,
        sync_batch_norm=config.model.get("sync_batch_norm", True),
        dtype=dtype,
    )
    model.build()
    return model


def model_state(model: TSM) -> dict[str, tf.Variable]:
    """All variables of `model` by their path in it, for a tf.train.Checkpoint.

    By name, because TensorFlow's tracking follows attributes and does not see layers in nested
    lists: a checkpoint of the model object would leave them out without a word.
    """
    return {variable.path.partition("/")[2]: variable.value for variable in model.variables}


def restore_model(model: TSM, workdir: str | os.PathLike, which: str = BEST) -> str:
    """Loads the weights of the "best" or "last" checkpoint into `model`; returns the checkpoint's
    path.

    Raises:
        InputError: there is no such checkpoint, or it does not fit the model.
    """
    folder = checkpoint_folder(workdir, which)
    path = tf.train.latest_checkpoint(str(folder))
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
    labels = read_labels(workdir)
    model = build_model(config, len(labels))
    restore_model(model, workdir, which)
    return model, config, labels
