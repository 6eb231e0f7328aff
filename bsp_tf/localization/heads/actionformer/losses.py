"""The losses of ActionFormer: focal for the classes, DIoU for the ends.

Both are sums over all points of a batch, divided by the running mean of how many positives (points
with a class) a batch has.
"""

from collections.abc import Mapping

import tensorflow as tf

from bsp_tf.runs.strategy import global_sum

# Focal loss (Lin et al., ICCV 2017): weight of the positives, and how little easy points count.
FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2
# What the running mean keeps at each step.
MEMORY = 0.9
# Lengths below this are no denominators.
TINY = 1e-8
# With BALANCED, the loss of the ends is brought to the size of that of the classes, unless it is
# below SMALLEST.
BALANCED, SMALLEST = -1.0, 0.01


def focal_loss(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Sigmoid focal loss of every element, float32, of the shape of both; targets lie in 0..1."""
    probability = tf.sigmoid(logits)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
    right = probability * targets + (1 - probability) * (1 - targets)
    alpha = FOCAL_ALPHA * targets + (1 - FOCAL_ALPHA) * (1 - targets)
    return alpha * entropy * (1 - right) ** FOCAL_GAMMA


def diou_loss(found: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """1 - tIoU + (distance of the centres / length of the hull)^2, float32 [...].

    Args:
        found, wanted: float32 [..., 2], not negative: distances from a point that both segments
            hold to start and end.
    """
    inner, outer = tf.minimum(found, wanted), tf.maximum(found, wanted)
    shared, hull = tf.reduce_sum(inner, -1), tf.reduce_sum(outer, -1)
    union = tf.reduce_sum(found, -1) + tf.reduce_sum(wanted, -1) - shared
    off = 0.5 * ((found[..., 1] - found[..., 0]) - (wanted[..., 1] - wanted[..., 0]))
    tiou = shared / tf.maximum(union, TINY)
    return 1 - tiou + tf.square(off / tf.maximum(hull, TINY))


def count_positives(inside: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    """How many points of the global batch have a class, float32 []; see `point_losses`."""
    return global_sum(tf.reduce_sum(tf.cast(_positives(inside, classes), tf.float32)))


def next_normalizer(normalizer: tf.Tensor, positives: tf.Tensor) -> tf.Tensor:
    """The running mean of positives, float32 [], after a batch of so many."""
    return MEMORY * normalizer + (1 - MEMORY) * tf.maximum(positives, 1.0)


def point_losses(
    outputs: Mapping[str, tf.Tensor],
    targets: Mapping[str, tf.Tensor],
    normalizer: tf.Tensor,
    smoothing: float,
    offset_weight: float,
) -> dict[str, tf.Tensor]:
    """This replica's share of "total", "classes" and "offsets", float32 [] each.

    Args:
        outputs: logits float32 [B, P, K], offsets float32 [B, P, 2], inside float32 [B, P]; see
            `ActionFormer`.
        targets: classes float32 [B, P, K], offsets float32 [B, P, 2]; see `point_targets`.
        normalizer: float32 []: what both sums are divided by.
        smoothing: In 0..1: how far the wanted scores are moved to equal ones of all classes and
            background.
        offset_weight: Of the second loss in the total, or BALANCED.
    """
    inside, classes = outputs["inside"], targets["classes"]
    smooth = classes * (1 - smoothing) + smoothing / (classes.shape[-1] + 1)
    focal = focal_loss(outputs["logits"], smooth) * inside[..., tf.newaxis]
    for_classes = tf.reduce_sum(focal) / normalizer
    diou = diou_loss(outputs["offsets"], targets["offsets"])
    # Points without a class have targets that mean nothing, even below 0.
    diou = tf.where(_positives(inside, classes), diou, tf.zeros_like(diou))
    for_offsets = tf.reduce_sum(diou) / normalizer
    weight = offset_weight
    if offset_weight == BALANCED:
        sizes = [global_sum(tf.stop_gradient(loss)) for loss in (for_classes, for_offsets)]
        weight = sizes[0] / tf.maximum(sizes[1], SMALLEST)
    total = for_classes + weight * for_offsets
    return {"total": total, "classes": for_classes, "offsets": for_offsets}


def _positives(inside: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    """bool [B, P]."""
    return tf.logical_and(inside > 0, tf.reduce_max(classes, -1) > 0)
