"""The folder of a run: what is in it, and whose it is.

config.json           resolved config
labels.txt            class names
action_labels.txt     the actions that a second head names (pre-training, boundary.class_weight)
metrics.jsonl         one line for each epoch
evaluation.json       the result of a finished run (summary.json in those of localization)
tensorboard/          curves
training_batch.png    the first training batch (pre-training)
checkpoints/last/     to resume from
checkpoints/best/     the best by validation
"""

import json
import os
from pathlib import Path

from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.base.labels_file import read_label_file, write_label_file
from bsp_tf.base.output_lock import refuse_file, refuse_pattern
from bsp_tf.base.settings import check_claim, claim

CONFIG = "config.json"
LABELS = "labels.txt"
ACTION_LABELS = "action_labels.txt"
METRICS = "metrics.jsonl"
EVALUATION = "evaluation.json"
SUMMARY = "summary.json"
# What is written last, in runs of either kind.
FINISHED = (EVALUATION, SUMMARY)
TRAINING_BATCH = "training_batch.png"
TENSORBOARD = "tensorboard"
# Fields that came after workdirs were made -> what the runs there stand for.
LATER_FIELDS = {
    "model.backbone": "resnet",
    "model.shift": "both",
    "boundary.types": ["diff_class", "same_class", "diff_speed", "same_speed"],
    "boundary.twins": True,
    "boundary.patch_share": 0.5,
    "boundary.place": "none",
    "boundary.place_sigma": 1.0,
    "boundary.type_weight": 1.0,
    "boundary.place_weight": 1.0,
    "boundary.class_weight": 0.0,
    "distill.workdir": "",
    "distill.weight": 1.0,
}
CHECKPOINTS = "checkpoints"
LAST = "last"
BEST = "best"


def checkpoint_folder(workdir: str | os.PathLike, which: str) -> Path:
    """Folder of the "last" or "best" checkpoint."""
    return Path(workdir) / CHECKPOINTS / which


def check_workdir(
    workdir: str | os.PathLike,
    config: ConfigDict,
    labels: tuple[str, ...],
    actions: tuple[str, ...] = (),
) -> None:
    """Checks that a workdir is new or belongs to the same run; writes nothing.

    Args:
        workdir: Folder.
        config: The config.
        labels: Class names.
        actions: Those of a second head.

    Raises:
        InputError: the workdir is a file, has a path like a pattern, or holds a run with another
            config (the message names each field that differs with both values) or other labels.
    """
    workdir = Path(workdir)
    refuse_file(workdir, "--workdir")
    refuse_pattern(workdir)
    if not check_claim(
        workdir / CONFIG, json.loads(config.to_json()), flag="--workdir", later=LATER_FIELDS
    ):
        return
    for name, now in _label_files(labels, actions).items():
        if read_labels(workdir, name) != list(now):
            raise InputError(
                f"{workdir / name} lists other classes than the record folders now: the data has "
                "changed. Give another --workdir."
            )


def claim_workdir(
    workdir: str | os.PathLike,
    config: ConfigDict,
    labels: tuple[str, ...],
    actions: tuple[str, ...] = (),
) -> None:
    """Writes the class names and config.json in a new workdir; arguments as of `check_workdir`.

    Call it when nothing in the config can be refused any more: from then on the folder belongs to
    this config.
    """
    workdir = Path(workdir)
    if (workdir / CONFIG).exists():
        # Another run may have come between the first check and the lock.
        check_workdir(workdir, config, labels, actions)
        return
    for name, names in _label_files(labels, actions).items():
        write_label_file(workdir / name, names)
    claim(workdir / CONFIG, json.loads(config.to_json()), flag="--workdir", later=LATER_FIELDS)


def _label_files(labels: tuple[str, ...], actions: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {LABELS: labels} | ({ACTION_LABELS: actions} if actions else {})


def read_labels(workdir: str | os.PathLike, name: str = LABELS) -> list[str]:
    """Class names of a workdir, by class index; `name` says of which head.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    path = Path(workdir) / name
    if not path.is_file():
        raise InputError(
            f"{path} is missing: {workdir} is no workdir of bsp_tf.pretrain, or "
            "was imported without a classifier, for init_from only."
        )
    return read_label_file(path)
