"""What `bsp_tf.export --gtad` saves: the network of a trained head, and the check of the result."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from bsp_tf.base.stack import named_variables
from bsp_tf.localization.workdir import TrainedHead

# Relative to the largest value.
SELF_CHECK_TOLERANCE = 1e-4


class ServableHead(tf.Module):
    """What belongs to the signature: variables and assets."""

    def __init__(self, trained: TrainedHead, labels: Path | None, config: Path):
        """`labels`, `config`: files that become assets; None: the run has no classes."""
        super().__init__(name="head")
        # The variables alone: with the model Keras 2 would trace all of its layers once more.
        self.weights = list(named_variables(trained.model).values())
        self.config = tf.saved_model.Asset(str(config))
        if labels:
            self.labels = tf.saved_model.Asset(str(labels))


def save_head(trained: TrainedHead, labels: Path | None, config: Path, folder: Path) -> None:
    """Writes a SavedModel with one signature into an empty folder; files as of ServableHead.

    features float32 [N, T, C] and inside float32 [N, T] -> what `Head.forward` gives; T and C are
    those of the run.
    """
    columns, channels = trained.config.num_segments, trained.config.feature_dim

    def outputs(features: tf.Tensor, inside: tf.Tensor) -> dict[str, tf.Tensor]:
        return trained.head.forward(trained.model, features, inside)

    signature = tf.function(outputs, autograph=False).get_concrete_function(
        tf.TensorSpec([None, columns, channels], name="features"),
        tf.TensorSpec([None, columns], name="inside"),
    )
    servable = ServableHead(trained, labels, config)
    tf.saved_model.save(servable, str(folder), {"serving_default": signature})


def check_saved_head(trained: TrainedHead, folder: Path) -> None:
    """Compares the reloaded model with the one in memory on random features.

    Raises:
        RuntimeError: their numbers differ.
    """
    config = trained.config
    shape: Sequence[int] = (2, config.num_segments, config.feature_dim)
    features = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    inside = np.ones(shape[:2], np.float32)
    inside[1, shape[1] // 2 :] = 0
    call = tf.saved_model.load(str(folder)).signatures["serving_default"]
    actual = call(features=tf.constant(features), inside=tf.constant(inside))
    for name, expected in trained.outputs(features, inside).items():
        difference = float(np.abs(actual[name] - expected).max())
        if not difference <= SELF_CHECK_TOLERANCE * max(float(np.abs(expected).max()), 1.0):
            raise RuntimeError(
                f"self check: {name!r} of the saved model differs by {difference:.3g} from the "
                "model"
            )
        print(f"self check: {name:16s} largest difference {difference:.1e}")
