"""One clip to its records: colours, sizes, times, long clips, and what cannot be converted."""

import av
import numpy as np
import pytest
import tensorflow as tf
from av.video.reformatter import ColorRange, VideoReformatter

from bsp_tf.base.errors import InputError
from bsp_tf.records.parser import parse_clip
from bsp_tf.video.reader import read_frames
from bsp_tf.video.stream import VideoError
from tfrecords_tools.conversion import clip_encoder
from tfrecords_tools.conversion.clip_encoder import EncodingOptions, convert_clip, encode_records
from tfrecords_tools.inputs.clip_index import ClipSpec


def parsed(path, spec=None, **options):
    spec = spec or ClipSpec(path.name, "a", label_index=2)
    return [
        {key: value.numpy() for key, value in parse_clip(record).items()}
        for record in convert_clip(spec, EncodingOptions(**options), path.parent)
    ]


def decoded(record):
    return np.stack([tf.io.decode_jpeg(frame).numpy() for frame in record["frames"]]).astype(int)


def write_colours(path, pix_fmt, size=(50, 66), codec="ffv1", colorspace=None, color_range=None):
    """Two frames of smooth colours, in a pixel format, colour matrix and range of one's choice."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    image = np.stack(
        [x * 255 / width, y * 255 / height, (x + y) * 255 / (height + width)], -1
    ).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = height, width, pix_fmt
        for _ in range(2):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame = VideoReformatter().reformat(
                frame,
                format=pix_fmt,
                dst_colorspace=colorspace,
                src_color_range=ColorRange.JPEG,
                dst_color_range=color_range,
            )
            if colorspace:
                frame.colorspace = stream.codec_context.colorspace = colorspace
            if color_range:
                frame.color_range = stream.codec_context.color_range = color_range
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("pix_fmt", "colorspace", "color_range"),
    [
        ("yuv420p", None, None),
        ("yuv420p", 1, 1),
        ("yuv420p", 5, 2),
        ("yuv420p", 1, 2),
        ("yuv420p", 9, 1),
        ("yuv444p", None, None),
        ("yuv420p10le", None, None),
        ("yuv422p", 1, 1),
        ("gray", None, None),
        ("gray10le", None, None),
        ("bgra", None, None),
    ],
)
def test_colours_are_those_of_the_reader(tmp_path, pix_fmt, colorspace, color_range):
    """Straight from YCbCr to JPEG, or over RGB as elsewhere: the same but for rounding.

    FFmpeg's quick conversions round down in places, up to two levels; a wrong matrix or range would
    be seven and more.
    """
    path = write_colours(
        tmp_path / "a.mkv", pix_fmt, colorspace=colorspace, color_range=color_range
    )
    ours = decoded(parsed(path, jpeg_quality=100)[0])
    theirs = np.stack(list(read_frames(path))).astype(int)
    assert ours.shape == theirs.shape == (2, 50, 66, 3)
    assert (
        np.abs(ours - theirs).mean() < 2.5 and np.abs((ours - theirs).mean((0, 1, 2))).max() < 2.6
    )


@pytest.mark.parametrize("size", [(135, 149), (1, 1), (2, 33), (17, 2)])
def test_odd_sizes(tmp_path, size):
    path = write_colours(tmp_path / "a.mkv", "yuv444p", size)
    record = parsed(path, jpeg_quality=100)[0]
    assert (record["height"], record["width"]) == decoded(record).shape[1:3] == size
    if min(size) > 100:
        assert np.abs(decoded(record) - np.stack(list(read_frames(path)))).mean() < 2.5


@pytest.mark.parametrize("size", [(64, 89), (87, 64), (87, 89)])
def test_odd_sizes_give_the_same_bytes_whatever_lies_in_memory(size):
    rng = np.random.default_rng(0)
    frame = av.VideoFrame.from_ndarray(
        rng.integers(0, 255, (*size, 3)).astype(np.uint8), format="rgb24"
    )
    jpegs = set()
    for _ in range(20):
        # Freed at once: the encoder's own arrays may come to lie here.
        rng.integers(0, 255, (8, *size)).astype(np.uint8)
        jpegs.add(clip_encoder.JpegEncoder(0, 95)(frame))
    assert len(jpegs) == 1


def test_rotation(make_video, tmp_path):
    """A phone's display matrix: the stored picture is turned a quarter."""
    path = make_video(tmp_path / "a.mp4", num_frames=4, height=48, width=64)
    stored = decoded(parsed(path, jpeg_quality=100)[0])
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    for offset, value in ((0, 0), (4, 65536), (12, -65536), (16, 0)):
        content[at + offset : at + offset + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(content)
    record = parsed(path, jpeg_quality=100)[0]
    assert (record["height"], record["width"]) == (64, 48)
    turns = [np.abs(decoded(record) - np.rot90(stored, k, (1, 2))).mean() for k in (1, 3)]
    assert (
        min(turns) < 1 and np.abs(decoded(record) - np.stack(list(read_frames(path)))).mean() < 12
    )
    assert parsed(path, short_side=24)[0]["frames"].shape == (4,)


def test_a_rate_of_ones_own_follows_the_timestamps(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", num_frames=25)
    assert [(len(record["frames"]), record["fps"]) for record in parsed(path)] == [(25, 25.0)]
    slow = parsed(path, fps=5)[0]
    assert (len(slow["frames"]), slow["fps"], slow["start_seconds"], slow["end_seconds"]) == (
        5,
        5.0,
        0.0,
        1.0,
    )
    fast = parsed(path, fps=50)[0]
    assert len(fast["frames"]) == 50 and len(set(fast["frames"])) == 25


def test_times_of_cut_and_of_trimmed_clips(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", num_frames=50)
    cut = parsed(path, ClipSpec("a.mp4", None, (0.4, 0.8), cut=True))[0]
    assert (len(cut["frames"]), cut["start_seconds"], cut["end_seconds"], cut["label"]) == (
        10,
        0.4,
        0.8,
        -1,
    )
    assert list(cut["frames"]) == list(parsed(path)[0]["frames"][10:20])
    trimmed = parsed(path, ClipSpec("a.mp4", "b", (7.0, 17.0), 4))[0]
    assert (len(trimmed["frames"]), trimmed["start_seconds"], trimmed["end_seconds"]) == (
        50,
        7.0,
        17.0,
    )


def test_long_clips_are_split_cut_or_skipped(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", num_frames=25)
    whole = parsed(path)[0]
    parts = parsed(path, max_frames=10)
    assert sum((list(part["frames"]) for part in parts), []) == list(whole["frames"])
    assert [
        (len(part["frames"]), round(part["start_seconds"], 3), round(part["end_seconds"], 3))
        for part in parts
    ] == [(10, 0.0, 0.4), (10, 0.4, 0.8), (5, 0.8, 1.0)]
    # Of a trimmed clip, times are those of the video it comes from.
    times = [
        (part["start_seconds"], part["end_seconds"])
        for part in parsed(path, ClipSpec("a.mp4", "b", (7.0, 8.0), 0), max_frames=10)
    ]
    assert times == [(7.0, 7.4), (7.4, 7.8), (7.8, 8.0)]
    # The rest of one frame is fewer than --min_frames.
    assert [len(part["frames"]) for part in parsed(path, max_frames=8)] == [8, 8, 8]
    assert [len(part["frames"]) for part in parsed(path, max_frames=8, long_clips="cut")] == [8]
    with pytest.raises(VideoError, match="--max_frames=8"):
        parsed(path, max_frames=8, long_clips="skip")
    assert len(parsed(path, max_frames=25, long_clips="skip")) == 1


def test_bytes_end_a_record_as_well(make_video, tmp_path, monkeypatch):
    path = make_video(tmp_path / "a.mp4", num_frames=20)
    frame_bytes = len(parsed(path)[0]["frames"][0])
    monkeypatch.setattr(clip_encoder, "MAX_RECORD_BYTES", 6 * frame_bytes)
    parts = parsed(path)
    assert (
        len(parts) > 2 and max(sum(map(len, part["frames"])) for part in parts) <= 6 * frame_bytes
    )


def test_a_repeated_call_gives_the_same_bytes(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", num_frames=5)
    records = [
        list(encode_records(ClipSpec("a.mp4", None), EncodingOptions(), tmp_path)) for _ in range(2)
    ]
    assert records[0] == records[1] and records[0][0].num_frames == 5
    assert [record.data for record in records[0]] == list(
        convert_clip(ClipSpec("a.mp4", None), EncodingOptions(), path.parent)
    )


def test_what_cannot_be_converted(make_video, tmp_path):
    make_video(tmp_path / "one.mp4", num_frames=1)
    with pytest.raises(VideoError, match="1 frame.*--min_frames=2"):
        parsed(tmp_path / "one.mp4")
    with pytest.raises(VideoError, match="none.mp4"):
        parsed(tmp_path / "none.mp4")
    with pytest.raises(InputError, match="--max_frames=3.*--min_frames=4"):
        EncodingOptions(min_frames=4, max_frames=3)
    with pytest.raises(InputError, match="--long_clips=drop.* split, cut, skip"):
        EncodingOptions(long_clips="drop")
