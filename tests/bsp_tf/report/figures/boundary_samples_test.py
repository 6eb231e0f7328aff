"""The picture of boundary samples at every position of the boundary."""

import numpy as np

from bsp_tf.report.figures.boundary_samples import draw_samples


def test_draws_cuts_and_transitions_at_any_position_and_other_lengths():
    samples = {
        "frames": np.zeros((4, 6, 10, 14, 3), np.uint8),
        "label": np.array([0, 1, 2, 3]),
        "boundary": np.array([2.5, 3, 5, -1], np.float32),
        "transition_length": np.array([3, 0, 0, 0]),
        "source_classes": np.array([[0, 1], [1, 1], [0, 0], [1, 1]]),
        "strides": np.array([[1, 1], [2, 2], [3, 21], [4, 4]]),
    }
    figure = draw_samples(samples, ["high_jump", "run"])
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {
        "diff-class",
        "same-speed",
        "high jump · every frame",
        "run · every 2nd frame",
        "high jump · every 3rd frame",
        "run · every 4th frame",
    } <= texts
