"""Which snippets a head wants, and by what it does not fit a model."""

import json

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.prediction.head_inputs import snippet_settings, trained_on

CONFIG = {"streams": ["boundary"], "feature_dim": 4, "features_dir": "nowhere"}
MODEL = {
    "window": 8,
    "frame_step": 1,
    "stride": 1,
    "streams": {"action": [0, 3], "boundary": [3, 7]},
    "model": "new",
    "model_sha256": "1",
    "short_side": 64,
}
TRAINED = {"window": 8, "frame_step": 2, "stride": 4, "model": "old", "model_sha256": "1"}


def test_as_in_the_training_else_as_asked_else_the_default():
    made = snippet_settings("gtad", CONFIG, TRAINED | {"short_side": 0}, MODEL, {})
    assert made == MODEL | {"frame_step": 2, "stride": 4, "short_side": 0}
    made = snippet_settings("gtad", CONFIG, TRAINED, MODEL, {"stride": 4, "frame_step": None})
    assert made == MODEL | {"frame_step": 2, "stride": 4}
    assert snippet_settings("gtad", CONFIG, None, MODEL, {"stride": 3})["stride"] == 3
    assert snippet_settings("gtad", CONFIG, None, MODEL, {})["stride"] == 8


@pytest.mark.parametrize(
    "config, trained, asked, message",
    [
        ({"streams": ["flow"]}, {}, {}, "gtad.*new has no flow"),
        ({"feature_dim": 9}, {}, {}, "9 channels.*gives 4"),
        ({}, {"window": 16}, {}, "16 frames.*takes 8"),
        ({}, {"model_sha256": "2"}, {}, "old.*new"),
        ({}, {}, {"frame_step": 1}, "--frame_step=1.*gtad.*frame_step 2"),
    ],
)
def test_what_does_not_fit_is_named(config, trained, asked, message):
    with pytest.raises(InputError, match=message):
        snippet_settings("gtad", CONFIG | config, TRAINED | trained, MODEL, asked)


def test_where_it_is_said(tmp_path):
    assert trained_on(tmp_path, CONFIG) is None
    features = tmp_path / "features"
    features.mkdir()
    (features / "metadata.json").write_text(json.dumps(TRAINED | {"videos": {}}))
    before = CONFIG | {"features_dir": str(features)}
    assert trained_on(tmp_path, before)["stride"] == 4
    # What the workdir says counts, whatever lies in that folder now.
    (tmp_path / "features.json").write_text(json.dumps({"sources": [TRAINED | {"stride": 6}]}))
    assert trained_on(tmp_path, before)["stride"] == 6


@pytest.mark.parametrize("sources", [[{}], [TRAINED, TRAINED]])
def test_features_that_one_model_does_not_make(tmp_path, sources):
    (tmp_path / "features.json").write_text(json.dumps({"sources": sources}))
    with pytest.raises(InputError, match=f"{tmp_path}.*{len(sources)} sources"):
        trained_on(tmp_path, CONFIG)
    (tmp_path / "features.json").unlink()
    with pytest.raises(InputError, match="another tool"):
        trained_on(tmp_path, CONFIG | {"feature_layout": "whole"})
