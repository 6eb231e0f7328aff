"""Videos with features and annotations become steps and classes; what cannot be used is named."""

import numpy as np
import pytest

from bsp_tf.annotations.mended import load_annotations
from bsp_tf.base.errors import InputError
from bsp_tf.classify_videos.video_steps import check_training, load_steps, open_steps, pool_steps
from tests.fixtures.small_videos import CLASSES, FEATURE_DIM, write_annotations, write_features

VIDEOS = {"a": ["jump"], "b": ["run", "jump"], "c": []}


@pytest.fixture
def world(tmp_path):
    """Three training videos, one of them without a class, and one of validation."""
    features = write_features(tmp_path / "features", VIDEOS | {"d": ["swim"]})
    subsets = {"training": VIDEOS, "validation": {"d": ["swim"]}}
    return features, write_annotations(tmp_path / "annotations.json", subsets)


def read(features, annotations, streams=None):
    sources = open_steps(str(features), streams)
    return load_steps(sources, load_annotations(annotations), CLASSES, num_steps=4)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 11])
def test_steps_are_means_of_equal_shares(count):
    rows = np.random.default_rng(0).standard_normal((count, 2)).astype(np.float32)
    expected = []
    for step in range(4):
        begin, end = step * count // 4, (step + 1) * count // 4
        expected.append(rows[begin : max(end, begin + 1)].mean(axis=0))
    np.testing.assert_allclose(pool_steps(rows, 4), expected, rtol=1e-6)


def test_large_numbers_do_not_overflow():
    assert pool_steps(np.full((100, 1), 3e38, np.float32), 2).tolist() == [[np.float32(3e38)]] * 2


def test_classes_and_subsets_of_all_videos(world):
    videos = read(*world)
    assert videos.video_ids == ["a", "b", "c", "d"] and videos.left_out == {}
    assert videos.shown.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert {array.shape for array in videos.features} == {(4, FEATURE_DIM)}
    assert videos.of_subset("training").tolist() == [0, 1]
    assert videos.of_subset("validation").tolist() == [3]


def test_streams_are_all_or_those_named(world):
    everything, action = read(*world), read(*world, streams=["action"])
    np.testing.assert_array_equal(action.features[0], everything.features[0][:, :4])
    with pytest.raises(InputError, match="flow.*action, boundary"):
        open_steps(str(world[0]), ["flow"])


def test_unusable_videos_are_left_out_with_their_reason(world):
    features, annotations = world
    array = np.load(features / "a.npy")
    array[0, 0] = np.nan
    np.save(features / "a.npy", array)
    np.save(features / "b.npy", np.zeros((7, FEATURE_DIM + 1), np.float32))
    (features / "d.npy").unlink()
    videos = read(*world)
    assert videos.video_ids == ["c"] and videos.shown.shape == (1, 3)
    assert list(videos.left_out) == ["a", "b", "d"]
    for name, word in {"a": "NaN", "b": str(FEATURE_DIM + 1), "d": "d.npy"}.items():
        assert word in videos.left_out[name]
    with pytest.raises(InputError, match="'training'.*3 left out, the first a: .*NaN"):
        check_training(videos, "training", 2, "annotations.json")


def test_arrays_of_other_tools_need_no_layout(tmp_path):
    """Neither what a row is nor how long a video is has to be known."""
    for number, name in enumerate("abcdefgh"):
        rows, channels = 60 + number, 65 if name == "d" else 64
        np.save(tmp_path / f"{name}.npy", np.full((rows, channels), number, np.float32))
    annotations = write_annotations(tmp_path / "t.json", {"training": VIDEOS | {"d": ["run"]}})
    annotations.write_text(annotations.read_text().replace('"duration": 60, ', ""))
    videos = read(tmp_path, annotations)
    assert [array[0, 0] for array in videos.features] == [0, 1, 2]
    assert "65" in videos.left_out["d"]


def test_several_sources_are_joined(world, tmp_path):
    other = write_features(tmp_path / "other", VIDEOS)
    videos = read(f"{world[0]},{other}", world[1])
    assert {array.shape for array in videos.features} == {(4, 2 * FEATURE_DIM)}
    assert list(videos.left_out) == ["d"]


def test_training_videos_must_suffice(world):
    videos = read(*world)
    assert check_training(videos, "training", 2, "t.json").tolist() == [0, 1]
    with pytest.raises(InputError, match="--folds=3 for 2"):
        check_training(videos, "training", 3, "t.json")
    with pytest.raises(InputError, match=r"t\.json.*'testing'.*no labels"):
        check_training(videos, "testing", 2, "t.json")
    with pytest.raises(InputError, match=r"1 training videos of t\.json.*one class"):
        check_training(videos, "validation", 1, "t.json")
