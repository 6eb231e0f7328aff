"""Where in a clip the boundary lies: the maps over its frames that a TSM can give."""

import tensorflow as tf

# "heatmap": a peak at the boundary, regressed. "frames": whether the boundary touches the frame.
PLACES = ("none", "heatmap", "frames")


def place_map(scores: tf.Tensor, place: str) -> tf.Tensor:
    """The map of a clip from what the head of a TSM answers.

    Args:
        scores: float32 [B, T], output "place" of a TSM.
        place: "heatmap" or "frames".

    Returns:
        float32 [B, T], higher = rather the boundary: of "frames" a probability, of "heatmap" about
        0 to 1.
    """
    return tf.sigmoid(scores) if place == "frames" else scores
