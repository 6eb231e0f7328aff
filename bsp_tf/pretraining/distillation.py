"""Feature distillation: the action stream learns to hold what a finished boundary stream sees.

Named in the long version of Xu et al., "Boundary-sensitive Pre-training", as another way to use
both kinds of features than two streams side by side; how it is done there is not known here. Done
here: a linear projection of the action features has to predict the boundary features of the same
frames. The projection is of training only; the workdir holds an action stream like any other.
"""

from pathlib import Path

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.stack import named_variables
from bsp_tf.models.tsm import TSM
from bsp_tf.pretraining.trained_model import load_trained_model
from bsp_tf.runs.workdir import CONFIG, EVALUATION

# Both streams see the same pixels.
SAME_FIELDS = ("num_frames", "crop_size")


class Distillation:
    """What is added to the loss of an action stream; make it inside `strategy.scope()`.

    Attributes:
        teacher: The boundary stream. Never trained, and as in evaluation: no dropout, running
            statistics.
        variables: Of the projection: "kernel", "bias".
    """

    def __init__(self, teacher: TSM, feature_dim: int, weight: float):
        """Makes the projection.

        Args:
            teacher: See above.
            feature_dim: Length of the features that are projected.
            weight: Factor of the loss.
        """
        self.teacher, self._weight = teacher, weight
        # Zeros take no random numbers: dropout is the same as without distillation.
        self._projection = keras.layers.Dense(
            teacher.feature_dim, kernel_initializer="zeros", name="projection", dtype="float32"
        )
        self._projection.build((None, feature_dim))
        self.variables: dict[str, tf.Variable] = named_variables(self._projection)

    def losses(self, frames: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
        """Weight x relative squared error |projected - wanted|^2 / |wanted|^2, float32 [B].

        Relative, because pooled features may be small: the plain error would vanish beside the
        cross-entropy. It begins at 1, and does not depend on how a batch is split.

        Args:
            frames: float32 [B, T, S, S, 3], normalised, what both streams see.
            features: float32 [B, C] of the stream that learns.
        """
        wanted = tf.stop_gradient(self.teacher(frames, training=False)["features"])
        errors = tf.reduce_sum(tf.square(self._projection(features) - wanted), axis=1)
        size = tf.reduce_sum(tf.square(wanted), axis=1)
        return self._weight * tf.math.divide_no_nan(errors, size)


def make_distillation(config: ConfigDict, feature_dim: int) -> Distillation | None:
    """The distillation that `config.distill` describes; None without a workdir.

    Raises:
        InputError: the checkpoint of the workdir is missing or damaged.
    """
    if not config.distill.workdir:
        return None
    teacher, _, _ = load_trained_model(config.distill.workdir)
    return Distillation(teacher, feature_dim, config.distill.weight)


def check_distillation(config: ConfigDict) -> None:
    """Checks `config.distill`.

    Raises:
        InputError: the run is not of the action task, the weight trains nothing, or the workdir
            holds no finished boundary stream of the same number and size of frames.
    """
    workdir, weight = config.distill.workdir, config.distill.weight
    if not workdir:
        return
    if config.task != "action":
        raise InputError(f"distill.workdir={workdir} is for task=action, not task={config.task}.")
    if not 0 < weight < float("inf"):
        raise InputError(f"distill.weight={weight} must be above 0 (no distillation: no workdir).")
    folder = Path(workdir)
    # A teacher that still learns would be another one when the run goes on.
    if not (folder / CONFIG).is_file() or not (folder / EVALUATION).is_file():
        raise InputError(
            f"distill.workdir={workdir} holds no finished run of bsp_tf.pretrain (it lacks "
            f"{CONFIG} or {EVALUATION}): train it with task=boundary first."
        )
    found = read_json_object(folder / CONFIG, "task", "data", "model")
    if found["task"] != "boundary":
        raise InputError(
            f"distill.workdir={workdir} was trained with task={found['task']}: give one with "
            "task=boundary."
        )
    unequal = [
        f"data.{name} is {found['data'].get(name)} there and {config.data[name]} here"
        for name in SAME_FIELDS
        if found["data"].get(name) != config.data[name]
    ]
    if unequal:
        raise InputError(f"distill.workdir={workdir} saw other clips: {'; '.join(unequal)}.")
