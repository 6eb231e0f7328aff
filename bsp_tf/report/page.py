"""Builds the report: reads the results, makes the sections, writes the page and its PNG files."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import jinja2
from tqdm import tqdm

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.json_file import write_json
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.player.page import write_page
from bsp_tf.report.content import Section
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import Results, load_results
from bsp_tf.report.sections import (
    action,
    boundary,
    errors,
    introduction,
    joints,
    limits,
    localization,
    settings,
    timelines,
)
from bsp_tf.report.sources import Sources


def build_report(sources: Sources, output: Path, num_timelines: int = 4) -> str:
    """Writes `index.html`, `figures/*.png` and the files of the sections into `output`.

    The same inputs give the same page.

    Args:
        sources: Where the results lie.
        output: Folder for the report; made if needed, files in it are replaced.
        num_timelines: How many videos get a timeline.

    Returns:
        The tables to print, and the path of the page.

    Raises:
        InputError: an essential input is missing or an input cannot be understood.
    """
    results = load_results(sources)
    with lock_folder(output):
        gallery = Gallery(output / "figures")
        # In the order of the page.
        makers: tuple[Callable[[Results, Gallery], Section], ...] = (
            localization.section,
            errors.section,
            partial(timelines.section, most=num_timelines, folder=output),
            joints.section,
            boundary.section,
            action.section,
        )
        sections = [
            make(results, gallery)
            for make in tqdm(makers, desc="report", unit=" sections", leave=False)
        ]
        notes = [note for section in sections for note in section.notes]
        sections += [limits.section(results, notes), settings.section(results)]
        for section in sections:
            for name, value in section.files.items():
                write_json(output / name, value)
            for name, data in section.pages.items():
                write_page(output / name, data)
        page = output / "index.html"
        with atomic_write(page, "w") as file:
            file.write(render(results, sections))
        closing = [f"{title}\n{text}" for section in sections for title, text in section.closing]
    return "\n\n".join([*closing, f"Report: {page}"])


def render(results: Results, sections: list[Section]) -> str:
    """The page as text: `page.html` filled with the sections; an unknown name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html").render(
        headline=introduction.headline(results),
        introduction=introduction.introduction(results),
        sample_world=results.is_sample_world(),
        sections=sections,
    )
