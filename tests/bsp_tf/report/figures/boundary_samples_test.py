"""The picture of boundary samples at every position of the boundary."""

import numpy as np

from bsp_tf.report.figures.boundary_samples import draw_samples
from bsp_tf.synthesis.boundary_types import BY_NAME, TABLE


def test_draws_cuts_and_transitions_at_any_position_and_other_lengths():
    samples = {
        "frames": np.zeros((4, 6, 10, 14, 3), np.uint8),
        "label": np.array([0, 1, 2, 3]),
        "boundary": np.array([2.5, 3, 5, -1], np.float32),
        "transition_length": np.array([3, 0, 0, 0]),
        "source_classes": np.array([[0, 1], [1, 1], [0, 0], [1, 1]]),
        "strides": np.array([[1, 1], [2, 2], [3, 21], [4, 4]]),
    }
    figure = draw_samples(samples, TABLE[:4], ["high_jump", "run"])
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {
        "diff-class",
        "same-speed",
        "high jump · every frame",
        "run · every 2nd frame",
        "high jump · every 3rd frame",
        "run · every 4th frame",
    } <= texts


def test_draws_the_types_in_use_and_says_how_a_clip_plays():
    samples = {
        "frames": np.zeros((4, 6, 10, 14, 3), np.uint8),
        "label": np.array([1, 0, 1, 0]),
        "boundary": np.array([-1, 3, -1, 3], np.float32),
        "transition_length": np.zeros(4, int),
        "source_classes": np.array([[0, 0], [1, 1], [1, 1], [0, 0]]),
        "strides": np.array([[0, 0], [2, -1], [-2, -2], [0, 1]]),
    }
    types = [BY_NAME["diff_motion"], BY_NAME["same_speed"]]
    texts = [text.get_text() for text in draw_samples(samples, types, ["a", "b"]).axes[0].texts]
    assert sorted(text for text in texts if " · " in text) == [
        "a · every frame",
        "a · one frame held",
        "a · one frame held",
        "b · every 2nd frame",
        "b · every 2nd frame, backwards",
        "b · every frame, backwards",
    ]
    assert {"diff-motion", "same-speed"} < set(texts) and "diff-class" not in texts
