"""The boundary curve of a video."""

import numpy as np

from bsp_tf.report.boundary_curves import boundary_curve


def test_boundary_curve_uses_the_named_column_and_snippet_centres():
    class Store:
        metadata = {
            "window": 8,
            "frame_step": 2,
            "stride": 8,
            "boundary_labels": ["same_speed", "diff_class"],
            "videos": {"v": {"fps": 25.0}},
        }

        def load_probabilities(self, video):
            return {"boundary": np.array([[0.9, 0.1], [0.25, 0.75]], np.float32)}

    seconds, curve = boundary_curve(Store(), "v")
    # Frames 0..14 are on screen from 0 to 15 frames; the middle is 7.5.
    np.testing.assert_allclose(seconds, [7.5 / 25, 15.5 / 25])
    np.testing.assert_allclose(curve, [0.1, 0.75], atol=1e-6)
