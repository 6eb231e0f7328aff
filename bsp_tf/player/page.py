"""Writes the page: one HTML file with styles, script and data in it, and nothing from outside.

What people and files are called stands in the page as JSON only, and the script puts it in as text.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import is_url
from bsp_tf.player.film_strip import with_film_strips

# One program, in the order of its parts.
SCRIPTS = ("data.js", "film.js", "timeline.js", "page.js")
# Tells pages of ours from those that nobody wants replaced.
GENERATOR = '<meta name="generator" content="bsp_tf">'
_FOLDER = Path(__file__).parent


def page_beside(output: str | os.PathLike) -> Path:
    """The page of a JSON output: beside it, of the same name.

    Raises:
        InputError: something else lies there, or the output is on a server.

    >>> page_beside("runs/predictions.json").as_posix(), page_beside("v1.2").as_posix()
    ('runs/predictions.html', 'v1.2.html')
    """
    if is_url(output):
        raise InputError(
            f"--output={output}: the page beside it needs a local one: add --nopage, or give a "
            "local file."
        )
    path = Path(output)
    page = path.with_name(path.name.removesuffix(".json") + ".html")
    if page.exists() and not _is_ours(page):
        raise InputError(
            f"{page}, where the page of {path} would be written, is another file: give another "
            "--output, or --nopage."
        )
    return page


def _is_ours(page: Path) -> bool:
    try:
        with open(page, "rb") as file:
            return GENERATOR.encode() in file.read(2048)
    except OSError as error:
        raise InputError(f"cannot read {page}: {error.strerror}. Give another --output.") from error


def write_page(path: Path, data: Mapping[str, Any]) -> None:
    """Writes the page, which is whole or not there.

    Args:
        path: Its file.
        data: From `page_data`; pictures of videos that browsers cannot play are added.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_write(path, "w") as file:
        file.write(render(with_film_strips(data, path.parent)))


def render(data: Mapping[str, Any]) -> str:
    """The page as text; no script but its own can run in it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
    )
    script = "\n".join(_read(name) for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        title=data["kind"].capitalize(),
        style=_read("page.css"),
        script=script,
        script_hash=f"sha256-{digest}",
        data=_inside_html(data),
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _inside_html(data: Mapping[str, Any]) -> str:
    """JSON that ends no element: "<" only inside strings, where it may be written otherwise."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
