"""The page as a file, and as people use it: in a real browser, with a real video."""

import importlib.util
import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from bsp_tf.annotations.reader import Instance
from bsp_tf.base.errors import InputError
from bsp_tf.player.page import GENERATOR, page_beside, render, write_page
from bsp_tf.player.page_data import page_data
from tests.fixtures import browser as browsers
from tests.fixtures.many_videos import many_videos

# Where the words of others would become markup, each of these sets window.hacked.
MARKUP = "<script>window.hacked = 1</script>"
CLOSING = "'\"</script><img src=x onerror='window.hacked = 1'> & <!-- é"
NAMES = ['it\'s 50% #1 "é" ?a=b&c <b>.mp4', "two:1.mp4"]
DETECTIONS = [
    {"label": MARKUP, "score": 0.9, "segment": [1.0, 2.0]},
    {"label": CLOSING, "score": 0.8, "segment": [2.5, 3.5]},
    {"label": "long_jump", "score": 0.5, "segment": [0.0, 3.0]},
    {"label": "long_jump", "score": 0.01, "segment": [0.0, 1.0]},
]
TRUTH = (Instance((1.0, 2.5), MARKUP),)
QUIET = [0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.2, 0.9]
CURVE = {
    "times": [0.25 + 0.5 * i for i in range(8)],
    "probabilities": {
        "diff_class": [round(0.75 * (1 - p), 3) for p in QUIET],
        "diff_speed": [round(0.25 * (1 - p), 3) for p in QUIET],
        "same_speed": QUIET,
    },
}
BOUNDARIES = [
    {"time": 1.25, "type": "diff_class", "score": 0.9},
    {"time": 3.25, "type": "diff_speed", "score": 0.8},
]


def about(file="a.mp4", **facts):
    whole = {"file": file, "uri": quote(file), "duration_seconds": 4.0, "complete": True}
    return whole | {"partial": False} | facts


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browsers.start(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_video):
    """A page of detections in three videos, the last of which is gone, and one of boundaries."""
    root = tmp_path_factory.mktemp("pages")
    for name in NAMES:
        make_video(root / name, num_frames=100, fps=25, height=96, width=128)
    ids = [CLOSING, "two", "gone"]
    files = [*NAMES, "no such.mp4"]
    sections = {
        "results": dict.fromkeys(ids, DETECTIONS),
        "curves": dict.fromkeys(ids, CURVE),
    }
    facts = {name: about(file) for name, file in zip(ids, files, strict=True)}
    truth = {CLOSING: TRUTH}
    write_page(root / "predictions.html", page_data("detections", sections, facts, truth))
    sections = {"results": {"two": BOUNDARIES}, "curves": {"two": CURVE}}
    write_page(root / "boundaries.html", page_data("boundaries", sections, {"two": facts["two"]}))
    return root


@pytest.fixture
def page(browser, folder):
    opened = browser.open(folder / "predictions.html")
    opened.wait("player.readyState >= 1")
    return opened


def asked_for(page) -> list[str]:
    """The requests, but for the icons that the browser itself draws on a player."""
    return [address for address in page.requests if not address.startswith("data:")]


def test_the_words_of_others_end_no_element():
    sections = {"results": {CLOSING: DETECTIONS}}
    text = render(page_data("detections", sections, {CLOSING: about(NAMES[0])}))
    assert text.count("</script>") == 2 and "onerror" in text and "<img" not in text
    inside = text.partition('id="data">')[2].partition("</script>")[0]
    (video,) = json.loads(inside)["videos"]
    assert video["name"] == CLOSING and json.loads(inside)["labels"][0] == MARKUP


def test_a_page_beside_the_output_replaces_pages_only(tmp_path):
    page = page_beside(tmp_path / "index.json")
    write_page(page, page_data("detections", {"results": {}}, {}))
    assert GENERATOR in page.read_text() and page_beside(tmp_path / "index.json") == page
    page.write_text("<!DOCTYPE html><title>my own</title>")
    with pytest.raises(InputError, match="index.html.*--nopage"):
        page_beside(tmp_path / "index.json")


def test_nothing_is_wrong_and_nothing_is_asked_for_but_the_video(page, folder):
    page.run("new Promise((done) => setTimeout(done, 300))")
    assert page.problems == []
    # The file twice: for the player and for the pictures along the timeline.
    assert set(asked_for(page)) == {
        (folder / "predictions.html").as_uri(),
        (folder / NAMES[0]).as_uri(),
    }
    assert page.run("window.hacked") is None
    assert page.run("part('name').textContent") == CLOSING
    assert page.run("document.querySelector('.list b').textContent") == "long jump"
    assert page.run("marks.found[0].name") == MARKUP.replace("_", " ")
    assert (
        page.run("document.querySelectorAll('.track script, .list script, .track img').length") == 0
    )


def test_a_click_on_a_segment_jumps_there(page):
    page.point("#scroller [role=toolbar][aria-label=Detections] .bar:nth-child(3)")
    page.wait("!player.seeking && player.currentTime === 2.5")
    assert page.run("timeline.playhead.style.left") == "62.5%"
    page.point(".list li:nth-child(2) button")
    page.wait("!player.seeking && player.currentTime === 1")
    assert page.run("document.querySelector('.list li:nth-child(2) button').ariaCurrent") == "true"
    # The middle of the lane of the curve.
    page.point(".lane.curve svg")
    page.wait("Math.abs(player.currentTime - 2) < 0.02")


def test_the_keyboard_reaches_everything(page):
    page.run("document.querySelector('[aria-label=Detections] button').focus()")
    page.press("ArrowRight")
    page.press("Enter")
    page.wait("!player.seeking && player.currentTime === 1")
    page.press("ArrowRight")
    page.press(" ")
    page.wait("!player.seeking && player.currentTime === 2.5")
    assert not page.run("part('tip').hidden")
    page.press("+")
    assert page.run("timeline.zoom") == 2
    page.press("0")
    assert page.run("timeline.zoom") == 1
    page.run("timeline.axis.focus()")
    page.press("Home")
    page.press("ArrowRight")
    page.wait("!player.seeking && player.currentTime === 1")
    assert page.run("timeline.axis.getAttribute('aria-valuetext')") == "0:01.00"
    page.press(" ")
    page.wait("!player.paused && player.currentTime > 1.2")
    assert page.run("timeline.time") > 1
    page.press(" ")
    page.wait("player.paused")


def test_one_tab_stop_for_each_row(page):
    stops = "document.querySelectorAll('.track button[tabindex=\"0\"]').length"
    assert page.run(stops) == page.run(
        "document.querySelectorAll('[role=toolbar]:has(button)').length"
    )


def test_a_tip_says_what_a_segment_is(page):
    page.point("[aria-label=Detections] .bar:nth-child(2)", click=False)
    page.wait("!part('tip').hidden")
    lines = page.run("[...part('tip').children].map((line) => line.textContent)")
    truth = MARKUP.replace("_", " ")
    assert lines == [
        truth,
        "0:01.00 – 0:02.00 (1.00 s)",
        "score 0.900",
        f"tIoU 0.67 with {truth}, 0:01.00 – 0:02.50",
    ]
    assert page.run(
        "document.querySelector('[aria-label=Detections] .bar:nth-child(2)').ariaLabel"
    ) == (", ".join(lines))
    page.point(".lane.curve svg", click=False)
    assert page.run("part('tip').textContent").startswith("0:02.25")


def test_every_control_has_a_name(page):
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "slider", "combobox", "toolbar", "link", "region", "group")
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node["ignored"]
        and node["role"]["value"] in roles
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []
    assert sum(node.get("role", {}).get("value") == "slider" for node in tree) >= 2


def test_detections_are_captions(page):
    cues = page.run("cues.map((cue) => [cue.startTime, cue.endTime, cue.text])")
    assert len(cues) == 3 and cues[0][:2] == [1, 2]
    assert cues[0][2] == "&lt;script&gt;window.hacked = 1&lt;/script&gt;  0.90"
    assert page.run("cues[0].getCueAsHTML().textContent").startswith("<script>")
    page.run("captions.mode = 'showing'; seek(1.5)")
    page.wait("captions.activeCues.length === 2")


def test_more_detections_and_other_videos(page, folder):
    assert page.run("shown.length") == 3
    page.run("most.value = 4; most.dispatchEvent(new Event('input'))")
    assert page.run("[shown.length, cues.length, captions.cues.length]") == [4, 4, 4]
    assert page.run("part('most-text').textContent") == "best 4 of 4"
    page.point("#next")
    page.wait("player.readyState >= 1")
    assert page.run("[player.videoWidth, part('name').textContent]") == [128, "two"]
    assert (folder / NAMES[1]).as_uri() == asked_for(page)[-1]
    assert page.problems == []


def test_where_the_video_is_gone_the_timeline_works(page):
    page.run("choose(2)")
    page.wait("!part('trouble').hidden")
    assert "no such.mp4" in page.run("part('trouble').textContent")
    page.point("[aria-label=Detections] .bar:nth-child(2)")
    assert page.run("[timeline.time, part('now').textContent.slice(0, 7)]") == [1, "0:01.00"]
    page.run("choose(0)")
    page.wait("player.readyState >= 1 && part('trouble').hidden && !player.hidden")


def test_what_is_no_video_is_said(browser, folder):
    (folder / "note.mp4").write_text("no video\n" * 30)
    data = page_data("detections", {"results": {"note": []}}, {"note": about("note.mp4")})
    write_page(folder / "note.html", data)
    page = browser.open(folder / "note.html")
    page.wait("!part('trouble').hidden")
    assert "cannot play" in page.run("part('trouble').textContent")
    assert page.run("part('list-title').textContent") == "No detections"


def test_boundaries(browser, folder):
    page = browser.open(folder / "boundaries.html", dark=True)
    page.wait("player.readyState >= 1")
    page.point(".peak:nth-child(2)")
    page.wait("!player.seeking && player.currentTime === 3.25")
    assert page.run("part('now').textContent") == "0:03.25 / 0:04.00diff-class 0.60diff-speed 0.20"
    assert page.run("document.querySelectorAll('.curve path').length") == 3
    assert page.run("part('choose').hidden && part('most-box').hidden")
    assert page.problems == []


def test_times_are_in_their_places(page):
    page.run("timeline.zoomTo(4)")
    left, width = page.run(
        """(() => {
            const track = timeline.track.getBoundingClientRect();
            const bar = marks.found[0].button.getBoundingClientRect();
            return [(bar.left - track.left) / track.width, bar.width / track.width];
        })()"""
    )
    assert left == pytest.approx(0.25, abs=1e-3) and width == pytest.approx(0.25, abs=1e-3)
    page.run("seek(3.9); timeline.reveal(3.9)")
    assert page.run("timeline.scroller.scrollLeft") > 0
    left = "timeline.scroller.scrollLeft / timeline.track.offsetWidth"
    before = page.run(left)
    size = {"width": 700, "height": 600, "deviceScaleFactor": 1, "mobile": False}
    page.call("Emulation.setDeviceMetricsOverride", **size)
    page.wait("timeline.scroller.clientWidth < 700")
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.run(left) == pytest.approx(before, abs=2e-3)
    # The ticks and the curve that are in view are drawn.
    page.run("timeline.scroller.scrollLeft = 0")
    page.wait("timeline.ticks.firstChild.textContent.startsWith('0:00')")
    assert page.run("timeline.curve.box.style.left") == "0%"


def test_of_a_long_video_the_part_in_view_is_drawn(browser, tmp_path):
    count = 40_000
    quiet = np.full(count, 0.9)
    quiet[30_001] = 0.0
    curve = {"times": (0.1 + 0.2 * np.arange(count)).tolist()}
    curve["probabilities"] = {"diff_class": (1 - quiet).tolist(), "same_speed": quiet.tolist()}
    sections = {"results": {"a": BOUNDARIES}, "curves": {"a": curve}}
    data = page_data("boundaries", sections, {"a": about(duration_seconds=8000.0)})
    write_page(tmp_path / "long.html", data)
    page = browser.open(tmp_path / "long.html")
    points = """(() => {
        const path = document.querySelector(".envelope").getAttribute("d").slice(1).split("L");
        return path.map((point) => point.split(" ").map(Number));
    })()"""
    found = page.run(points)
    assert len(found) < 6000 and [6000.3, 0] in found
    page.run("timeline.zoomTo(100, 6000); timeline.reveal(6000)")
    found = page.run(points)
    assert 5700 < found[0][0] < 6000 < found[-1][0] < 6300 and [6000.3, 0] in found
    step = found[1][0] - found[0][0]
    assert step == pytest.approx(0.2)


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_nothing_is_wider_than_the_window(browser, folder, width):
    page = browser.open(folder / "predictions.html", width=width, height=800, dark=width == 360)
    page.wait("player.readyState >= 1")
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run("document.querySelector('.bar').offsetHeight") >= 24


def contrast(first: list[float], second: list[float]) -> float:
    """WCAG 2's ratio of two colours, each red, green and blue in [0, 1]."""
    luminances = []
    for color in (first, second):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
        luminances.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    return max(luminances) / min(luminances)


@pytest.mark.parametrize("dark", [False, True])
def test_every_label_can_be_read_on_its_colour(browser, tmp_path, dark):
    found = [{"label": f"{i}", "score": 0.9, "segment": [0, 4]} for i in range(10)]
    truth = {"a": tuple(Instance((0.0, 4.0), f"{i}") for i in range(10))}
    data = page_data("detections", {"results": {"a": found}}, {"a": about()}, truth)
    write_page(tmp_path / "colors.html", data)
    page = browser.open(tmp_path / "colors.html", dark=dark)
    colors = page.run(
        """[...document.querySelectorAll(".bar")].map((bar) => {
            const { color, backgroundColor } = getComputedStyle(bar);
            return [color, backgroundColor].map((text) => {
                const numbers = text.match(/[0-9.]+/g).map(Number).slice(0, 3);
                return text.startsWith("rgb") ? numbers.map((one) => one / 255) : numbers;
            });
        })"""
    )
    assert len(colors) == 20 and len({str(back) for _, back in colors}) >= 10
    assert min(contrast(*pair) for pair in colors) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["predictions.html", "boundaries.html"])
def test_axe_finds_nothing(browser, folder, name, dark):
    # Only the file: the package's own code starts other browsers.
    package = importlib.util.find_spec("axe_playwright_python")
    if package is None:
        pytest.skip("no axe-core: pip install --no-deps axe-playwright-python")
    page = browser.open(folder / name, dark=dark)
    page.wait("player.readyState >= 1")
    page.run((Path(package.origin).parent / "axe.min.js").read_text() + "; 0")
    passed, wrong = page.run(
        """axe.run().then(({passes, violations}) => [
            passes.length,
            violations.flatMap((one) => one.nodes.map((node) => node.failureSummary + node.html)),
        ])"""
    )
    assert passed > 10 and wrong == []


def test_on_paper_the_whole_timeline_and_no_controls(page):
    page.run("timeline.zoomTo(4)")
    page.run("dispatchEvent(new Event('beforeprint'))")
    page.call("Emulation.setEmulatedMedia", media="print")
    assert page.run("timeline.zoom") == 1
    assert page.run("[player.offsetHeight, part('most').offsetHeight]") == [0, 0]
    assert page.run("document.querySelectorAll('.list li').length") == 3


def test_of_a_thousand_videos_the_page_is_small_and_draws_one(browser, tmp_path):
    write_page(tmp_path / "many.html", many_videos(1000))
    assert (tmp_path / "many.html").stat().st_size < 10e6
    page = browser.open(tmp_path / "many.html")
    page.run("choose(999)")
    assert page.run("part('videos').length") == 1000
    assert page.run("document.querySelectorAll('.bar').length") < 50
    assert page.run("document.querySelectorAll('*').length") < 2000
