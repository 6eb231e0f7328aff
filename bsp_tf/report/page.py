"""Builds the report: reads the results, draws the pictures, fills the template, writes page and PNG
files.
"""

from pathlib import Path
from typing import Any

import jinja2
from tqdm import tqdm

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.json_file import write_json
from bsp_tf.evaluation.joint_auc import SCORE_NAMES
from bsp_tf.features.store import FeatureStore
from bsp_tf.report import summary
from bsp_tf.report.gallery import Gallery, html_table
from bsp_tf.report.inputs import Sources, load_results
from bsp_tf.report.sections import errors, joints, narrative, overview


def build_report(sources: Sources, output: Path, num_timelines: int = 4) -> str:
    """Writes `index.html`, `figures/*.png` and, where joints are annotated, `joint_auc.json` into
    `output`.

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
    store = None
    if not results.is_missing(sources.features / "metadata.json"):
        store = FeatureStore(sources.features)
    with tqdm(desc="report", unit=" pictures", leave=False, total=11 + num_timelines) as progress:
        gallery = Gallery(output / "figures", progress)
        auc = joints.measure(results, store) if store else None
        context = {
            "headline": narrative.headline(results),
            "tiles": narrative.tiles(results),
            "sample_world": narrative.is_sample_world(results),
            "data_sentence": narrative.describe_data(results),
            "map_table": overview.map_table(results),
            "tiou_range": narrative.describe_tiou(results.scores["two_stream"]["tiou"]),
            **overview.class_ap(results, gallery),
            "gtad": overview.localization_training(results, gallery),
            "errors": errors.section(results, gallery),
            **overview.timelines(results, store, gallery, num_timelines),
            "joint_auc": overview.joint_auc(results, auc, gallery),
            "preview": overview.preview(results, gallery),
            "boundary": overview.boundary(results, gallery),
            "action": overview.training(results, "action", gallery),
            "notes": narrative.notes(results, auc["auc"] if auc else None),
            "settings": html_table(
                ["setting", "action", "boundary"],
                [[name, *values] for name, values in narrative.settings(results)],
            ),
            "settings_absent": [path for path in results.missing if path.name == "config.json"],
        }
    if auc:
        write_json(output / "joint_auc.json", auc)
    page = output / "index.html"
    with atomic_write(page, "w") as file:
        file.write(render(context))
    return summary.final_summary(
        results.scores,
        results.evaluations.get("boundary"),
        summary.auc_table(auc["auc"], SCORE_NAMES) if auc else "",
        page,
    )


def render(context: dict[str, Any]) -> str:
    """The page as text: `page.html` filled with `context`; a name that the context lacks is an
    error.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html").render(context)
