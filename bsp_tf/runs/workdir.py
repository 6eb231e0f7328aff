"""The folder of a run: what is in it, and whose it is.

config.json           resolved config
labels.txt            class names
action_labels.txt     the actions that a second head names (pre-training, boundary.class_weight)
clips.json            how many clips the record folders hold (pre-training)
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
from bsp_tf.base.json_file import read_json, write_json
from bsp_tf.base.labels_file import read_label_file, write_label_file
from bsp_tf.base.output_lock import refuse_file, refuse_pattern
from bsp_tf.base.settings import check_claim, claim

CONFIG = "config.json"
LABELS = "labels.txt"
ACTION_LABELS = "action_labels.txt"
CLIPS = "clips.json"
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
    num_clips: tuple[int, int] | None = None,
) -> None:
    """Checks that a workdir is new or belongs to the same run; writes nothing.

    Args:
        workdir: Folder.
        config: The config.
        labels: Class names.
        actions: Those of a second head.
        num_clips: Of the training and the validation folder, of which steps and epochs are made;
            workdirs of older versions do not say theirs.

    Raises:
        InputError: the workdir is a file, has a path like a pattern, or holds a run with another
            config (the message names each field that differs with both values), other labels or
            another number of clips.
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
    path = workdir / CLIPS
    if num_clips and path.exists() and (known := read_json(path)) != _clips(num_clips):
        raise InputError(
            f"{path}: the run has {known['train']} training and {known['validation']} validation "
            f"clips, the record folders now {num_clips[0]} and {num_clips[1]}: the data has "
            "changed. Give another --workdir."
        )


def claim_workdir(
    workdir: str | os.PathLike,
    config: ConfigDict,
    labels: tuple[str, ...],
    actions: tuple[str, ...] = (),
    num_clips: tuple[int, int] | None = None,
) -> None:
    """Writes the class names and config.json in a new workdir; arguments as of `check_workdir`.

    Call it when nothing in the config can be refused any more: from then on the folder belongs to
    this config.
    """
    workdir = Path(workdir)
    if (workdir / CONFIG).exists():
        # Another run may have come between the first check and the lock.
        check_workdir(workdir, config, labels, actions, num_clips)
        return
    for name, names in _label_files(labels, actions).items():
        write_label_file(workdir / name, names)
    if num_clips:
        write_json(workdir / CLIPS, _clips(num_clips))
    claim(workdir / CONFIG, json.loads(config.to_json()), flag="--workdir", later=LATER_FIELDS)


def _clips(num_clips: tuple[int, int]) -> dict[str, int]:
    return dict(zip(("train", "validation"), num_clips, strict=True))


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
