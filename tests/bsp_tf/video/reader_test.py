"""Real files of many containers and pixel formats, whole and broken, through the reader."""

import io
import tracemalloc
import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from bsp_tf.base.errors import InputError
from bsp_tf.video.reader import probe_video, read_frames
from bsp_tf.video.stream import TruncatedVideoError, VideoError

MILLISECOND = Fraction(1, 1000)


def write_grey_levels(
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


def levels_of(frames):
    return [10 * round(float(frame.mean()) / 10) for frame in frames]


def test_probe_and_read_agree(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", num_frames=30, height=48, width=64, fps=25)
    info = probe_video(path)
    assert (info.height, info.width, info.fps, info.num_frames) == (48, 64, 25.0, 30)
    assert info.duration_seconds == pytest.approx(1.2)
    frames = list(read_frames(path))
    assert len(frames) == 30
    assert all(frame.shape == (48, 64, 3) and frame.dtype == np.uint8 for frame in frames)
    # The bright square of make_video moves, and it is red = green = blue = 255 where it is.
    assert frames[0][10:18, 2:6].min() > 220 and frames[10][10:18, 22:26].min() > 220


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        ("mp4", "libx264"),
        ("avi", "mpeg4"),
        ("mkv", "libx264"),
        ("ts", "libx264"),
        ("ts", "mpeg2video"),
        ("flv", "libx264"),
        ("webm", "libvpx"),
        ("avi", "libx264"),
        ("mpg", "mpeg1video"),
    ],
)
def test_whole_and_cut_containers(make_video, tmp_path, suffix, codec):
    """Every frame comes, also the last ones in the decoder; a cut file is never taken for whole."""
    path = make_video(tmp_path / f"a.{suffix}", num_frames=120, height=120, width=160, codec=codec)
    assert sum(1 for _ in read_frames(path)) == 120
    content = path.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(content[: int(len(content) * 0.6)])
    if suffix == "mp4":
        with pytest.raises(VideoError, match="cut.mp4"):
            next(read_frames(cut))
        return
    if suffix == "ts":
        # A broadcast stream states no length anywhere: the good frames are all one can know.
        assert 0 < sum(1 for _ in read_frames(cut)) < 120
        return
    given = 0
    with pytest.raises(TruncatedVideoError, match=f"cut.{suffix}") as caught:
        for frame in read_frames(cut):
            given += 1
            assert frame.shape == (120, 160, 3)
    assert 0 < given < 120
    assert caught.value.num_frames == given
    assert isinstance(caught.value, InputError)


def test_damage_in_the_middle(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv", num_frames=120, height=120, width=160)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    path.write_bytes(content)
    with pytest.raises(TruncatedVideoError):
        list(read_frames(path))


def test_what_is_no_video(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video at all\n" * 50)
    (tmp_path / "zeros.avi").write_bytes(bytes(5000))
    with wave.open(str(tmp_path / "sound.wav"), "w") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    for name in ("empty.mp4", "text.mp4", "zeros.avi", "sound.wav", "missing.mp4", "."):
        for call in (probe_video, lambda path: next(read_frames(path))):
            with pytest.raises(VideoError) as caught:
                call(tmp_path / name)
            assert str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)


def test_names_that_ffmpeg_would_misread(make_video, tmp_path):
    path = make_video(tmp_path / "-a:b %03d é.mp4", num_frames=5)
    assert len(list(read_frames(path))) == 5


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
def test_pixel_formats_and_odd_sizes(tmp_path, pix_fmt, codec):
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


@pytest.mark.parametrize(
    ("angle", "matrix", "turns"),
    [(90, (0, 1, -1, 0), -1), (180, (-1, 0, 0, -1), 2), (270, (0, -1, 1, 0), 1)],
)
def test_rotation_of_phones(make_video, tmp_path, angle, matrix, turns):
    path = make_video(tmp_path / "a.mp4", num_frames=4, height=48, width=64)
    stored = list(read_frames(path))
    content = bytearray(path.read_bytes())
    # The track header box: 4 bytes of type, 40 bytes of times, ids and volume, then a 3x3 matrix a
    # b u c d v x y w.
    at = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (value * 65536 for value in matrix)
    for offset, value in ((0, a), (4, b), (12, c), (16, d)):
        content[at + offset : at + offset + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(content)
    shown = list(read_frames(path))
    np.testing.assert_array_equal(shown, [np.rot90(frame, turns) for frame in stored])
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


def test_constant_rate_is_halved_and_doubled(tmp_path):
    path = write_grey_levels(tmp_path / "a.mkv", range(0, 200, 10), fps=20)
    assert levels_of(read_frames(path, fps=20)) == list(range(0, 200, 10))
    assert len(list(read_frames(path, fps=10))) == 10
    doubled = levels_of(read_frames(path, fps=40))
    assert len(doubled) == 40 and sorted(set(doubled)) == list(range(0, 200, 10))
    assert len(list(read_frames(path, fps=0.1))) == 1


def test_variable_rate_follows_the_timestamps(tmp_path):
    times = [0.0, 0.1, 0.2, 1.0, 1.1]
    path = write_grey_levels(tmp_path / "a.mkv", [0, 50, 100, 150, 200], times=times)
    ticks = levels_of(read_frames(path, fps=10))
    expected = [
        [0, 50, 100, 150, 200][int(np.argmin([abs(time - tick / 10) for time in times]))]
        for tick in range(len(ticks))
    ]
    # 0.6 s is equally near to 0.2 and 1.0 s.
    assert [a for i, a in enumerate(ticks) if i != 6] == [
        a for i, a in enumerate(expected) if i != 6
    ]
    assert len(ticks) in (11, 12)
    assert levels_of(read_frames(path)) == [0, 50, 100, 150, 200]


def test_cut_by_seconds(make_video, tmp_path):
    path = write_grey_levels(tmp_path / "a.mkv", range(0, 250, 10), fps=25)
    assert levels_of(read_frames(path, start_seconds=0.2, end_seconds=0.4)) == [50, 60, 70, 80, 90]
    assert levels_of(read_frames(path, end_seconds=0.08)) == [0, 10]
    assert len(list(read_frames(path, fps=50, start_seconds=0.2, end_seconds=0.4))) == 10
    with pytest.raises(VideoError, match="a.mkv.*start and end"):
        list(read_frames(path, start_seconds=8.0))
    # A long way in, by seeking: the same frames as by decoding everything.
    for suffix in ("mp4", "ts"):
        long = make_video(tmp_path / f"long.{suffix}", num_frames=400, height=32, width=64)
        everything = list(read_frames(long))
        np.testing.assert_array_equal(
            list(read_frames(long, start_seconds=12.0, end_seconds=12.4)), everything[300:310]
        )


def test_memory_is_bounded(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", num_frames=200, height=120, width=160)
    tracemalloc.start()
    for _ in read_frames(path, fps=50):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 120 * 160 * 3


def test_real_videos(shared):
    """Surveillance cameras and demo clips: odd sizes, many rates, pieces of longer streams."""
    paths = [
        path
        for folder in ("assorted", "surveillance", "ut_interaction_set1/clips/kick")
        for path in sorted((shared / "videos" / folder).rglob("*"))
        if path.suffix in (".avi", ".mp4")
    ]
    assert len(paths) >= 50
    for path in paths[::3]:
        info = probe_video(path)
        num_frames = 0
        for frame in read_frames(path, short_side=64):
            num_frames += 1
            assert min(frame.shape[:2]) == 64
        assert 10 <= info.fps <= 30
        # Two frames that the cut at the start of the UT-Interaction clips made undecodable are in
        # their headers.
        assert abs(num_frames - info.num_frames) <= 2, path
