"""Windows over the answers to single frames."""

import numpy as np
import pytest

from bsp_tf.prediction.boundary_list import Timing
from bsp_tf.prediction.live_boundaries import (
    live_boundaries,
    windows_of_snippets,
    windows_of_steps,
)
from bsp_tf.video.live import LiveFrame
from bsp_tf.video.stream import VideoError


@pytest.mark.parametrize("frame_step", [1, 2])
def test_a_window_is_the_mean_of_the_last_answers(frame_step):
    logits = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    frames = [LiveFrame(n / 25, np.full((2, 2, 3), n, np.uint8)) for n in range(20)]

    def steps(images):
        for image in images:
            assert image.shape == (1, 2, 2, 3)
            number = int(image[0, 0, 0, 0])
            yield {"boundary_logits": logits[None, number], "place": np.array([float(number)])}

    windows = list(windows_of_steps(frames, steps, Timing(4, frame_step, frame_step, 25.0)))
    shown = np.arange(0, 20, frame_step)
    assert len(windows) == len(shown) - 3
    for number, window in enumerate(windows):
        numbers = shown[number : number + 4]
        odds = np.exp(logits[numbers].mean(0))
        np.testing.assert_allclose(window.probabilities, odds / odds.sum(), rtol=1e-5)
        assert window.end_seconds == pytest.approx((numbers[-1] + 1) / 25)
        assert window.seconds == numbers[0] / 25 and window.place.tolist() == numbers.tolist()


def test_no_boundary_lies_behind_the_last_frame():
    """Two frames are left for the last window, which places the boundary in its last frame."""
    frames = [LiveFrame(n / 25, np.full((2, 2, 3), n, np.uint8)) for n in range(18)]

    def run(batch):
        late = batch[0, 0, 0, 0, 0] == 16
        place = np.zeros((1, 8))
        place[0, 7] = 1
        return {"boundary": np.array([[late, 1 - late]], np.float64), "place": place}

    timing, types = Timing(8, 1, 8, 25.0), ("diff_class", "same_speed")
    (found,) = live_boundaries(windows_of_snippets(frames, run, timing), types, timing, 0.5, 0.1)
    assert found["time"] == pytest.approx(18 / 25)


def test_a_stream_that_breaks_leaves_the_boundaries_before():
    def broken():
        for n in range(24):
            yield LiveFrame(n / 25, np.full((2, 2, 3), n, np.uint8))
        raise VideoError("standard input: the stream breaks off.")

    def run(batch):
        return {"boundary": np.array([[batch[0, 0, 0, 0, 0] == 8, 0.0]], np.float64)}

    timing, types = Timing(8, 1, 8, 25.0), ("diff_class", "same_speed")

    windows = windows_of_snippets(broken(), run, timing)
    found = []
    with pytest.raises(VideoError, match="breaks off"):
        # It would have waited for 10 s.
        found.extend(live_boundaries(windows, types, timing, 0.5, 10))
    assert [boundary["type"] for boundary in found] == ["diff_class"]
