"""What a run minimises: the cross-entropy of its classes, and how far off it places the boundary.

Source of the heat map: the long version of Xu et al., "Boundary-sensitive Pre-training", regresses
the boundary as a one-dimensional Gaussian with a smooth L1 loss. Its width is not known here.
"""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError


def place_targets(boundary: tf.Tensor, num_frames: int, place: str, sigma: float) -> tf.Tensor:
    """The map over the frames that a placing head should give; all zeros without a boundary.

    Frame t covers [t, t + 1). "heatmap": exp(-(t + .5 - b)^2 / (2 sigma^2)). "frames": 1 for the
    frames that the boundary touches, t <= b <= t + 1: the two beside a boundary between frames, the
    one that a boundary lies in. So both are the same seen forwards and backwards.

    Args:
        boundary: float32 [B], position b in frames; below 0 for none.
        num_frames: T.
        place: "heatmap" or "frames".
        sigma: Of the Gaussian, in frames; "heatmap" only.

    Returns:
        float32 [B, T], 0 to 1.
    """
    centres = tf.range(num_frames, dtype=tf.float32) + 0.5
    distance = centres - boundary[:, tf.newaxis]
    if place == "heatmap":
        targets = tf.exp(-tf.square(distance) / (2 * sigma**2))
    else:
        targets = tf.cast(tf.abs(distance) <= 0.5, tf.float32)
    return tf.where(boundary[:, tf.newaxis] >= 0, targets, 0.0)


def place_losses(
    scores: tf.Tensor, boundary: tf.Tensor, place: str, sigma: float = 1.0
) -> tf.Tensor:
    """How far the answers of a placing head are from their targets, mean over the frames.

    "heatmap": smooth L1, d^2 / 2 up to a difference of 1 and |d| - 1/2 beyond; "frames": binary
    cross-entropy.

    Args:
        scores: float32 [B, T], output "place" of a TSM.
        boundary, place, sigma: See `place_targets`.

    Returns:
        float32 [B].
    """
    targets = place_targets(boundary, scores.shape[1], place, sigma)
    if place == "heatmap":
        size = tf.abs(scores - targets)
        losses = tf.where(size < 1, tf.square(size) / 2, size - 0.5)
    else:
        losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, scores)
    return tf.reduce_mean(losses, axis=1)


@dataclasses.dataclass(frozen=True)
class Objective:
    """The loss of a sample.

    Attributes:
        place: Which map the placing head gives, of `place_map.PLACES`; "none": there is no such
            head, and the loss is the cross-entropy.
        sigma: Of the heat map, in frames.
        type_weight, place_weight: Factors of the two losses where there is that head.
    """

    place: str = "none"
    sigma: float = 1.0
    type_weight: float = 1.0
    place_weight: float = 1.0

    @classmethod
    def from_config(cls, config: ConfigDict) -> "Objective":
        """Of a run's config, also of one that was written before there was such a head."""
        boundary = config.get("boundary", {})
        if config.task != "boundary" or boundary.get("place", "none") == "none":
            return cls()
        return cls(
            boundary.place, boundary.place_sigma, boundary.type_weight, boundary.place_weight
        )

    def check(self) -> None:
        """Raises InputError if no network can be trained with it; the message names the field."""
        for name, value, lowest in (
            ("place_sigma", self.sigma, "above 0"),
            ("place_weight", self.place_weight, "above 0 (no such head: boundary.place=none)"),
        ):
            if not 0 < value < float("inf"):
                raise InputError(f"boundary.{name}={value} must be {lowest}.")
        if not 0 <= self.type_weight < float("inf"):
            raise InputError(f"boundary.type_weight={self.type_weight} must be at least 0.")

    @property
    def batch_keys(self) -> tuple[str, ...]:
        """What it needs of a batch of `clips.pipelines`."""
        return ("frames", "label") + (("boundary",) if self.place != "none" else ())

    def losses(self, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The loss of each sample, float32 [B].

        Args:
            outputs: Of a TSM: "logits" [B, K] and, with a placing head, "place" [B, T].
            batch: "label" int32 [B] and, with a placing head, "boundary" float32 [B].
        """
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["label"], outputs["logits"])
        if self.place == "none":
            return losses
        placing = place_losses(outputs["place"], batch["boundary"], self.place, self.sigma)
        return self.type_weight * losses + self.place_weight * placing

    def rank(self, row: Mapping[str, float]) -> float:
        """What the best epoch has most of.

        Validation accuracy; where no types are trained, it says nothing, and minus the validation
        loss stands in.

        Args:
            row: Of an epoch, see `epoch_row`.
        """
        return row["validation_accuracy"] if self.type_weight else -row["validation_loss"]
