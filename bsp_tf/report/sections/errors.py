"""Section "Mistakes": what kinds each detector makes, measured from its detections."""

from typing import Any

import numpy as np

from bsp_tf.evaluation.characteristics import QUINTILES
from bsp_tf.evaluation.error_analysis import KINDS, LOWEST_TIOU, analyze_errors
from bsp_tf.evaluation.ground_truth import load_ground_truth
from bsp_tf.evaluation.predictions import load_predictions
from bsp_tf.report.content import Details, Part, Section, Table, Text, absent
from bsp_tf.report.figures import style
from bsp_tf.report.figures.errors import draw_errors
from bsp_tf.report.formats import percent
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import Results

CAPTION = (
    "Top: the kinds of the best predictions of each class, and how much average mAP (with "
    "normalized precision) would rise without each kind of mistake. Below: the ground truths in "
    "groups of about equal size, by what may make them hard; under each group stand its largest "
    "value and its number of ground truths. Dotted lines: all ground truths together."
)


def section(results: Results, gallery: Gallery) -> Section:
    """Sentence, picture and table; the analysis is DETAD's, `bsp_tf.evaluation.error_analysis`."""
    analyses = {style.STREAM_NAMES[key]: value for key, value in _analyze(results).items()}
    parts: list[Part] = []
    if analyses:
        sentences = [_sentence(name, analysis) for name, analysis in analyses.items()]
        method = "All values are means over the tIoU thresholds; the analysis follows DETAD."
        colors = {style.STREAM_NAMES[key]: color for key, color in style.STREAM_COLORS.items()}
        figure = draw_errors(analyses, colors)
        parts = [
            Text(" ".join([*sentences, method])),
            gallery.add("errors", figure, "Mistakes of the detectors by kind", CAPTION),
            Details(
                "Share of each kind among the best predictions, and what average mAP would gain "
                "without it",
                _table(analyses),
            ),
        ]
    parts += absent(*results.sources.detections.values())
    return Section("errors", "Mistakes", "Mistakes", parts)


def _analyze(results: Results) -> dict[str, dict[str, Any]]:
    """Stream -> analysis of its detections, for the streams that have some."""
    scored = results.scores["two_stream"]["tiou"]
    tiou = np.array([value for value in scored if value > LOWEST_TIOU])
    if not results.detections or not len(tiou):
        return {}
    sources = results.sources
    truths = load_ground_truth(sources.annotations, sources.subset, refuse_reversed=False)
    return {
        stream: analyze_errors(
            truths, load_predictions(sources.detections[stream]), tiou, QUINTILES
        ).to_json()
        for stream in results.detections
    }


def _table(analyses: dict[str, dict[str, Any]]) -> Table:
    header = ["percent"]
    for name in analyses:
        header += [f"{name}: share", "cost"]
    rows = []
    for kind in KINDS:
        row = [style.readable(kind)]
        for analysis in analyses.values():
            found = analysis["false_positives"]
            cost = found["average_mAP_N_gain_without"].get(kind)
            row += [percent(found["shares"][kind], 1), percent(cost, 1)]
        rows.append(row)
    return Table(header, rows)


def _sentence(name: str, analysis: dict[str, Any]) -> str:
    gains = analysis["false_positives"]["average_mAP_N_gain_without"]
    worst = max(gains, key=gains.__getitem__)
    return (
        f'Features "{name}": {percent(analysis["ground_truths"]["missed"], 1)}% of the ground '
        f"truths are missed, and the mistake that costs most is {style.readable(worst)} "
        f"({percent(gains[worst], 1)} points)."
    )
