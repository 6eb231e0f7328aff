"""The section on mistakes, and its picture."""

import json

import numpy as np
import pytest

from bsp_tf.evaluation.error_analysis import KINDS, analyze_errors
from bsp_tf.evaluation.ground_truth import load_ground_truth
from bsp_tf.evaluation.predictions import load_predictions
from bsp_tf.report.content import Absent, Details, Picture, Text
from bsp_tf.report.figures import style
from bsp_tf.report.figures.errors import draw_errors
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import load_results
from bsp_tf.report.sections import errors
from bsp_tf.report.sources import Sources


def section_of(root):
    """Kind of part -> the part; the section has one of each at most."""
    section = errors.section(load_results(Sources.under(root)), Gallery(root / "figures"))
    parts = {type(part): part for part in section.parts}
    assert len(parts) == len(section.parts)
    return parts


def test_section_shows_the_numbers(results_root):
    parts = section_of(results_root)
    truths = load_ground_truth(results_root / "sample" / "annotations.json", "validation")
    tiou = np.array(json.loads((results_root / "scores" / "two_stream.json").read_text())["tiou"])
    rows = parts[Details].content.rows
    assert [row[0] for row in rows] == [style.readable(kind) for kind in KINDS]
    for column, stream in ((1, "action"), (3, "two_stream")):
        predictions = load_predictions(results_root / "detections" / f"{stream}.json")
        analysis = analyze_errors(truths, predictions, tiou, "quintiles")
        assert [row[column] for row in rows] == [f"{100 * share:.1f}" for share in analysis.shares]
        assert [row[column + 1] for row in rows] == [
            "–",
            *(f"{100 * gain:.1f}" for gain in analysis.gain.values()),
        ]
        assert f" {100 * analysis.missed:.1f}% " in parts[Text].text
    assert Absent not in parts and (results_root / "figures" / "errors.png").exists()


def test_one_file_of_detections(results_root):
    (results_root / "detections" / "action.json").unlink()
    parts = section_of(results_root)
    assert [path.name for path in parts[Absent].paths] == ["action.json"]
    assert len(parts[Details].content.header) == 3 and Picture in parts


def test_no_detections(results_root):
    for path in (results_root / "detections").iterdir():
        path.unlink()
    parts = section_of(results_root)
    assert set(parts) == {Absent} and len(parts[Absent].paths) == 2


@pytest.mark.parametrize("scale", ["activitynet", "thumos14", "quintiles"])
def test_picture_without_durations(results_root, scale):
    """Empty groups, no coverage, one detector."""
    path = results_root / "sample" / "annotations.json"
    document = json.loads(path.read_text())
    for entry in document["database"].values():
        del entry["duration"]
    path.write_text(json.dumps(document))
    analysis = analyze_errors(
        load_ground_truth(path, "validation"),
        load_predictions(results_root / "detections" / "action.json"),
        np.array([0.5]),
        scale,
    )
    figure = draw_errors({"a detector": analysis.to_json()})
    texts = [
        text.get_text() for part in figure.subfigs for axes in part.axes for text in axes.texts
    ]
    assert texts.count("not known") == 2
    svg = style.to_inline_svg(figure, "picture", "mistakes")
    assert "a detector: the best predictions of each class" in svg
