"""Views and boundary samples of a folder, batch by batch."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.clips.pipelines import dataset_for
from bsp_tf.clips.source import open_source
from bsp_tf.clips.view_batches import boundary_batches, view_batches


def collect(dataset):
    batches = list(dataset.as_numpy_iterator())
    return [len(batch["label"]) for batch in batches], {
        name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]
    }


def test_one_view_is_what_training_evaluates_on(make_config, color_records):
    config = make_config("action")
    dataset, num_clips = view_batches(open_source(color_records), config.data, 1, 1, 6)
    sizes, found = collect(dataset)
    _, expected = collect(dataset_for(config, "validation", 4, seed=0))
    assert num_clips == 16 and sizes == [6, 6, 4] and found["clip"].tolist() == list(range(16))
    np.testing.assert_array_equal(found["frames"], expected["frames"])
    np.testing.assert_array_equal(found["label"], expected["label"])


def test_views_run_on_over_batches_and_start_anywhere(make_config, color_records):
    data, folder = make_config("action").data, open_source(color_records)
    sizes, whole = collect(view_batches(folder, data, 2, 3, 8)[0])
    assert sizes == [8] * 12 and whole["clip"].tolist() == np.repeat(np.arange(16), 6).tolist()
    _, rest = collect(view_batches(folder, data, 2, 3, 5, first_clip=11)[0])
    for name in whole:
        np.testing.assert_array_equal(rest[name], whole[name][whole["clip"] >= 11])


def test_unlabelled_clips_are_left_out_and_lengths_and_sizes_may_differ(
    make_config, make_color_records, tmp_path
):
    folder = make_color_records(
        tmp_path / "mixed",
        [[1, 60], [5]],
        unlabelled=2,
        size_of=lambda label, clip: (16, 12) if clip else (12, 16),
    )
    sizes, found = collect(
        view_batches(open_source(folder), make_config("action").data, 2, 3, 32)[0]
    )
    assert sum(sizes) == 18 and sorted(found["label"][::6].tolist()) == [0, 0, 1]


@pytest.mark.parametrize(
    "views, text",
    [((0, 1, 4), "num_clips=0"), ((1, 2, 4), "num_crops=2"), ((1, 1, 0), "batch_size=0")],
)
def test_wrong_numbers_are_named(views, text, make_config, color_records):
    with pytest.raises(InputError, match=text):
        view_batches(open_source(color_records), make_config("action").data, *views)


def test_rules_of_transition_change_nothing_else(make_config):
    config = make_config("boundary", **{"data.validation_passes": 2})
    found = {}
    for rule in ("diff_class", "both", "none"):
        config.boundary.transition = rule
        dataset, num_samples = boundary_batches(config, 0, 3)
        _, found[rule] = collect(dataset)
        assert len(found[rule]["label"]) == num_samples
    for name in ("label", "source_classes", "strides"):
        for rule in ("both", "none"):
            np.testing.assert_array_equal(found[rule][name], found["diff_class"][name])
    label = found["none"]["label"]
    assert (found["none"]["transition_length"] == 0).all()
    assert ((found["diff_class"]["transition_length"] > 0) == (label == 0)).all()
    assert ((found["both"]["transition_length"] > 0) == (label <= 1)).all()
    moved = np.abs(found["both"]["boundary"] - found["none"]["boundary"])
    assert moved.max() <= 0.5


def test_boundary_samples_are_those_of_training(make_config):
    config = make_config("boundary")
    _, found = collect(boundary_batches(config, 5, 1)[0])
    _, expected = collect(dataset_for(config, "validation", 8, seed=5))
    np.testing.assert_array_equal(found["frames"], expected["frames"])
