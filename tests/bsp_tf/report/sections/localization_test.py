"""The table of mAP."""

from bsp_tf.base.json_file import write_json
from bsp_tf.comparison.bootstrap import Comparison, Difference
from bsp_tf.evaluation.detection_map import detection_map
from bsp_tf.evaluation.ground_truth import load_ground_truth
from bsp_tf.evaluation.predictions import load_predictions
from bsp_tf.localization.heads.head import HEADS, find_head
from bsp_tf.report.gallery import Gallery
from bsp_tf.report.inputs import HEAD_TITLES, load_results
from bsp_tf.report.sections.localization import map_row, map_table, section
from bsp_tf.report.sources import Sources


def _scores(level: float) -> dict:
    return {
        "tiou": [0.5, 0.75, 0.9500000000000001],
        "mAP": [level, 0.3507, 0.0802],
        "average_mAP": 0.3426,
    }


def test_map_table():
    table = map_table({"action": _scores(0.5001), "two_stream": _scores(1.0)})
    assert table.header[1:] == ["mAP@0.5", "0.75", "0.95", "average"]
    assert table.rows == [
        ["action only", "50.01", "35.07", "8.02", "34.26"],
        ["action + boundary", "100.00", "35.07", "8.02", "34.26"],
    ]
    assert table.best == frozenset(), "without an interval nothing is better"


def test_differences_with_their_intervals():
    differences = [
        Difference("mAP@0.5", 0.5, 0.6, 0.01, 0.2),
        Difference("mAP@0.75", 0.5, 0.4, -0.2, -0.0123),
        Difference("average mAP", 0.3426, 0.3475, -0.01, 0.02),
    ]
    comparison = Comparison(differences, 24, 60, 1000, (1, 1), 0)
    table = map_table({"action": _scores(0.5), "two_stream": _scores(0.6)}, comparison)
    assert table.rows[2:] == [
        ["difference", "+10.00", "−10.00", "–", "+0.49"],
        ["95% interval", "+1.00 to +20.00", "−20.00 to −1.23", "–", "−1.00 to +2.00"],
    ]
    assert table.best == {(1, 1), (0, 2)}, "only where the interval leaves out 0"


def test_threshold_that_was_not_scored():
    row = map_row({"tiou": [0.3, 0.5], "mAP": [0.6, 0.5], "average_mAP": 0.55})
    assert row == [0.5, None, None, 0.55]
    table = map_table({"action": {"tiou": [0.3], "mAP": [0.6], "average_mAP": 0.55}})
    assert table.rows == [["action only", "–", "–", "–", "55.00"]] and table.best == frozenset()


def test_section_with_the_detections_that_were_scored(results_root, tmp_path):
    sources = Sources.under(results_root)
    made = section(load_results(sources), Gallery(tmp_path))
    assert "interval" not in made.tiles[0].detail and "no interval" in made.notes[1]
    truths = load_ground_truth(sources.annotations, "validation")
    for stream, path in sources.detections.items():
        write_json(sources.scores[stream], detection_map(truths, load_predictions(path)).to_json())
    made = section(load_results(sources), Gallery(tmp_path))
    assert "95% interval" in made.tiles[0].detail and "not of seeds" in made.notes[1]
    assert "95% interval" in made.closing[0][1] and (tmp_path / "differences.png").exists()


def test_the_head_is_called_by_its_name(results_root, tmp_path):
    assert {name: find_head(name).title for name in HEADS} == HEAD_TITLES
    sources = Sources.under(results_root)
    for config, title in (
        (None, "The localization head"),
        ({"num_segments": 64}, "G-TAD"),
        ({"head": "actionformer"}, "ActionFormer"),
    ):
        for workdir in sources.gtad.values():
            if config is not None:
                write_json(workdir / "config.json", config)
        made = section(load_results(sources), Gallery(tmp_path))
        assert made.parts[0].text.startswith(f"{title} on frozen features")
        assert (
            f"those of {title[0].lower() if config is None else title[0]}{title[1:]} on"
            in (made.notes[0])
        )
