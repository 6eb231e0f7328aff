"""What the page is made of: sections, and in each of them texts, tables and pictures in order.

`parts.html` shows each kind; a section never writes HTML.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import markupsafe


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph; `look` "absent" for a remark that something is not shown."""

    kind: ClassVar[str] = "text"
    text: str
    look: str = ""


@dataclasses.dataclass(frozen=True)
class Link:
    """The way to a page beside the report."""

    kind: ClassVar[str] = "link"
    text: str
    target: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of texts; `best` holds the cells (row, column) that are set in bold."""

    kind: ClassVar[str] = "table"
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    best: frozenset[tuple[int, int]] = frozenset()
    look: str = ""

    def as_text(self) -> str:
        """The table for a terminal: the first column left-aligned, the others right-aligned.

        >>> print(Table(["class", "AP"], [["jump", "50.01"], ["zig zag", "8.20"]]).as_text())
        class   |    AP
        --------+------
        jump    | 50.01
        zig zag |  8.20
        """
        cells = [list(self.header), *(list(row) for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.header))]
        lines = [
            " | ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in cells
        ]
        lines.insert(1, "-+-".join("-" * width for width in widths))
        return "\n".join(line.rstrip() for line in lines)


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture from the gallery, with a heading above and a caption below where they are given."""

    kind: ClassVar[str] = "picture"
    markup: markupsafe.Markup
    caption: str = ""
    heading: str = ""
    look: str = ""


@dataclasses.dataclass(frozen=True)
class WidePicture:
    """A picture that scrolls sideways on a narrow screen, under its name and a detail."""

    kind: ClassVar[str] = "wide_picture"
    markup: markupsafe.Markup
    name: str
    detail: str


@dataclasses.dataclass(frozen=True)
class SideBySide:
    """Pictures in two columns where the screen is wide enough."""

    kind: ClassVar[str] = "side_by_side"
    pictures: Sequence[Picture]


@dataclasses.dataclass(frozen=True)
class Details:
    """A table or picture that is shown when its summary is clicked."""

    kind: ClassVar[str] = "details"
    summary: str
    content: Table | Picture


@dataclasses.dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    kind: ClassVar[str] = "bullets"
    items: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Absent:
    """Names the inputs that were not found."""

    kind: ClassVar[str] = "absent"
    paths: Sequence[Path]


Part = Text | Link | Table | Picture | WidePicture | SideBySide | Details | Bullets | Absent


def absent(*paths: Path) -> list[Part]:
    """`Absent` with those of the paths that do not exist; nothing if all exist."""
    missing = [path for path in paths if not path.exists()]
    return [Absent(missing)] if missing else []


@dataclasses.dataclass(frozen=True)
class Tile:
    """A number that is so important that it stands at the top of the page."""

    value: str
    name: str
    detail: str


@dataclasses.dataclass(frozen=True)
class Section:
    """All that the report says about one subject.

    Attributes:
        anchor: Its id in the page.
        link: Its name in the list of sections at the top.
        title: Its heading.
        parts: What stands under the heading, in order.
        tiles: Its numbers at the top of the page.
        notes: Sentences on what its numbers do not show, for the section of the limits.
        closing: Title and text of the tables that the command prints last.
        files: Name -> JSON value, written beside the page.
        pages: Name -> what a page with a player shows (`page_data`), beside the page, too.
    """

    anchor: str
    link: str
    title: str
    parts: Sequence[Part]
    tiles: Sequence[Tile] = ()
    notes: Sequence[str] = ()
    closing: Sequence[tuple[str, str]] = ()
    files: dict[str, Any] = dataclasses.field(default_factory=dict)
    pages: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
