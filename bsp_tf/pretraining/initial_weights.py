"""The weights a run starts from: those of another workdir, trained here or imported."""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.settings import differences
from bsp_tf.models.backbones import backbone_class
from bsp_tf.models.tsm import TSM
from bsp_tf.pretraining.objective import Objective
from bsp_tf.pretraining.trained_model import model_state, read_actions
from bsp_tf.runs.checkpoints import newest_checkpoint, restore_checkpoint
from bsp_tf.runs.workdir import BEST, CONFIG, LATER_FIELDS, checkpoint_folder, read_labels

HEADS = ("drop", "keep")
# These, and the sizes of the backbone, decide the shapes, or what the channels mean.
SAME_FIELDS = ("backbone", "input", "shift_div")


def check_initial_weights(config: ConfigDict, labels: Sequence[str]) -> None:
    """Checks `init_from` and `init_head` against the run.

    Args:
        config: As `configs.base.get_config()`.
        labels: Class names of the run, by class index.

    Raises:
        InputError: `init_from` holds no run, one of another network, or, where its head is kept,
            other classes.
    """
    if config.init_head not in HEADS:
        raise InputError(f"init_head is {config.init_head!r}: choose one of {', '.join(HEADS)}.")
    if not config.init_from:
        return
    imported = _read_source(config).get("imported", {})
    if config.init_head == "drop":
        return
    if not imported.get("classifier", True):
        raise InputError(
            f"init_head=keep, but {config.init_from} was imported without a classifier. "
            "Set init_head=drop."
        )
    names = read_labels(config.init_from)
    if len(names) != len(labels) or (imported.get("labels_given", True) and names != list(labels)):
        theirs, ours = (
            f"{len(some)}: {', '.join(some[:3])}, ..." for some in (names, list(labels))
        )
        raise InputError(
            f"init_head=keep, but {config.init_from} has other classes ({theirs}) than this run "
            f"({ours}). Set init_head=drop."
        )


def load_initial_weights(model: TSM, config: ConfigDict, actions: Sequence[str] = ()) -> None:
    """Sets the variables of `model` to those of the best checkpoint of `init_from`, if given.

    The classifier keeps its own start with `init_head="drop"`. So do the head that places
    boundaries and the one that names the action, also where `init_from` has none of its kind or of
    its classes. The state of dropout is never taken: the seed gives it.

    Args:
        model: The model of the run.
        config: Its config.
        actions: Classes of its head that names the action.

    Raises:
        InputError: see `check_initial_weights`; or the checkpoint is missing, damaged or of other
            shapes.
    """
    if not config.init_from:
        return
    source = ConfigDict(_read_source(config))
    skipped = ["dropout/"]
    if config.init_head == "drop":
        skipped.append("fc/")
    if config.init_head == "drop" or Objective.from_config(source).place != model.place_kind:
        skipped.append("place/")
    if config.init_head == "drop" or read_actions(config.init_from, source) != list(actions):
        skipped.append("action/")
    state = {
        name: variable
        for name, variable in model_state(model).items()
        if not name.startswith(tuple(skipped))
    }
    folder = checkpoint_folder(config.init_from, BEST)
    path = newest_checkpoint(folder)
    if path is None:
        raise InputError(f"init_from: no checkpoint in {folder}. Has the run finished an epoch?")
    restore_checkpoint(tf.train.Checkpoint(model=state), path, Path(config.init_from) / CONFIG)


def _read_source(config: ConfigDict) -> dict:
    """config.json of `init_from`; its network must be this run's."""
    folder = Path(config.init_from)
    if folder.is_file():
        raise InputError(
            f"init_from={folder} is a file: give a workdir. PyTorch files are made into one by "
            f"python -m bsp_tf.import_weights --checkpoint={folder} --output=FOLDER."
        )
    if not (folder / CONFIG).is_file():
        raise InputError(
            f"init_from={folder} is no workdir of bsp_tf.pretrain or bsp_tf.import_weights: it "
            f"has no {CONFIG}. Check the path."
        )
    source = read_json_object(folder / CONFIG, "task", "data", "model")
    fields = {*SAME_FIELDS, *backbone_class(config.model.backbone).default_sizes}
    then, now = (
        {f"model.{name}": value for name, value in model.items() if name in fields}
        for model in (source["model"], config.model)
    )
    differing = differences(then, now, later=LATER_FIELDS)
    if differing:
        raise InputError(f"init_from={folder} holds another network: {'; '.join(differing)}.")
    return source
