"""Videos whose frames are known by their grey."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

MILLISECOND = Fraction(1, 1000)


def _write_grey_levels(
    path, levels, codec="ffv1", pix_fmt="yuv444p", size=(48, 64), times=None, fps=25
):
    """A video of flat frames of one grey level each; `times`: when each is shown, seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
        if times is not None:
            stream.codec_context.time_base = MILLISECOND
        for i, level in enumerate(levels):
            frame = av.VideoFrame.from_ndarray(np.full((*size, 3), level, np.uint8), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[i] * 1000), MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def write_grey_levels() -> Callable[..., Path]:
    """`write_grey_levels(path, levels, codec=, pix_fmt=, size=, times=, fps=)` -> path."""
    return _write_grey_levels
