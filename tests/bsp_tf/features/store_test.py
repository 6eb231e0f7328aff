"""Feature folders: what is written is read back, what is broken is named; the golden resize."""

import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.features.store import (
    FeatureStore,
    finished_videos,
    resize_features,
    write_metadata,
    write_video,
)

SETTINGS = {
    "window": 8,
    "frame_step": 1,
    "stride": 8,
    "feature_dim": 4,
    "streams": {"action": [0, 2], "boundary": [2, 4]},
}


@pytest.fixture
def folder(tmp_path):
    features = np.arange(12, dtype=np.float32).reshape(3, 4)
    write_video(tmp_path, "b", features, {"action": np.ones((3, 5), np.float32)}, {"fps": 25.0})
    write_video(
        tmp_path, "a.v", features + 100, {"action": np.zeros((3, 5), np.float32)}, {"fps": 30.0}
    )
    write_metadata(tmp_path, SETTINGS, finished_videos(tmp_path))
    return tmp_path


def test_written_and_read_back(folder):
    store = FeatureStore(folder)
    assert store.video_ids == ["a.v", "b"]
    assert store.metadata["videos"]["a.v"] == {"fps": 30.0} and store.metadata["stride"] == 8
    features = store.load("b")
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, np.arange(12).reshape(3, 4))
    np.testing.assert_array_equal(store.load("b", ("boundary",)), features[:, 2:])
    np.testing.assert_array_equal(
        store.load("b", ("boundary", "action")), features[:, [2, 3, 0, 1]]
    )
    np.testing.assert_array_equal(store.load_probabilities("b")["action"], np.ones((3, 5)))


def test_a_video_without_features_is_not_finished(folder):
    (folder / "b.npy").unlink()
    assert sorted(finished_videos(folder)) == ["a.v"]


@pytest.mark.parametrize(
    ("array", "fault"),
    [
        (np.full((3, 4), np.nan, np.float32), "NaN"),
        (np.zeros((3, 5), np.float32), r"\[3, 5\].*\[num_snippets, 4\]"),
        (np.zeros((4, 9), np.float32), r"\[4, 9\].*transposed"),
        (np.zeros((0, 4), np.float32), r"\[0, 4\]"),
        (np.zeros((3, 4), np.int32), "floats"),
        (np.array([{"a": 1}], object), "b.npy"),
    ],
)
def test_broken_features_are_named(folder, array, fault):
    np.save(folder / "b.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=fault) as caught:
        FeatureStore(folder).load("b")
    assert str(folder / "b.npy") in str(caught.value)


def test_missing_and_cut_files(folder):
    store = FeatureStore(folder)
    for name in ("b.npy", "probabilities/b.npz"):
        path = folder / name
        path.write_bytes(path.read_bytes()[:50])
    for load in (store.load, store.load_probabilities):
        for name in ("b", "never"):
            with pytest.raises(InputError, match=rf"{name}\.np[yz]"):
                load(name)
    with pytest.raises(InputError, match="'sound'.*action, boundary"):
        store.load("a.v", ("sound",))
    with pytest.raises(InputError, match="nowhere.*metadata.json"):
        FeatureStore(folder / "nowhere")
    (folder / "metadata.json").write_text('{"window": 8}')
    with pytest.raises(InputError, match="metadata.json.*'feature_dim'"):
        FeatureStore(folder)


def test_nan_is_never_written(tmp_path):
    with pytest.raises(InputError, match=r"\bx\b.*NaN"):
        write_video(tmp_path, "x", np.full((2, 4), np.nan, np.float32), {}, {})
    assert not list(tmp_path.iterdir())


def check_golden(arrays):
    names = [name for name in arrays if name.startswith("feat_in_")]
    assert names
    for name in names:
        features, expected = arrays[name], arrays[name.replace("in", "out")]
        resized = resize_features(features, expected.shape[1])
        assert resized.dtype == np.float32
        # The reference stores [C, T].
        np.testing.assert_allclose(resized.T, expected, rtol=1e-5, atol=1e-6)


def test_golden_resize(testdata):
    check_golden(np.load(testdata / "feature_resize.npz"))


def test_golden_resize_in_full(shared):
    check_golden(np.load(shared / "golden" / "gtad_labels_losses.npz"))


def test_resize_by_hand():
    features = np.array([[0.0, 10.0], [4.0, 30.0]], np.float32)
    np.testing.assert_allclose(resize_features(features, 4), [[0, 10], [1, 15], [3, 25], [4, 30]])
    np.testing.assert_allclose(resize_features(features[:1], 3), [[0, 10]] * 3)
    np.testing.assert_allclose(resize_features(features, 2), features)
    for broken in (np.zeros((2, 3, 4)), np.zeros((0, 4)), np.full((2, 2), np.inf)):
        with pytest.raises(InputError, match="features"):
            resize_features(broken, 4)


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("stride", 0, "'stride'"),
        ("feature_dim", "4", "'feature_dim'"),
        ("streams", {"action": [0, 5]}, "'streams'.*4 columns"),
        ("streams", {"action": [2, 2]}, "'streams'.*4 columns"),
        ("streams", ["action"], "'streams'"),
        ("videos", ["b"], "'videos'"),
        ("videos", {"b": 3}, "'videos'"),
    ],
)
def test_impossible_metadata_is_named(folder, field, value, fault):
    metadata = json.loads((folder / "metadata.json").read_text())
    (folder / "metadata.json").write_text(json.dumps(metadata | {field: value}))
    with pytest.raises(InputError, match=f"metadata.json: .*{fault}"):
        FeatureStore(folder)


def test_another_number_of_snippets_than_the_metadata_say(folder):
    metadata = json.loads((folder / "metadata.json").read_text())
    metadata["videos"]["b"]["num_snippets"] = 7
    (folder / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(InputError, match="b.npy .*3 .*metadata.json .*7"):
        FeatureStore(folder).load("b")
