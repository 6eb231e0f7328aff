"""Pixel formats, odd sizes, rotation, scaling: what becomes of a decoded picture."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from bsp_tf.video.reader import probe_video, read_frames


@pytest.mark.parametrize(
    ("pix_fmt", "codec"),
    [
        ("gray", "ffv1"),
        ("gray10le", "ffv1"),
        ("yuv420p10le", "ffv1"),
        ("yuv422p", "ffv1"),
        ("yuv420p", "ffv1"),
        ("bgra", "ffv1"),
        ("yuvj420p", "mjpeg"),
    ],
)
def test_pixel_formats_and_odd_sizes(tmp_path, pix_fmt, codec, write_grey_levels):
    levels = [16, 100, 250]
    path = tmp_path / "a.mkv"
    if codec == "mjpeg":
        write_mjpeg(path, levels, (47, 63))
    else:
        write_grey_levels(path, levels, codec, pix_fmt, size=(47, 63))
    frames = list(read_frames(path))
    assert [frame.shape for frame in frames] == [(47, 63, 3)] * 3
    for frame, level in zip(frames, levels, strict=True):
        # Corners too: conversion of odd sizes has left garbage there in some libraries.
        assert np.abs(frame.astype(int) - level).max() <= 3


def write_mjpeg(path, levels, size):
    """Full-range JPEG frames in Matroska, the way cameras write them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, "yuvj420p"
        for i, level in enumerate(levels):
            buffer = io.BytesIO()
            Image.fromarray(np.full((*size, 3), level, np.uint8)).save(buffer, "JPEG", quality=95)
            packet = av.Packet(buffer.getvalue())
            packet.stream, packet.pts, packet.dts = stream, i, i
            packet.time_base = Fraction(1, 25)
            container.mux(packet)


# (a, b, c, d): the pixel of column x and row y is shown in column ax + cy and row bx + dy.
MATRICES = [(0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)]
MIRRORED = [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)]


def displayed(image, matrix):
    a, b, c, d = matrix
    rows, columns = np.indices(image.shape[:2])
    to_columns, to_rows = a * columns + c * rows, b * columns + d * rows
    to_columns, to_rows = to_columns - to_columns.min(), to_rows - to_rows.min()
    shown = np.empty((to_rows.max() + 1, to_columns.max() + 1, 3), image.dtype)
    shown[to_rows, to_columns] = image
    return shown


def with_matrix(path, matrix):
    """Gives an MP4 a display matrix (a, b, c, d)."""
    content = bytearray(path.read_bytes())
    # The track header box: 4 bytes of type, 40 bytes of times, ids and volume, then a 3x3 matrix a
    # b u c d v x y w.
    at = content.index(b"tkhd") + 4 + 40
    for offset, value in zip((0, 4, 12, 16), matrix, strict=True):
        content[at + offset : at + offset + 4] = (value * 65536).to_bytes(4, "big", signed=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("matrix", MATRICES + MIRRORED)
def test_rotation_and_mirroring(make_video, tmp_path, matrix):
    path = make_video(tmp_path / "a.mp4", num_frames=4, height=48, width=64)
    stored = list(read_frames(path))
    shown = list(read_frames(with_matrix(path, matrix)))
    np.testing.assert_array_equal(shown, [displayed(frame, matrix) for frame in stored])
    info = probe_video(path)
    assert (info.height, info.width) == shown[0].shape[:2]


def test_short_side_shrinks_and_never_enlarges(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", num_frames=3, height=48, width=64)
    assert {frame.shape for frame in read_frames(path, short_side=24)} == {(24, 32, 3)}
    assert {frame.shape for frame in read_frames(path, short_side=100)} == {(48, 64, 3)}


def test_shrinking_is_antialiased(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "gray"
        checkerboard = (np.indices((48, 64)).sum(0) % 2 * 200).astype(np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(checkerboard, format="gray")))
        container.mux(stream.encode())
    small = next(read_frames(tmp_path / "a.mkv", short_side=24)).astype(int)
    assert np.abs(small[1:-1, 1:-1] - 100).max() <= 4
