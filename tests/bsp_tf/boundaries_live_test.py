"""Live streams: real containers through a pipe and over HTTP, against the same videos as files."""

import functools
import http.server
import io
import os
import signal
import socket
import subprocess
import sys
import threading

import av
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.boundaries import find_all_boundaries, find_live_boundaries
from bsp_tf.export import evaluation_input, export_two_stream
from bsp_tf.models.snippet_model import load_snippet_model
from bsp_tf.models.tsm import TSM
from bsp_tf.video.reader import read_frames
from tests.conftest import PROJECT
from tests.fixtures.change_model import TYPES, save_jump_model, write_jumps

PARTS = [(40, 60), (50, 200), (40, 100)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_jump_model(tmp_path_factory.mktemp("model") / "two_stream")


@pytest.fixture
def served(tmp_path):
    """Serves `tmp_path` over HTTP; gives its URL."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def stream_bytes(form: str, parts, **options) -> bytes:
    """A video as it is sent: written from its first byte to its last, without going back."""
    sent = io.BytesIO()
    sent.seekable = lambda: False  # type: ignore[method-assign]
    with av.open(sent, "w", form, options=options) as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for count, level in parts:
            image = np.full((48, 64, 3), level, np.uint8)
            for _ in range(count):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return sent.getvalue()


def start(model, *flags) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "bsp_tf.boundaries", "--live", f"--model={model}", *flags],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Where the tests themselves run in the background, SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_a_fragmented_mp4_through_a_pipe(model):
    content = stream_bytes("mp4", PARTS, movflags="frag_keyframe+empty_moov")
    with start(model) as process:
        out, err = process.communicate(content, timeout=300)
    assert process.returncode == 0, err.decode()
    assert out.decode().splitlines() == [
        "   0:01.60  diff_class    0.933",
        "   0:03.60  same_class    0.909",
    ]


def test_a_plain_mp4_through_a_pipe_is_told(model, tmp_path):
    whole, rng = tmp_path / "a.mp4", np.random.default_rng(0)
    with av.open(str(whole), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for _ in range(200):
            picture = rng.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    with start(model) as process:
        _, err = process.communicate(whole.read_bytes(), timeout=300)
    assert process.returncode == 2 and b"fragmented" in err and b"Traceback" not in err


def test_a_closed_standard_input_is_told(model):
    process = subprocess.run(
        [sys.executable, "-m", "bsp_tf.boundaries", "--live", f"--model={model}"],
        cwd=PROJECT,
        capture_output=True,
        preexec_fn=lambda: os.close(0),
        timeout=300,
        check=False,
    )
    assert process.returncode == 2 and b"standard input is closed" in process.stderr


def test_boundaries_come_before_the_stream_ends_and_ctrl_c_ends_it(model):
    # The input stays open. FFmpeg looks at some seconds of it before it begins.
    content = stream_bytes("mpegts", [(40, 60), (400, 200)])
    with start(model) as process:
        process.stdin.write(content)
        process.stdin.flush()
        assert process.stdout.readline().decode() == "   0:01.60  diff_class    0.933\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read().decode().splitlines()[-1].startswith("interrupted")


@pytest.mark.parametrize("places", [False, True])
@pytest.mark.parametrize("options", [{}, {"stride": 3, "min_distance": 2.1}, {"frame_step": 2}])
def test_a_stream_gives_the_boundaries_of_the_file(tmp_path, served, places, options):
    model = save_jump_model(tmp_path / "model", places=places)
    path = write_jumps(tmp_path / "a.mkv", [*PARTS, (3, 60)])
    answers = find_all_boundaries([path], model, tmp_path / "b.json", **options)
    expected = answers.sections["results"]["a"]
    found = list(find_live_boundaries(f"{served}/a.mkv", model, **options))
    assert len(found) == len(expected) > 0
    for live, whole in zip(found, expected, strict=True):
        # Matroska keeps times in milliseconds.
        assert live["time"] == pytest.approx(whole["time"], abs=0.002)
        assert (live["type"], live["score"]) == (whole["type"], whole["score"])


def test_a_camera_that_speaks_rtsp(tmp_path):
    pytest.importorskip(
        "aio_rtsp_toolkit", reason="NOT TESTED: rtsp://; pip install aio-rtsp-toolkit"
    )
    write_jumps(tmp_path / "a.mp4", [*PARTS, (3, 60)])
    with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("", 0)) as other:
        port, control = free.getsockname()[1], other.getsockname()[1]
    # The server plays the file in real time, and hangs up at its end.
    code = "import sys; from server_demo import main; sys.exit(main())"
    flags = [f"--dir={tmp_path}", "--host=127.0.0.1", f"--port={port}", f"--control-port={control}"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *flags], stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert "listening" in server.stderr.readline()
            model = save_jump_model(tmp_path / "model")
            found = list(find_live_boundaries(f"rtsp://127.0.0.1:{port}/a.mp4", model))
        finally:
            server.kill()
    assert [boundary["type"] for boundary in found] == ["diff_class", "same_class", "same_class"]
    # A stream's first frame is at 0, or a frame later.
    times = [boundary["time"] for boundary in found]
    assert times == pytest.approx([1.6, 3.6, 5.2], abs=1.5 / 25)


def test_damage_on_the_way_is_left_out(model, tmp_path, served):
    content = bytearray(stream_bytes("mpegts", PARTS))
    # About a tenth of a second, far from the joints.
    begin = len(content) // 2 // 188 * 188
    content[begin : begin + 2 * 188] = bytes(2 * 188)
    (tmp_path / "a.ts").write_bytes(content)
    found = list(find_live_boundaries(f"{served}/a.ts", model))
    assert [boundary["time"] for boundary in found] == [
        pytest.approx(1.6, abs=0.1),
        pytest.approx(3.6, abs=0.1),
    ]


def test_playlists_do_not_lead_to_files(model, tmp_path, served):
    write_jumps(tmp_path / "a.ts", PARTS)
    for name in (f"file://{tmp_path}/a.ts", f"{tmp_path}/a.ts"):
        (tmp_path / "p.m3u8").write_text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:5,\n{name}\n#EXT-X-ENDLIST\n"
        )
        with pytest.raises(InputError, match="p.m3u8"):
            list(find_live_boundaries(f"{served}/p.m3u8", model))
    (tmp_path / "p.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:5,\na.ts\n#EXT-X-ENDLIST\n"
    )
    assert len(list(find_live_boundaries(f"{served}/p.m3u8", model))) == 2


def test_what_is_no_stream_is_named(model, tmp_path, served):
    (tmp_path / "note.txt").write_text("no video\n" * 30)
    for source, message in (
        ("clip.mp4", "clip.mp4 is no live stream: give -"),
        ("file:///etc/passwd", "passwd is no live stream"),
        (f"{served}/note.txt", "note.txt: not a stream"),
        (f"{served}/nowhere.ts", "nowhere.ts: not a stream"),
    ):
        with pytest.raises(InputError, match=message):
            list(find_live_boundaries(source, model))


@pytest.mark.thorough
def test_a_model_that_looks_back_only_sees_each_frame_once(tmp_path, served):
    tsm = TSM(4, depth=10, width=0.125, input="rgb_diff", place="heatmap", shift="past")
    tsm.build()
    tsm.fc.kernel.assign(tf.random.stateless_normal(tsm.fc.kernel.shape, [0, 1]))
    prepare = functools.partial(evaluation_input, short_side=40, crop_size=32)
    config = {"boundary": {"data": {"short_side": 40}}, "num_frames": 8}
    model = tmp_path / "model"
    export_two_stream(None, tsm, (), TYPES, config, model, prepare)
    url = f"{served}/a.mkv"
    path = write_jumps(tmp_path / "a.mkv", [(5, 60), (3, 200)])
    (found,) = find_live_boundaries(url, model, threshold=0.0)
    snippet = np.stack(list(read_frames(path, short_side=40)))[None]
    (expected,) = load_snippet_model(model).run(snippet)["boundary"]
    assert found["score"] == pytest.approx(1 - expected[TYPES.index("same_speed")], abs=2e-5)
    assert found["type"] == TYPES[expected[:3].argmax()] and 0 <= found["time"] <= 8 / 25
    # Two seconds later the window of the first answer is gone, what the frames know is not.
    write_jumps(tmp_path / "a.mkv", [(25, 60), (25, 200)])
    assert list(find_live_boundaries(url, model, threshold=0.0, frame_step=2))
    with pytest.raises(InputError, match="leave out --stride"):
        list(find_live_boundaries(url, model, stride=4))
