"""Parts of the page: as text, and on the page."""

import typing
from pathlib import Path

import markupsafe
import pytest

from bsp_tf.report.content import (
    Absent,
    Bullets,
    Details,
    Link,
    Part,
    Picture,
    Section,
    SideBySide,
    Table,
    Text,
    Tile,
    WidePicture,
    absent,
)
from bsp_tf.report.inputs import Results
from bsp_tf.report.page import render
from bsp_tf.report.sources import Sources

MARKUP = markupsafe.Markup("<svg></svg>")
PARTS = [
    Text("words & <signs>"),
    Link("all of <them>", "there.html"),
    Table(["name", "value"], [["a", "7"], ["b", "9"]], frozenset({(1, 1)}), look="main"),
    Picture(MARKUP, "caption", "heading", "narrow"),
    WidePicture(MARKUP, "name", "detail"),
    SideBySide([Picture(MARKUP, "left"), Picture(MARKUP, "right")]),
    Details("summary", Table(["name"], [["inside"]])),
    Bullets(["one", "two"]),
    Absent([Path("no/such/file")]),
]
SHOWN = [
    ["words &amp; &lt;signs&gt;"],
    ['<a href="there.html">all of &lt;them&gt;</a>'],
    ['class="main"', "<td>7</td>", '<td class="best">9</td>'],
    ['class="narrow"', "<svg></svg>", "caption", "<h3>heading</h3>"],
    ["<svg></svg>", "name", "detail"],
    ["left", "right"],
    ["<summary>summary</summary>", "inside"],
    ["<li>one</li>", "<li>two</li>"],
    ["no/such/file"],
]


def page_of(section: Section) -> str:
    scores = {"action": {"average_mAP": 0.25}, "two_stream": {"average_mAP": 0.5}}
    return render(Results(Sources.under("root"), {}, scores), [section])


def test_every_kind_of_part_is_tried():
    assert [type(part) for part in PARTS] == list(typing.get_args(Part))


@pytest.mark.parametrize("part, shown", list(zip(PARTS, SHOWN, strict=True)))
def test_the_page_shows_any_part(part, shown):
    page = page_of(Section("anchor", "link", "title", [part]))
    assert [text for text in shown if text not in page] == []


def test_the_page_shows_anchor_link_and_tiles():
    page = page_of(Section("anchor", "link", "a title", [], [Tile("12.3", "a name", "a detail")]))
    for text in (
        '<a href="#anchor">link</a>',
        '<section id="anchor">',
        "a title",
        "12.3",
        "a name",
    ):
        assert text in page


def test_table_as_text():
    table = Table(["features", "mAP"], [["action only", "7.50"], ["all", "100.00"]])
    assert table.as_text().splitlines() == [
        "features    |    mAP",
        "------------+-------",
        "action only |   7.50",
        "all         | 100.00",
    ]


def test_absent_names_only_what_does_not_exist(tmp_path):
    assert absent(tmp_path) == []
    assert absent(tmp_path, tmp_path / "a", tmp_path / "b") == [
        Absent([tmp_path / "a", tmp_path / "b"])
    ]
