"""Pictures, embedded so that the page needs no other file."""

import base64
from pathlib import Path

import markupsafe
from matplotlib.figure import Figure

from bsp_tf.base.errors import InputError
from bsp_tf.report.content import Picture
from bsp_tf.report.figures import style

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Gallery:
    """Turns figures into pictures of the page and PNG files in `folder`, each with its own name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(
        self,
        name: str,
        figure: Figure,
        description: str,
        caption: str = "",
        heading: str = "",
        look: str = "",
    ) -> Picture:
        """Writes `<folder>/<name>.png` and returns the figure for the page."""
        style.save_png(figure, self._folder / f"{name}.png")
        svg = style.to_inline_svg(figure, f"picture-{name}", description)
        return Picture(markupsafe.Markup(svg), caption, heading, look)

    def embed(self, path: Path, description: str, caption: str = "") -> Picture:
        """A PNG file as it is, inside the page.

        Raises:
            InputError: the file is no PNG picture.
        """
        content = path.read_bytes()
        if not content.startswith(_PNG_SIGNATURE):
            raise InputError(
                f"{path} is not a PNG picture. Write it again or remove it; it is optional."
            )
        source = "data:image/png;base64," + base64.b64encode(content).decode("ascii")
        return Picture(
            markupsafe.Markup('<img alt="{}" src="{}">').format(description, source), caption
        )
