"""One look for every picture: colours, type, and the page's light or dark scheme.

Figures are drawn once with matplotlib and leave in two forms: a PNG of twice the usual resolution
for slides, and SVG for the page, whose neutral colours are CSS variables and whose text stays text
(selectable, sharp in print).
"""

import io
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.remote_path import UserPath
from bsp_tf.report.figures.layout import RepeatableLayout
from bsp_tf.synthesis.boundary_types import BOUNDARY_TYPES

INK = "#1d2733"
MUTED = "#66717f"
GRID = "#dfe3e8"
_PAGE_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--grid)"}
HEAT = "#12696b"

STREAM_COLORS = {"action": "#8a94a3", "two_stream": "#0e8a7d"}
STREAM_NAMES = {"action": "action only", "two_stream": "action + boundary"}
SPLIT_COLORS = {"train": "#8a94a3", "validation": "#0e8a7d"}

JOINT_COLORS = {
    "hard_cut": "#b3367a",
    "cross_fade": "#7a5cc6",
    "motion_change": "#2c8c4a",
    "motion_passage": "#9a7413",
}
JOINT_MARKERS = {"hard_cut": "v", "cross_fade": "D", "motion_change": "o", "motion_passage": "s"}
SCORE_COLORS = ("#c4512d", "#1f6fb2", "#8a94a3")
SCORE_MARKERS = ("o", "s", "^")

# After Paul Tol's "muted" scheme, with the darkest hue lifted so that it also shows on a dark page.
_CLASS_COLORS = (
    "#cc6677",
    "#5b5bc8",
    "#ddcc77",
    "#2f8a4c",
    "#88ccee",
    "#a03a68",
    "#44aa99",
    "#999933",
    "#aa4499",
    "#7f8c9b",
)

_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.edgecolor": GRID,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "hatch.linewidth": 0.7,
    "svg.fonttype": "none",
    "svg.hashsalt": "bsp_tf",
    "savefig.facecolor": "white",
}


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """An empty figure on the Agg canvas, with constrained layout; draw inside `styled()`."""
    layout = RepeatableLayout(w_pad=0.04, h_pad=0.04)
    figure = Figure(figsize=(width_inches, height_inches), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def styled() -> AbstractContextManager[None]:
    """Context with the project's look for axes and text; the caller's settings are untouched."""
    settings: dict[Any, Any] = dict(matplotlib.rcParamsDefault)
    return matplotlib.rc_context(settings | _RC | {"backend": matplotlib.rcParams["backend"]})


def class_colors(labels: Iterable[str]) -> dict[str, str]:
    """Label -> hex colour, by its place in the sorted set; after ten they begin again."""
    return {
        label: _CLASS_COLORS[i % len(_CLASS_COLORS)] for i, label in enumerate(sorted(set(labels)))
    }


def text_color_on(background: str) -> str:
    """Near black or white for text on `background` ("#rrggbb"), by WCAG 2's relative luminance.

    >>> text_color_on("#ffe000"), text_color_on("#103060")
    ('#10151c', '#ffffff')
    """
    channels = [int(background[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#10151c" if luminance > 0.25 else "#ffffff"


def readable(name: str) -> str:
    """A label as people write it.

    >>> readable("diff_class"), readable("cross_fade"), readable("long_jump")
    ('diff-class', 'cross-fade', 'long jump')
    """
    return name.replace("_", "-" if name in BOUNDARY_TYPES or name == "cross_fade" else " ")


def keep_horizontal_grid(axes: Axes) -> None:
    """Hides the vertical grid lines and the left spine: enough for curves over epochs."""
    axes.grid(axis="x", visible=False)
    axes.spines["left"].set_visible(False)


def save_png(figure: Figure, path: UserPath, dpi: int = 200) -> None:
    """Writes `figure` on white, atomically; 200 dots per inch give sharp lines."""
    _save(figure, path, "png", {"Software": None}, dpi)


def save_figure(figure: Figure, path: UserPath) -> None:
    """Writes `figure` as .png, .svg or .pdf, by the suffix of `path`, atomically."""
    name = path.name.lower()
    if name.endswith(".png"):
        save_png(figure, path)
    elif name.endswith(".svg"):
        _save(figure, path, "svg", {"Date": None})
    else:
        _save(figure, path, "pdf", {"CreationDate": None})


def _save(
    figure: Figure, path: UserPath, format: str, metadata: dict[str, None], dpi: int = 200
) -> None:
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format=format, dpi=dpi, metadata=metadata)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def to_inline_svg(figure: Figure, name: str, description: str) -> str:
    """`figure` as one `<svg>` element to stand inside an HTML page.

    Args:
        figure: What to draw; its background becomes transparent.
        name: Unique in the page; every id inside the picture begins with it, so that pictures do
            not mix.
        description: For readers who cannot see the picture (`aria-label`).

    Returns:
        The element, without XML header and name spaces (HTML needs none), with text as text in the
        page's own type face and with the neutral colours as the CSS variables --ink, --muted and
        --grid.
    """
    buffer = io.StringIO()
    with styled():
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(?:xmlns(?::\w+)?|version)="[^"]*"', "", svg).replace("xlink:href=", "href=")
    svg = re.sub(r'(?<= id=")', f"{name}-", svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"'DejaVu Sans'(?:, [^;\"]*)?", "var(--type)", svg)
    for color, variable in _PAGE_VARIABLES.items():
        svg = svg.replace(color, variable)
    width, height = 72 * figure.get_size_inches()
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    opening = (
        f'<svg id="{name}" role="img" aria-label="{label}" viewBox="0 0 {width:g} {height:g}">'
    )
    return re.sub(r"<svg[^>]*>", lambda _: opening, svg, count=1)
