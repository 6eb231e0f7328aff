"""What a run minimises: the loss of its classes, and those of second heads on the same encoder.

Second heads are of the boundary task: one places the boundary, one names the action.

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


def has_one_class(source_classes: tf.Tensor) -> tf.Tensor:
    """Whether both parts of a sample show one class: int32 [B, 2] -> bool [B]."""
    return tf.equal(source_classes[:, 0], source_classes[:, 1])


def action_losses(logits: tf.Tensor, source_classes: tf.Tensor) -> tf.Tensor:
    """The cross-entropy of the action that a sample shows; 0 where its parts show two.

    The mean is over all samples, so that parts of a batch add up to the whole whatever is in them.
    Of the paper's four types it is 3/4 of the mean over the samples that show one action.

    Args:
        logits: float32 [B, K], output "action" of a TSM.
        source_classes: int32 [B, 2], class before and after.

    Returns:
        float32 [B].
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(source_classes[:, 0], logits)
    return tf.where(has_one_class(source_classes), losses, 0.0)


@dataclasses.dataclass(frozen=True)
class Objective:
    """The loss of a sample.

    Attributes:
        place: Which map the placing head gives, of `place_map.PLACES`; "none": there is no such
            head.
        sigma: Of the heat map, in frames.
        type_weight: Factor of the cross-entropy of the classes; 1 where there is no second head.
        place_weight: Factor of the loss of the placing head.
        class_weight: Factor of the loss of the head that names the action; 0: there is no such
            head.
    """

    place: str = "none"
    sigma: float = 1.0
    type_weight: float = 1.0
    place_weight: float = 1.0
    class_weight: float = 0.0

    @classmethod
    def from_config(cls, config: ConfigDict) -> "Objective":
        """Of a run's config, also of one that was written before there were such heads."""
        boundary = config.get("boundary", {})
        place, class_weight = boundary.get("place", "none"), boundary.get("class_weight", 0.0)
        if config.task != "boundary" or (place == "none" and class_weight == 0):
            return cls()
        return cls(
            place,
            boundary.place_sigma,
            boundary.type_weight,
            boundary.place_weight,
            class_weight,
        )

    def check(self) -> None:
        """Raises InputError if no network can be trained with it; the message names the field."""
        for name, value, lowest in (
            ("place_sigma", self.sigma, "above 0"),
            ("place_weight", self.place_weight, "above 0 (no such head: boundary.place=none)"),
        ):
            if self.place != "none" and not 0 < value < float("inf"):
                raise InputError(f"boundary.{name}={value} must be {lowest}.")
        for name, value in (("type_weight", self.type_weight), ("class_weight", self.class_weight)):
            if not 0 <= value < float("inf"):
                raise InputError(f"boundary.{name}={value} must be at least 0.")

    @property
    def batch_keys(self) -> tuple[str, ...]:
        """What it needs of a batch of `clips.pipelines`."""
        return (
            "frames",
            "label",
            *(("boundary",) if self.place != "none" else ()),
            *(("source_classes",) if self.class_weight else ()),
        )

    def losses(self, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The loss of each sample, float32 [B].

        Args:
            outputs: Of a TSM: "logits" [B, K] and, with such heads, "place" [B, T] and "action"
                [B, actions].
            batch: "label" int32 [B] and, with such heads, "boundary" float32 [B] and
                "source_classes" int32 [B, 2].
        """
        losses = self.type_weight * tf.nn.sparse_softmax_cross_entropy_with_logits(
            batch["label"], outputs["logits"]
        )
        if self.place != "none":
            placing = place_losses(outputs["place"], batch["boundary"], self.place, self.sigma)
            losses += self.place_weight * placing
        if self.class_weight:
            losses += self.class_weight * action_losses(outputs["action"], batch["source_classes"])
        return losses

    def rank(self, row: Mapping[str, float]) -> float:
        """What the best epoch has most of.

        Validation accuracy, summed over the classifiers that are trained; where none is, minus the
        validation loss.

        Args:
            row: Of an epoch, see `epoch_row`.
        """
        weights = {"accuracy": self.type_weight, "action_accuracy": self.class_weight}
        accuracies = [row[f"validation_{name}"] for name, weight in weights.items() if weight]
        return sum(accuracies) if accuracies else -row["validation_loss"]
