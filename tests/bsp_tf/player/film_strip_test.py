"""Pictures along the timeline: from the file in the browser, or from a strip in the page."""

import base64
import io

import av
import numpy as np
import pytest
from PIL import Image

from bsp_tf.player.film_strip import (
    PICTURES,
    SHORT_SIDE,
    film_strip,
    plays_in_browsers,
    with_film_strips,
)
from bsp_tf.player.page import write_page
from bsp_tf.player.page_data import page_data
from bsp_tf.video.stream import VideoError
from tests.fixtures import browser as browsers

SECONDS = 4.0
FOUND = [{"label": "jump", "score": 0.9, "segment": [1.0, 2.0]}]


def dusk(path, codec, pixels="yuv420p"):
    """A video that is red at first and blue at last."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, pixels
        for number in range(round(25 * SECONDS)):
            picture = np.zeros((96, 128, 3), np.uint8)
            picture[..., 0], picture[..., 2] = 250 - 2.5 * number, 2.5 * number
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def data_of(*names):
    about = {
        name: {
            "file": name,
            "duration_seconds": SECONDS,
            "complete": True,
            "partial": False,
        }
        for name in names
    }
    return page_data("detections", {"results": dict.fromkeys(names, FOUND)}, about)


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "plays"),
    [
        ("a.mp4", "libx264", "yuv420p", True),
        ("a.webm", "libvpx-vp9", "yuv420p", True),
        ("a.mp4", "libx264", "yuv444p", False),
        ("a.mkv", "libx264", "yuv420p", False),
        ("a.avi", "mpeg4", "yuv420p", False),
    ],
)
def test_what_browsers_play(tmp_path, name, codec, pixels, plays):
    assert plays_in_browsers(dusk(tmp_path / name, codec, pixels)) == plays


def test_a_strip_is_a_row_of_pictures_in_order(tmp_path):
    strip = film_strip(dusk(tmp_path / "a.avi", "mpeg4"), SECONDS)
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(strip["jpeg"]))))
    assert strip["pictures"] == PICTURES and image.shape == (SHORT_SIDE, 72 * PICTURES, 3)
    reds = image.reshape(SHORT_SIDE, PICTURES, 72, 3)[..., 0].mean(axis=(0, 2))
    assert (np.diff(reds) < 0).all() and reds[0] > 230 and reds[-1] < 30


def test_only_what_needs_a_strip_has_one_and_not_too_many(tmp_path):
    dusk(tmp_path / "a.mp4", "libx264")
    dusk(tmp_path / "b.avi", "mpeg4")
    (tmp_path / "c.avi").write_bytes(b"no video")
    videos = with_film_strips(data_of("a.mp4", "b.avi", "c.avi", "gone.avi"), tmp_path)["videos"]
    assert ["strip" in video for video in videos] == [False, True, False, False]
    (tmp_path / "d.avi").symlink_to("b.avi")
    videos = with_film_strips(data_of("d.avi", "b.avi"), tmp_path, most=1)["videos"]
    assert ["strip" in video for video in videos] == [True, False]


def test_the_page_lies_behind_a_link(tmp_path):
    """Its addresses are those that a browser goes, which knows of no links."""
    dusk(tmp_path / "b.avi", "mpeg4")
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "pages").symlink_to(tmp_path / "far" / "away")
    data = data_of("b.avi")
    data["videos"][0]["uri"] = "../b.avi"
    (video,) = with_film_strips(data, tmp_path / "pages")["videos"]
    assert "strip" in video


def test_what_is_no_video_has_no_strip(tmp_path):
    (tmp_path / "c.avi").write_bytes(b"no video")
    with pytest.raises(VideoError, match="c.avi"):
        plays_in_browsers(tmp_path / "c.avi")


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.avi", "mpeg4")])
def test_the_timeline_shows_what_the_video_shows(tmp_path, name, codec):
    dusk(tmp_path / name, codec)
    write_page(tmp_path / "page.html", data_of(name))
    with browsers.start(tmp_path / "browser") as browser:
        page = browser.open(tmp_path / "page.html")
        page.wait("document.querySelectorAll('.film canvas').length > 5")
        page.wait("!timeline.film.now && !timeline.film.waiting.length")
        first = page.run("document.querySelectorAll('.film canvas').length")
        box = page.run(
            """(({x, y, width, height}) => [x, y, width, height])(
                timeline.film.lane.getBoundingClientRect())"""
        )
        page.picture(tmp_path / "page.png")
        x, y, width, height = (round(side) for side in box)
        image = np.asarray(Image.open(tmp_path / "page.png"))[y : y + height, x : x + width, :3]
        reds = image[:, :: width // 20, 0].mean(axis=0)
        assert reds[1] > 200 and reds[-2] < 50 and np.diff(reds[1:-1]).max() < 60
        page.run("timeline.zoomTo(4)")
        page.wait("!timeline.film.now && !timeline.film.waiting.length")
        assert page.run("document.querySelectorAll('.film canvas').length") > first
        page.run("timeline.film.lane.click()")
        assert page.problems == []
