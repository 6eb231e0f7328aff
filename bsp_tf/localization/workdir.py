"""The folder of one G-TAD run: its config, its checkpoints, and how to load the trained model from
it.

config.json             every field of the run, feature_dim, and a digest of the features and labels
checkpoints/last, best  tf.train.Checkpoint: all state after the last epoch; the model of the lowest validation loss
metrics.jsonl           one line an epoch
summary.json            written at the end: best epoch and loss, videos used and left out
"""

import math
import os
from pathlib import Path

import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.settings import claim
from bsp_tf.features.layout import SETTINGS, read_layouts, source_paths
from bsp_tf.localization.heads.gtad.losses import LOSS_VARIANTS
from bsp_tf.localization.heads.gtad.network import GTAD
from bsp_tf.runs.checkpoints import restore_checkpoint

MODEL_FIELDS = (
    "num_segments",
    "max_duration",
    "base_width",
    "branch_width",
    "map_widths",
    "map_kernel",
    "groups",
    "stem_groups",
    "neighbours",
    "inner_bins",
    "context_bins",
)
TUPLES = ("streams", "map_widths")
POSITIVE = (
    *(name for name in MODEL_FIELDS if name != "map_widths"),
    "batch_size",
    "epochs",
    "lr_drop_every",
    "learning_rate",
)


def resolve_config(config: ConfigDict) -> ConfigDict:
    """The config with `streams` as a tuple, however it was given ("action,boundary" or a tuple),
    and checked.

    Raises:
        InputError: a path is not set, a number is out of its range, or no stream is named.
    """
    fields = config.to_dict()
    streams = fields["streams"]
    names = streams.split(",") if isinstance(streams, str) else streams
    fields["streams"] = tuple(name.strip() for name in names if name.strip())
    if not fields["streams"]:
        raise InputError(
            "config.streams names no stream: set it to action, boundary or action,boundary."
        )
    for name in ("features_dir", "annotations"):
        if not fields[name]:
            raise InputError(f"config.{name} is not set: pass --config.{name}=... .")
    layouts = read_layouts(
        {name: fields[name] for name in SETTINGS}, len(source_paths(fields["features_dir"]))
    )
    if fields["windows"] and any(layout.layout == "whole" for layout in layouts):
        raise InputError(
            "config.windows = True needs rows a fixed number of frames apart: "
            "feature_layout=snippets."
        )
    for name in POSITIVE:
        if not 0 < fields[name] < math.inf:
            raise InputError(f"config.{name} must be above 0, got {fields[name]}.")
    widths = fields["map_widths"]
    if len(widths) != 2 or not all(isinstance(width, int) and width > 0 for width in widths):
        raise InputError(f"config.map_widths must be two widths above 0, got {widths}.")
    for name in ("weight_decay", "clip_norm"):
        if not 0 <= fields[name] < math.inf:
            raise InputError(f"config.{name} must be at least 0, got {fields[name]}.")
    if fields["loss"] not in LOSS_VARIANTS:
        raise InputError(
            f"config.loss must be one of {', '.join(LOSS_VARIANTS)}, got {fields['loss']!r}."
        )
    if not 0 <= fields["seed"] < 2**31:
        raise InputError(f"config.seed must be at least 0 and below 2^31, got {fields['seed']}.")
    for name in ("neighbours", "max_duration"):
        if fields[name] > fields["num_segments"]:
            raise InputError(
                f"config.{name} = {fields[name]} exceeds config.num_segments = "
                f"{fields['num_segments']}."
            )
    return ConfigDict(fields)


def build_gtad(config: ConfigDict, feature_dim: int) -> GTAD:
    """A GTAD with fresh weights of the sizes in `config`.

    Raises:
        InputError: the sizes do not fit one another.
    """
    try:
        model = GTAD(feature_dim, **{name: config[name] for name in MODEL_FIELDS})
        model.build()
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"the sizes in the config do not fit one another: {error}") from error
    return model


def claim_workdir(
    workdir: str | os.PathLike, config: ConfigDict, feature_dim: int, data_digest: str
) -> None:
    """Writes config.json into a new workdir, or checks that the one that is there is the same.

    Args:
        workdir: Folder of the run.
        config: From resolve_config.
        feature_dim: Channels of the chosen streams.
        data_digest: Digest of the features and labels.

    Raises:
        InputError: the workdir belongs to another config or other data; the message names the
            fields that differ.
    """
    fields = config.to_dict() | {"feature_dim": feature_dim, "data_digest": data_digest}
    claim(Path(workdir) / "config.json", fields, flag="--workdir", absent_is_none=True)


def load_gtad(workdir: str | os.PathLike, which: str = "best") -> tuple[GTAD, ConfigDict]:
    """The trained model of a workdir.

    Args:
        workdir: What bsp_tf.train_gtad was given as --workdir.
        which: "best" (lowest validation loss) or "last".

    Returns:
        The model, and the run's config: among others `streams` (tuple of str), `num_segments`,
        `max_duration`, `feature_dim`, `features_dir`, `annotations`.

    Raises:
        InputError: the folder holds no trained G-TAD.
    """
    path = Path(workdir) / "config.json"
    fields = read_json_object(path)
    missing = [name for name in (*MODEL_FIELDS, "streams", "feature_dim") if name not in fields]
    if missing:
        raise InputError(f"{path} is not the config of a G-TAD run: it lacks {missing[0]!r}.")
    config = ConfigDict(fields | {name: tuple(fields[name]) for name in TUPLES})
    checkpoint = tf.train.latest_checkpoint(str(Path(workdir) / "checkpoints" / which))
    if checkpoint is None:
        raise InputError(
            f"{workdir} holds no {which} checkpoint yet: run bsp_tf.train_gtad with this workdir "
            "first."
        )
    model = build_gtad(config, config.feature_dim)
    restore_checkpoint(tf.train.Checkpoint(model=model), checkpoint, path)
    return model, config
