"""The losses of G-TAD (arXiv 1911.11462, section 3.4), with the weights and bands of its two codes.

Every mean is over the global batch: counts are summed over the replicas of the strategy that the
losses run under, and each replica returns its own share of the loss, so that the sum of the
replicas' losses (and gradients) is what one device would compute.

Finite for every batch. A weighted log loss is half the mean over the positives plus half the mean
over the negatives; where there are none of one kind, that half is 0. The regression loss is 0 where
no anchor was chosen.
"""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from bsp_tf.runs.strategy import global_sum

EPSILON = 1e-6
POSITION_POSITIVE = 0.5
ANCHOR_POSITIVE = 0.9
HIGH, MIDDLE = 0.7, 0.3


@dataclasses.dataclass(frozen=True)
class LossVariant:
    """How the parts of the loss are weighed.

    Attributes:
        regression: Factor of the regression loss.
        classification: Factor of the classification loss.
        added_count: Added to the counts of positive and of negative anchors (classification).
    """

    regression: float
    classification: float
    added_count: float


# Branches `anet` and `master` of the reference.
LOSS_VARIANTS = {
    "activitynet": LossVariant(regression=10.0, classification=1.0, added_count=0.0),
    "thumos": LossVariant(regression=1.0, classification=10.0, added_count=10.0),
}


def _count(mask: tf.Tensor) -> tf.Tensor:
    """Sum of a float mask over the global batch."""
    return global_sum(tf.reduce_sum(mask))


def balanced_log_loss(
    probabilities: tf.Tensor, positive: tf.Tensor, negative: tf.Tensor, added_count: float = 0.0
) -> tf.Tensor:
    """Log loss in which positives and negatives weigh the same in total.

    The reference writes it as weights .5 * N / P and .5 * N / (N - P) in a mean over N, which is
    the same; its THUMOS14 code counts 10 more positives and 10 more negatives than there are.

    Args:
        probabilities: float32, any shape, 0..1.
        positive, negative: float32 of that shape, 0 or 1; what is neither does not count.
        added_count: Added to both counts.

    Returns:
        float32 scalar, this replica's share.
    """
    hit = tf.reduce_sum(positive * tf.math.log(probabilities + EPSILON))
    miss = tf.reduce_sum(negative * tf.math.log(1.0 - probabilities + EPSILON))
    return -0.5 * (
        tf.math.divide_no_nan(hit, _count(positive) + added_count)
        + tf.math.divide_no_nan(miss, _count(negative) + added_count)
    )


def boundary_loss(probabilities: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Log loss of start (or end) probabilities [B, T]; positive where the target is above .5."""
    positive = tf.cast(target > POSITION_POSITIVE, tf.float32)
    return balanced_log_loss(probabilities, positive, 1.0 - positive)


def classification_loss(
    probabilities: tf.Tensor, iou: tf.Tensor, valid: tf.Tensor, added_count: float = 0.0
) -> tf.Tensor:
    """Log loss of the classification map [B, D, T]: positive where tIoU > .9, else negative.

    Args:
        iou: float32 [B, D, T], 0 where not valid.
        valid: float32 [D, T].
        added_count: See balanced_log_loss.
    """
    positive = tf.cast(iou > ANCHOR_POSITIVE, tf.float32)
    return balanced_log_loss(probabilities, positive, (1.0 - positive) * valid, added_count)


def regression_weights(iou: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Chooses as many anchors of middle and of low tIoU as there are of high tIoU, on average.

    High is above .7; middle (.3, .7]; low (0, .3]. All high ones are taken, each middle one with
    probability n_high / n_middle, each low one with n_high / n_low, at most 1. (The reference takes
    *every cell*, also outside the band, once n_high exceeds n_middle; here a full band is all that
    is taken.)

    Args:
        iou: float32 [B, D, T], 0 where not valid.
        draws: float32 [2, B, D, T], uniform in [0, 1): for the middle band, for the low band.

    Returns:
        float32 [B, D, T], 0 or 1.
    """
    high = iou > HIGH
    num_high = _count(tf.cast(high, tf.float32))
    chosen = high
    for band, draw in ((iou > MIDDLE) & ~high, draws[0]), ((iou > 0.0) & (iou <= MIDDLE), draws[1]):
        rate = tf.math.divide_no_nan(num_high, _count(tf.cast(band, tf.float32)))
        chosen |= band & (draw > 1.0 - rate)
    return tf.cast(chosen, tf.float32)


def regression_loss(predicted: tf.Tensor, iou: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Half the mean squared error of the regression map [B, D, T] over the chosen anchors."""
    weights = regression_weights(iou, draws)
    squares = tf.reduce_sum(weights * (predicted - iou) ** 2)
    return 0.5 * tf.math.divide_no_nan(squares, _count(weights))


def gtad_losses(
    predictions: Mapping[str, tf.Tensor],
    targets: Mapping[str, tf.Tensor],
    valid: tf.Tensor,
    draws: tf.Tensor,
    variant: LossVariant = LOSS_VARIANTS["activitynet"],
) -> dict[str, tf.Tensor]:
    """The training loss and its parts.

    Args:
        predictions: What GTAD returns: start, end [B, T] and map [B, 2, D, T].
        targets: start, end float32 [B, T] and map float32 [B, D, T], 0 where not valid.
        valid: float32 [D, T] (targets.valid_mask).
        draws: float32 [2, B, D, T], uniform in [0, 1).
        variant: Weights of the parts.

    Returns:
        float32 scalars: boundary (start + end), regression, classification (both without their
        factors), and total = boundary + variant.regression * regression
        + variant.classification * classification.
    """
    boundary = boundary_loss(predictions["start"], targets["start"]) + boundary_loss(
        predictions["end"], targets["end"]
    )
    regression = regression_loss(predictions["map"][:, 0], targets["map"], draws)
    classification = classification_loss(
        predictions["map"][:, 1], targets["map"], valid, variant.added_count
    )
    return {
        "total": boundary
        + variant.regression * regression
        + variant.classification * classification,
        "boundary": boundary,
        "regression": regression,
        "classification": classification,
    }
