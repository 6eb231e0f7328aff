"""Whether a feature folder that is there goes with a new extraction."""

import json

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.features.reuse import is_finished, refuse_other_features, refuse_partial_features

SETTINGS = {"model": "m", "model_sha256": "1", "frame_step": 1, "stride": 8, "short_side": 256}


def test_a_new_or_empty_folder_is_taken(tmp_path):
    refuse_other_features(tmp_path / "new", SETTINGS)
    refuse_other_features(tmp_path, SETTINGS)


def test_the_same_settings_go_on_and_others_are_named(tmp_path):
    (tmp_path / "metadata.json").write_text(json.dumps(SETTINGS | {"videos": {}}))
    refuse_other_features(tmp_path, SETTINGS)
    with pytest.raises(InputError, match="stride was 8, is now 4"):
        refuse_other_features(tmp_path, SETTINGS | {"stride": 4})
    with pytest.raises(InputError, match="model was m, is now n"):
        refuse_other_features(tmp_path, SETTINGS | {"model": "n", "model_sha256": "2"})
    # The same weights elsewhere are the same model.
    refuse_other_features(tmp_path, SETTINGS | {"model": "n"})


def test_what_is_not_a_feature_folder(tmp_path):
    (tmp_path / "a.npy").touch()
    with pytest.raises(InputError, match="metadata.json"):
        refuse_other_features(tmp_path, SETTINGS)


def test_a_part_of_a_video_stays_a_part(tmp_path):
    finished = {"a": {"partial": False}, "b": {"partial": True}, "older": {}}
    refuse_partial_features(tmp_path, finished, allow_partial=True)
    with pytest.raises(InputError, match="'b'.*--allow_partial"):
        refuse_partial_features(tmp_path, finished, allow_partial=False)
    del finished["b"]
    refuse_partial_features(tmp_path, finished, allow_partial=False)


def test_a_video_is_finished_if_its_file_is_the_same(tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"12345")
    finished = {"a": {"file": "a.mp4", "num_bytes": 5}}
    assert is_finished("a", video, finished, tmp_path)
    assert not is_finished("b", video, finished, tmp_path)
    video.write_bytes(b"123456")
    with pytest.raises(InputError, match=r"a\.mp4, 5 bytes"):
        is_finished("a", video, finished, tmp_path)
