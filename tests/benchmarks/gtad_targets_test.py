"""The benchmark of labels in small."""

import json

import numpy as np
import pytest

from benchmarks.gtad_targets import format_result, make_segments, map_in_loops, measure
from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.gtad.targets import video_targets


def test_made_up_segments_are_as_many_as_in_activitynet():
    segments = make_segments(9649)
    assert len(segments) == 9649 and abs(sum(map(len, segments)) - 14859) < 200
    assert all((video[:, 0] <= video[:, 1]).all() for video in segments)


def test_loops_make_the_same_map():
    segments = np.array([[0.1, 0.42], [0.3, 0.31]])
    np.testing.assert_allclose(
        map_in_loops(segments), video_targets(segments, 100, 100)["map"], atol=1e-7
    )


def test_measure(tmp_path):
    result = measure(videos=20, compared=2, channels=4)
    assert (
        result["labels"]["videos"] == 20
        and result["epoch"]["batches"] == 2
        and result["labels"]["ratio"] > 1
    )
    assert "labels of all videos" in format_result(result)
    entry = {
        "subset": "training",
        "duration": 10.0,
        "annotations": [{"segment": [1, 2], "label": "run"}] * 2,
    }
    (tmp_path / "a.json").write_text(json.dumps({"database": {"a": entry, "b": entry}}))
    assert measure(str(tmp_path / "a.json"), compared=1, channels=4)["labels"]["segments"] == 4
    for bad in ({"videos": 0}, {"compared": 0}, {"channels": 0}, {"annotations": "never.json"}):
        with pytest.raises(InputError):
            measure(**bad)
