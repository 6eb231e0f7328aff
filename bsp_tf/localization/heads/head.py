"""What a localization head is, and which there are. NumPy only; heads import TensorFlow when used.

A head is a folder beside this file and a line in HEADS. Everything else (training loop, workdir,
batches, windows, suppression, detection) asks the head through the functions of `Head`. A head may
put out any tensors, of one position axis or of several pyramid levels, as long as their first axis
is the batch: only the head itself reads them.
"""

import abc
import importlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.localization.nms import Suppression
from bsp_tf.localization.proposals import Proposals

# Value of config.head -> module whose HEAD it is.
HEADS = {
    "gtad": "bsp_tf.localization.heads.gtad.head",
    "actionformer": "bsp_tf.localization.heads.actionformer.head",
}
LEARNING_RATE_DROP = 0.1
# The head of runs that were made before there was a choice.
FIRST_HEAD = "gtad"


class Head(abc.ABC):
    """A localization head. It keeps nothing: all that differs from run to run is in the config.

    Shapes: B examples (whole videos or windows of them) of T = config.num_segments columns.

    Attributes:
        title: Its name for people.
        fields: Fields of the config, beside those of configs/localization.py, that `build` and
            `decode` need.
        max_window_frames: Proposals of windows that are this long, in video frames, are not used.
        sums_over_batch: Whether the losses of a batch grow with its examples; else they are means.
    """

    title: str
    fields: tuple[str, ...]
    max_window_frames = math.inf
    sums_over_batch = False

    @abc.abstractmethod
    def check_config(self, config: ConfigDict) -> None:
        """Raises InputError if a field of the head is out of its range; the others are checked."""

    def names_classes(self, config: ConfigDict) -> bool:
        """Whether its proposals have labels; else those of the whole video are used."""
        del config
        return False

    @abc.abstractmethod
    def build(self, config: ConfigDict, feature_dim: int, num_classes: int) -> Any:
        """A built keras.Model with fresh weights; `feature_dim` channels come in.

        Every layer must be an attribute (or the model a functional one): a checkpoint passes over
        layers in lists.

        Raises:
            InputError: the sizes do not fit one another.
        """

    def forward(
        self, model: Any, features: Any, inside: Any, draws: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """What the model puts out: name -> tensor [B, ...].

        Args:
            model: From `build`.
            features: float32 [B, T, C].
            inside: float32 [B, T]: 1 where a column lies in the video, 0 after its end.
            draws: In training, those of `draws`.
        """
        del inside, draws
        return model(features)

    def num_columns(self, num_rows: int, config: ConfigDict) -> int:
        """With config.crops: how many columns a video of so many rows is filled up to, >= them.

        Raises:
            InputError: the head takes no video in one piece.
        """
        del num_rows, config
        raise InputError(
            f"config.crops: {self.title} takes no video in one piece. Set it to False, or choose "
            "another head."
        )

    @abc.abstractmethod
    def targets(
        self, segments: np.ndarray, labels: np.ndarray, num_classes: int, config: ConfigDict
    ) -> dict[str, np.ndarray]:
        """What the model should put out for one example: name -> array of a fixed shape.

        Args:
            segments: float64 [n, 2], fractions of the T columns; n may be 0. With config.windows
                they may reach outside of [0, 1].
            labels: int64 [n], classes, below `num_classes`.
            num_classes: Of the annotations.
            config: The run's.
        """

    def draws(self, seed: Any, count: Any, config: ConfigDict) -> dict[str, Any]:
        """Random choices of a step: name -> tensor [count, ...], a function of `seed`.

        They are made for the global batch and handed to `forward` when it trains, and to `losses`
        among the targets.

        Args:
            seed: int64 [2], for stateless ops.
            count: int32 [], examples.
            config: The run's.
        """
        del seed, count, config
        return {}

    @abc.abstractmethod
    def losses(
        self,
        model: Any,
        outputs: Mapping[str, Any],
        targets: Mapping[str, Any],
        config: ConfigDict,
        training: bool,
    ) -> dict[str, Any]:
        """The loss "total" and the parts to be logged, float32 [].

        Each is this replica's share: the sum over the replicas is the loss of the global batch
        (`bsp_tf.runs.strategy.global_sum` counts over all of them).

        Args:
            model: From `build`; what the loss remembers from step to step is a variable of it.
            outputs: From `forward`.
            targets: From `targets`, stacked, and `draws`.
            config: The run's.
            training: Whether it trains, so that what is remembered changes.
        """

    def optimizer(self, model: Any, config: ConfigDict) -> Any:
        """A Keras optimizer with its own weight decay, not built; None: Adam with coupled decay.

        It is asked for in the scope of the strategy; its learning rate is set before each step.
        """
        del model, config
        return None

    def learning_rate(self, step: int, steps_per_epoch: int, config: ConfigDict) -> float:
        """Of the step after `step` finished ones: x0.1 every config.lr_drop_every epochs."""
        drops = step // steps_per_epoch // config.lr_drop_every
        return config.learning_rate * LEARNING_RATE_DROP**drops

    @abc.abstractmethod
    def decode(self, outputs: Mapping[str, np.ndarray], config: ConfigDict) -> list[Proposals]:
        """Proposals of each of the B examples: segments as fractions of the T columns."""

    @abc.abstractmethod
    def suppression(self, config: ConfigDict) -> Suppression:
        """The published way of suppressing its proposals."""


def find_head(name: str) -> Head:
    """The head that a config names.

    Raises:
        InputError: no head has that name.
    """
    if name not in HEADS:
        raise InputError(f"config.head is {name!r}: choose one of {', '.join(HEADS)}.")
    return importlib.import_module(HEADS[name]).HEAD


def check_fields(config: Mapping[str, Any]) -> None:
    """Checks that the config has the fields of its head.

    Raises:
        InputError: it lacks one; the message says whose config it is, if another head's.
    """
    head = find_head(config["head"])
    missing = [name for name in head.fields if name not in config]
    if not missing:
        return
    message = f"the config lacks {missing[0]!r}, which {head.title} needs"
    for name in HEADS:
        other = find_head(name)
        if all(field in config for field in other.fields):
            message += f": it is one of {other.title}, for --config.head={name}"
    raise InputError(f"{message}.")
