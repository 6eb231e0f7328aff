"""The losses of G-TAD (arXiv 1911.11462, section 3.4; weights and bands of its ActivityNet code).

Every mean is over the global batch: `global_sum` adds a count over all replicas, and each replica returns its
own share of the loss, so that the sum of the replicas' losses (and gradients) is what one device would
compute.

Finite for every batch. A weighted log loss is half the mean over the positives plus half the mean over the
negatives; where there are none of one kind, that half is 0. The regression loss is 0 where no anchor was
chosen.
"""

from collections.abc import Callable

import tensorflow as tf

EPSILON = 1e-6
POSITION_POSITIVE = 0.5
ANCHOR_POSITIVE = 0.9
HIGH, MIDDLE = 0.7, 0.3
REGRESSION_WEIGHT = 10.0

GlobalSum = Callable[[tf.Tensor], tf.Tensor]


def _one_device(count: tf.Tensor) -> tf.Tensor:
    return count


def balanced_log_loss(
    probabilities: tf.Tensor, positive: tf.Tensor, negative: tf.Tensor, global_sum: GlobalSum = _one_device
) -> tf.Tensor:
    """Log loss in which positives and negatives weigh the same in total.

    The reference writes it as weights .5 * N / P and .5 * N / (N - P) in a mean over N, which is the same.

    Args:
        probabilities: float32, any shape, 0..1.
        positive, negative: float32 of that shape, 0 or 1; what is neither does not count.
        global_sum: Sums a count over the replicas.

    Returns:
        float32 scalar, this replica's share.
    """
    hit = tf.reduce_sum(positive * tf.math.log(probabilities + EPSILON))
    miss = tf.reduce_sum(negative * tf.math.log(1.0 - probabilities + EPSILON))
    return -0.5 * (
        tf.math.divide_no_nan(hit, global_sum(tf.reduce_sum(positive)))
        + tf.math.divide_no_nan(miss, global_sum(tf.reduce_sum(negative)))
    )


def boundary_loss(
    probabilities: tf.Tensor, target: tf.Tensor, global_sum: GlobalSum = _one_device
) -> tf.Tensor:
    """Log loss of start (or end) probabilities [B, T]; positive where the target is above .5."""
    positive = tf.cast(target > POSITION_POSITIVE, tf.float32)
    return balanced_log_loss(probabilities, positive, 1.0 - positive, global_sum)


def classification_loss(
    probabilities: tf.Tensor, iou: tf.Tensor, valid: tf.Tensor, global_sum: GlobalSum = _one_device
) -> tf.Tensor:
    """Log loss of the classification map [B, D, T]; positive where tIoU > .9, negative where valid otherwise.

    Args:
        iou: float32 [B, D, T], 0 where not valid.
        valid: float32 [D, T].
    """
    positive = tf.cast(iou > ANCHOR_POSITIVE, tf.float32)
    return balanced_log_loss(probabilities, positive, (1.0 - positive) * valid, global_sum)


def regression_weights(iou: tf.Tensor, draws: tf.Tensor, global_sum: GlobalSum = _one_device) -> tf.Tensor:
    """Chooses as many anchors of middle and of low tIoU as there are of high tIoU, on average.

    High is above .7; middle (.3, .7]; low (0, .3]. All high ones are taken, each middle one with probability
    n_high / n_middle, each low one with n_high / n_low, at most 1. (The reference takes *every cell*, also
    outside the band, once n_high exceeds n_middle; here a full band is all that is taken.)

    Args:
        iou: float32 [B, D, T], 0 where not valid.
        draws: float32 [2, B, D, T], uniform in [0, 1): for the middle band, for the low band.

    Returns:
        float32 [B, D, T], 0 or 1.
    """
    high = iou > HIGH
    num_high = global_sum(tf.reduce_sum(tf.cast(high, tf.float32)))
    chosen = high
    for band, draw in ((iou > MIDDLE) & ~high, draws[0]), ((iou > 0.0) & (iou <= MIDDLE), draws[1]):
        rate = tf.math.divide_no_nan(num_high, global_sum(tf.reduce_sum(tf.cast(band, tf.float32))))
        chosen |= band & (draw > 1.0 - rate)
    return tf.cast(chosen, tf.float32)


def regression_loss(
    predicted: tf.Tensor, iou: tf.Tensor, draws: tf.Tensor, global_sum: GlobalSum = _one_device
) -> tf.Tensor:
    """Half the mean squared error of the regression map [B, D, T] over the chosen anchors."""
    weights = regression_weights(iou, draws, global_sum)
    squares = tf.reduce_sum(weights * (predicted - iou) ** 2)
    return 0.5 * tf.math.divide_no_nan(squares, global_sum(tf.reduce_sum(weights)))


def gtad_losses(
    predictions: dict[str, tf.Tensor],
    targets: dict[str, tf.Tensor],
    valid: tf.Tensor,
    draws: tf.Tensor,
    global_sum: GlobalSum = _one_device,
) -> dict[str, tf.Tensor]:
    """The training loss and its parts.

    Args:
        predictions: What GTAD returns: start, end [B, T] and map [B, 2, D, T]. targets: start, end float32
        [B, T] and map float32 [B, D, T], 0 where not valid (targets.video_targets). valid: float32 [D, T]
        (targets.valid_mask). draws: float32 [2, B, D, T], uniform in [0, 1). global_sum: Sums a count over
        the replicas; the default is for one device.

    Returns:
        float32 scalars: boundary (start + end), regression, classification, and
        total = boundary + 10 * regression + classification.
    """
    boundary = boundary_loss(predictions["start"], targets["start"], global_sum) + boundary_loss(
        predictions["end"], targets["end"], global_sum
    )
    regression = regression_loss(predictions["map"][:, 0], targets["map"], draws, global_sum)
    classification = classification_loss(predictions["map"][:, 1], targets["map"], valid, global_sum)
    return {
        "total": boundary + REGRESSION_WEIGHT * regression + classification,
        "boundary": boundary,
        "regression": regression,
        "classification": classification,
    }
