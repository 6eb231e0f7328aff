"""Whose a localization workdir is; those of version 0.1 have no head and texts for numbers."""

import json

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.localization.settings import resolve_config
from bsp_tf.localization.workdir import claim_workdir
from configs import gtad_thumos


def thumos(**changes):
    config = gtad_thumos.get_config()
    fields = {"features_dir": "rgb,flow", "annotations": "a.json", "feature_layout": "snippets"}
    config.update(fields | {"feature_stride": (5,), "feature_window": (5, 8)} | changes)
    return resolve_config(config)


def test_a_workdir_is_that_of_its_run_only(tmp_path):
    claim_workdir(tmp_path, thumos(), 2048, "digest", ["jump", "run"])
    assert (tmp_path / "labels.txt").read_text() == "jump\nrun\n"
    claim_workdir(tmp_path, thumos(), 2048, "digest", ["jump", "run"])
    with pytest.raises(InputError, match="data_digest.*'digest'.*'other'"):
        claim_workdir(tmp_path, thumos(), 2048, "other", ["jump", "run"])
    with pytest.raises(InputError, match=f"{tmp_path}.*feature_stride.*feature_window"):
        changed = thumos(feature_stride=(6,), feature_window=(5,))
        claim_workdir(tmp_path, changed, 2048, "digest", ["jump", "run"])


def test_a_run_of_version_0_1_is_still_the_same_one(tmp_path):
    claim_workdir(tmp_path, thumos(), 2048, "digest", ["run"])
    path = tmp_path / "config.json"
    old = json.loads(path.read_text())
    del old["head"]
    old |= {"feature_stride": "5", "feature_window": "5, 8", "feature_fps": "0"}
    old |= {"feature_offset": "0", "feature_every": "1", "feature_rows": "0"}
    path.write_text(json.dumps(old))
    (tmp_path / "labels.txt").unlink()
    claim_workdir(tmp_path, thumos(), 2048, "digest", ["run"])
    assert json.loads(path.read_text()) == old
    with pytest.raises(InputError, match=r"feature_window.*\[5, 8\].*\[5, 9\]"):
        claim_workdir(tmp_path, thumos(feature_window=(5, 9)), 2048, "digest", ["run"])


def test_configs_take_no_unknown_field():
    with pytest.raises(AttributeError, match="feature_strides"):
        gtad_thumos.get_config().feature_strides = (5,)
