"""Whose a workdir is: another config or other labels are refused."""

import json

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.runs import workdir as folder

LABELS = ("walk left", "walk right", "blink")


def test_another_config_is_refused_with_both_values(tiny_config, tmp_path):
    folder.check_workdir(tmp_path / "new", tiny_config, LABELS)
    folder.claim_workdir(tmp_path, tiny_config, LABELS)
    folder.check_workdir(tmp_path, tiny_config, LABELS)
    tiny_config.optimizer.boundaries = (1,)
    tiny_config.seed = 5
    with pytest.raises(InputError, match=r"optimizer.boundaries.*\[2\].*\[1\].*seed.*0.*5"):
        folder.check_workdir(tmp_path, tiny_config, LABELS)


def test_fields_that_came_later_stand_for_the_paper_in_an_old_workdir(tiny_config, tmp_path):
    folder.claim_workdir(tmp_path, tiny_config, LABELS)
    stored = json.loads((tmp_path / "config.json").read_text())
    for name in folder.LATER_FIELDS:
        group, field = name.split(".")
        del stored[group][field]
    (tmp_path / "config.json").write_text(json.dumps(stored))
    folder.check_workdir(tmp_path, tiny_config, LABELS)
    tiny_config.boundary.types = ("diff_speed", "same_speed")
    tiny_config.boundary.twins = False
    with pytest.raises(InputError, match="boundary.twins was True.*boundary.types was .*diff_cl"):
        folder.check_workdir(tmp_path, tiny_config, LABELS)


def test_other_labels_are_refused(tiny_config, tmp_path):
    folder.claim_workdir(tmp_path, tiny_config, LABELS)
    with pytest.raises(InputError, match="labels.txt"):
        folder.check_workdir(tmp_path, tiny_config, LABELS[:2])


def test_other_numbers_of_clips_are_refused(tiny_config, tmp_path):
    """Steps and epochs are made of them."""
    folder.claim_workdir(tmp_path, tiny_config, LABELS, num_clips=(24, 8))
    folder.check_workdir(tmp_path, tiny_config, LABELS, num_clips=(24, 8))
    for other in ((23, 8), (24, 9)):
        with pytest.raises(InputError, match=rf"24.*8.*{other[0]}.*{other[1]}"):
            folder.check_workdir(tmp_path, tiny_config, LABELS, num_clips=other)
    # Of an older version.
    (tmp_path / folder.CLIPS).unlink()
    folder.check_workdir(tmp_path, tiny_config, LABELS, num_clips=(23, 8))


def test_other_actions_of_a_second_head_are_refused(tiny_config, tmp_path):
    folder.claim_workdir(tmp_path, tiny_config, ("a", "b"), LABELS)
    folder.check_workdir(tmp_path, tiny_config, ("a", "b"), LABELS)
    assert folder.read_labels(tmp_path, folder.ACTION_LABELS) == list(LABELS)
    with pytest.raises(InputError, match="action_labels.txt"):
        folder.check_workdir(tmp_path, tiny_config, ("a", "b"), LABELS[::-1])


def test_fields_of_another_version_are_named(tiny_config, tmp_path):
    folder.claim_workdir(tmp_path, tiny_config, LABELS)
    with tiny_config.unlocked():
        tiny_config.model.later = None
    with pytest.raises(InputError, match="model.later"):
        folder.check_workdir(tmp_path, tiny_config, LABELS)


def test_a_file_is_no_workdir(tiny_config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        folder.check_workdir(tmp_path / "file", tiny_config, LABELS)


def test_a_claim_checks_what_came_in_between(tiny_config, tmp_path):
    folder.claim_workdir(tmp_path, tiny_config, ("a", "b"))
    folder.claim_workdir(tmp_path, tiny_config, ("a", "b"))
    with pytest.raises(InputError, match="labels.txt"):
        folder.claim_workdir(tmp_path, tiny_config, ("a", "c"))
    tiny_config.seed += 1
    with pytest.raises(InputError, match="seed was"):
        folder.claim_workdir(tmp_path, tiny_config, ("a", "b"))
