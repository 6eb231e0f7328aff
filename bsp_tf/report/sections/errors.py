"""The section on mistakes: what kinds each detector makes, measured anew from its detections."""

from typing import Any

import numpy as np

from bsp_tf.evaluation.characteristics import QUINTILES
from bsp_tf.evaluation.error_analysis import KINDS, LOWEST_TIOU, analyze_errors
from bsp_tf.evaluation.ground_truth import load_ground_truth
from bsp_tf.evaluation.predictions import load_predictions
from bsp_tf.report.figures import style
from bsp_tf.report.figures.errors import draw_errors
from bsp_tf.report.gallery import Gallery, html_table
from bsp_tf.report.inputs import Results

CAPTION = (
    "Top: what the best predictions of each class are, and what average mAP would gain without "
    "each kind of "
    "mistake (mAP with normalized precision). Below: ground truths in groups of about equal size, "
    "by what may "
    "make them hard; under each group its largest value and its number of ground truths. Dotted: "
    "all together."
)


def section(results: Results, gallery: Gallery) -> dict[str, Any]:
    """Picture, table and sentence; the analysis is DETAD's, see `bsp_tf.evaluation.error_analysis`.

    Returns:
        {"picture", "table", "sentence", "absent"}: the first three None where no detections are
        there.
    """
    paths = {
        stream: path
        for stream, path in results.sources.detections.items()
        if not results.is_missing(path)
    }
    content: dict[str, Any] = {
        "picture": None,
        "table": None,
        "sentence": "",
        "absent": [
            path for path in results.sources.detections.values() if path not in paths.values()
        ],
    }
    tiou = np.array(
        [value for value in results.scores["two_stream"]["tiou"] if value > LOWEST_TIOU]
    )
    if not paths or not len(tiou):
        return content
    truths = load_ground_truth(
        results.sources.annotations, results.sources.subset, refuse_reversed=False
    )
    analyses = {
        style.STREAM_NAMES[stream]: analyze_errors(
            truths, load_predictions(path), tiou, QUINTILES
        ).to_json()
        for stream, path in paths.items()
    }
    colors = {style.STREAM_NAMES[stream]: style.STREAM_COLORS[stream] for stream in paths}
    content["picture"] = gallery.add(
        "errors", draw_errors(analyses, colors), "Mistakes of the detectors by kind", CAPTION
    )
    header = ["percent"]
    for name in analyses:
        header += [f"{name}: share", "cost"]
    rows = []
    for kind in KINDS:
        row = [style.readable(kind)]
        for analysis in analyses.values():
            found = analysis["false_positives"]
            cost = found["average_mAP_N_gain_without"].get(kind)
            row += [
                f"{100 * found['shares'][kind]:.1f}",
                "–" if cost is None else f"{100 * cost:.1f}",
            ]
        rows.append(row)
    content["table"] = html_table(header, rows)
    content["sentence"] = " ".join(_sentence(name, analysis) for name, analysis in analyses.items())
    return content


def _sentence(name: str, analysis: dict[str, Any]) -> str:
    gains = analysis["false_positives"]["average_mAP_N_gain_without"]
    worst = max(gains, key=gains.get)
    return (
        f"With {name} features {100 * analysis['ground_truths']['missed']:.1f}% of the ground "
        "truths are missed; "
        f"the mistake that costs most is {style.readable(worst)} ({100 * gains[worst]:.1f} points)."
    )
