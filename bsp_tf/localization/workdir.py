"""The folder of one localization run: whose it is, and how to load the trained model from it.

config.json             every field of the run, feature_dim, digest of the features and segments
labels.txt              class names of the annotations
features.json           what the features are that it learns from: model, window, stride, ...
checkpoints/last, best  all state to go on with; the model of the lowest validation loss
metrics.jsonl           one line for each epoch
summary.json            written at the end: best epoch and loss, videos used and left out
tensorboard/            curves

A checkpoint is a tf.train.Checkpoint of objects: its keys follow the attributes of model and
optimizer. So each layer of a head must be an attribute; TensorFlow passes over those in lists.
"""

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.labels_file import write_label_file
from bsp_tf.base.output_lock import warn_of_writer
from bsp_tf.base.settings import claim, differences, refuse_other_settings
from bsp_tf.features.layout import SETTINGS, setting_values
from bsp_tf.localization.heads.head import FIRST_HEAD, Head, find_head
from bsp_tf.runs.checkpoints import newest_checkpoint, restore_checkpoint
from bsp_tf.runs.workdir import BEST, CONFIG, LABELS, checkpoint_folder, read_labels


@dataclasses.dataclass(frozen=True)
class TrainedHead:
    """A trained model and what it was trained as.

    Attributes:
        head: Its head.
        model: The keras.Model.
        config: Of the run: among others `streams`, `num_segments`, `feature_dim`.
        class_names: Of labels.txt; () if the run has none.
    """

    head: Head
    model: Any
    config: ConfigDict
    class_names: tuple[str, ...]
    _graphs: dict[tuple[int, ...], Any] = dataclasses.field(default_factory=dict, repr=False)

    def outputs(self, features: np.ndarray, inside: np.ndarray) -> dict[str, np.ndarray]:
        """See `bsp_tf.localization.inference.Network`."""
        outputs = self._graph_for(features.shape[1:])(
            tf.constant(features), tf.constant(inside, tf.float32)
        )
        return {name: np.asarray(values) for name, values in outputs.items()}

    def _graph_for(self, shape: tuple[int, ...]) -> Any:
        """The network for any number of examples of T columns and C channels, `shape`.

        As a graph it is twice as fast as operation by operation.
        """
        if shape not in self._graphs:
            self._graphs[shape] = tf.function(
                functools.partial(self.head.forward, self.model),
                [tf.TensorSpec((None, *shape)), tf.TensorSpec((None, shape[0]))],
                autograph=False,
            )
        return self._graphs[shape]


def claim_workdir(
    workdir: str | os.PathLike,
    config: ConfigDict,
    feature_dim: int,
    data_digest: str,
    class_names: Sequence[str],
) -> None:
    """Writes config.json and labels.txt into a new workdir, or checks those that are there.

    Args:
        workdir: Folder of the run.
        config: From resolve_config.
        feature_dim: Channels of the chosen streams.
        data_digest: Digest of the features and segments.
        class_names: Of the annotations.

    Raises:
        InputError: the workdir belongs to another config or other data; the message names the
            fields that differ.
    """
    fields = config.to_dict() | {"feature_dim": feature_dim, "data_digest": data_digest}
    path = Path(workdir) / CONFIG
    if path.exists():
        differing = differences(
            _as_now(read_json_object(path)), _as_now(fields), absent_is_none=True
        )
        refuse_other_settings(workdir, differing, "--workdir")
        return
    write_label_file(Path(workdir) / LABELS, class_names)
    claim(path, fields, flag="--workdir")


def _as_now(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a run as it would write them now: older ones have no head, and "8" for (8,)."""
    settings = {name: fields[name] for name in SETTINGS if name in fields}
    plain = {name: list(setting_values(name, value)) for name, value in settings.items()}
    return {"head": FIRST_HEAD} | dict(fields) | plain


def load_trained(workdir: str | os.PathLike, which: str = BEST) -> TrainedHead:
    """The trained model of a workdir.

    Args:
        workdir: What bsp_tf.train_head was given as --workdir.
        which: "best" (lowest validation loss) or "last".

    Raises:
        InputError: the folder holds no trained head, or its checkpoint is damaged.
    """
    warn_of_writer(workdir)
    path = Path(workdir) / CONFIG
    fields = read_json_object(path)
    head = find_head(fields.get("head", FIRST_HEAD))
    needed = ("num_segments", *head.fields, "streams", "feature_dim")
    missing = [name for name in needed if name not in fields]
    if missing:
        raise InputError(
            f"{path} is not the config of a {head.title} run: it lacks {missing[0]!r}."
        )
    config = ConfigDict(
        {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    )
    checkpoint = newest_checkpoint(checkpoint_folder(workdir, which))
    if checkpoint is None:
        raise InputError(
            f"{workdir} holds no {which} checkpoint yet: run bsp_tf.train_head with this workdir "
            "first."
        )
    class_names = read_labels(workdir) if (Path(workdir) / LABELS).exists() else []
    model = head.build(config, config.feature_dim, len(class_names))
    restore_checkpoint(tf.train.Checkpoint(model=model), checkpoint, path)
    return TrainedHead(head, model, config, tuple(class_names))
