"""Files of many containers, whole, cut and damaged, and what is not a video at all."""

import struct
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.video.limits import MOST_ASPECT, MOST_PIXELS
from bsp_tf.video.reader import probe_video, read_frames
from bsp_tf.video.stream import TruncatedVideoError, VideoError


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


def write_png(path):
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 64, 48, "rgb24"
    encoder.time_base = Fraction(1, 25)
    path.write_bytes(bytes(encoder.encode(av.VideoFrame(64, 48, "rgb24"))[0]))


def test_files_that_name_other_files(make_video, tmp_path):
    """FFmpeg would follow each of them to its neighbours, or to any file of the machine."""
    make_video(tmp_path / "seen.mp4", num_frames=25)
    make_video(tmp_path / "seen.ts", num_frames=25)
    write_png(tmp_path / "seen1.png")
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\nseen.ts\n#EXT-X-ENDLIST\n"
    for name, content in (
        ("list.m3u8", playlist),
        ("list.ts", playlist),
        ("list.mp4", "ffconcat version 1.0\nfile seen.mp4\n"),
        ("seen%d.png", "any"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(VideoError, match=name.split(".")[0]):
            next(read_frames(tmp_path / name))
        if name != "list.ts":
            with pytest.raises(VideoError, match="playlist, numbered pictures"):
                probe_video(tmp_path / name)


def write_gif(path, width, height):
    """A whole GIF of one pixel on a screen of this size."""
    screen = struct.pack("<6sHHBBB6s", b"GIF89a", width, height, 0x80, 0, 0, bytes(6))
    image = struct.pack("<cHHHHB", b",", 0, 0, 1, 1, 0) + bytes([2, 2, 0x44, 1, 0])
    path.write_bytes(screen + image + b";")


def test_sizes_that_are_not_decoded(tmp_path):
    for width, height in ((MOST_ASPECT + 1, 1), (1, 30000), (60000, 60000)):
        write_gif(tmp_path / "a.gif", width, height)
        with pytest.raises(VideoError, match=f"a.gif: .*({MOST_PIXELS}|{MOST_ASPECT})"):
            next(read_frames(tmp_path / "a.gif"))
    write_gif(tmp_path / "a.gif", MOST_ASPECT, 1)
    assert next(read_frames(tmp_path / "a.gif")).shape == (1, MOST_ASPECT, 3)


def test_size_that_changes(make_video, tmp_path):
    """Frames of a size that is not decoded end the video, as damage does."""
    parts = [
        make_video(tmp_path / f"{width}.h264", num_frames=10, height=16, width=width)
        for width in (64, 16 * (MOST_ASPECT + 1))
    ]
    (tmp_path / "a.h264").write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(TruncatedVideoError, match=f"a.h264: .*{MOST_ASPECT}") as caught:
        for frame in read_frames(tmp_path / "a.h264"):
            assert frame.shape == (16, 64, 3)
    assert caught.value.num_frames == 10
