"""Parts of the page: pictures, embedded so that the page needs no other file, and tables."""

import base64
import dataclasses
from collections.abc import Set
from pathlib import Path
from typing import Any

import markupsafe
from matplotlib.figure import Figure
from tqdm import tqdm

from bsp_tf.base.errors import InputError
from bsp_tf.report.figures import style

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclasses.dataclass(frozen=True)
class Picture:
    """Markup of a picture to stand in the page, and its caption."""

    markup: markupsafe.Markup
    caption: str = ""


class Gallery:
    """Turns figures into pictures of the page and PNG files in `folder`, each under a name of its
    own.
    """

    def __init__(self, folder: Path, progress: tqdm) -> None:
        self._folder = folder
        self._progress = progress

    def add(self, name: str, figure: Figure, description: str, caption: str = "") -> Picture:
        """Writes `<folder>/<name>.png` and returns the figure for the page."""
        style.save_png(figure, self._folder / f"{name}.png")
        self._progress.update()
        return Picture(
            markupsafe.Markup(style.to_inline_svg(figure, f"picture-{name}", description)), caption
        )

    def embed(self, path: Path, description: str, caption: str = "") -> Picture:
        """A PNG file as it is, inside the page.

        Raises:
            InputError: the file is no PNG picture.
        """
        content = path.read_bytes()
        if not content.startswith(_PNG_SIGNATURE):
            raise InputError(
                f"{path} is not a PNG picture. Write it anew or remove it; it is optional."
            )
        source = "data:image/png;base64," + base64.b64encode(content).decode("ascii")
        return Picture(
            markupsafe.Markup('<img alt="{}" src="{}">').format(description, source), caption
        )


def html_table(
    header: list[str], rows: list[list[str]], best: Set[tuple[int, int]] = frozenset()
) -> dict[str, Any]:
    """A table for the template: texts by row, and the cells (row, column) that are set in bold."""
    cells = [
        [{"text": text, "best": (i, j) in best} for j, text in enumerate(row)]
        for i, row in enumerate(rows)
    ]
    return {"header": header, "rows": cells}
