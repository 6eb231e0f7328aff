"""The measures of a whole run are those that bsp_tf.evaluate prints."""

import dataclasses

import numpy as np
import pytest

from bsp_tf.comparison.measures import measure, measure_names, prepare_run
from bsp_tf.evaluation.detection_map import detection_map, distinct_segments, localization_alone
from bsp_tf.evaluation.proposal_recall import proposal_recall

TIOU = np.array([0.5, 0.75])


def test_segments_that_stand_there_once_for_each_class_count_once(odd_world):
    truth, found = odd_world
    # Every segment a second time, of another class.
    twice = dataclasses.replace(
        found,
        video=np.repeat(found.video, 2),
        label=np.stack([found.label, (found.label + 1) % len(found.class_names)], 1).reshape(-1),
        segment=np.repeat(found.segment, 2, axis=0),
        score=np.stack([found.score, found.score / 2], 1).reshape(-1),
    )
    once = np.ones((1, len(truth.video_names)), np.int32)
    row = measure(prepare_run(truth, twice, TIOU, 100), once)[0]
    values = dict(zip(measure_names(TIOU, 100), row, strict=True))
    alone = localization_alone(truth, twice, TIOU)
    assert values["average mAP"] == detection_map(truth, twice, TIOU).mean_ap.mean()
    np.testing.assert_allclose(values["AR@100"], alone.recall.average_recall[-1], rtol=1e-12)
    np.testing.assert_allclose(values["AUC"], alone.recall.area, rtol=1e-12)


@pytest.mark.parametrize("most", [1, 50, 100, 101, 250, 600])
def test_recall_is_shown_where_there_is_one(odd_world, most):
    """A hundredth of the proposals is the smallest number that has an average recall."""
    truth, found = odd_world
    once = np.ones((1, len(truth.video_names)), np.int32)
    row = measure(prepare_run(truth, found, TIOU, most), once)[0]
    values = dict(zip(measure_names(TIOU, most), row, strict=True))
    recall = proposal_recall(truth, distinct_segments(found), TIOU, most)
    shown = {name: value for name, value in values.items() if name.startswith("AR@")}
    for name, value in shown.items():
        np.testing.assert_allclose(value, recall.at(int(name[3:])), rtol=1e-12)
    assert set(shown) == {f"AR@{n}" for n in (1, 5, 10, 50, 100) if most / 100 <= n <= most}
