"""Whole pipelines over pictures that say which frame they are: contents, balance, seeds, resuming,
bad input.
"""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.clips import pipelines, samples, source
from bsp_tf.records import schema
from bsp_tf.synthesis.boundary_types import BOUNDARY_TYPES

DIFF_CLASS, SAME_CLASS, DIFF_SPEED, SAME_SPEED, DIFF_MOTION = range(5)


def batches(config, split="train", batch_size=8, seed=0, count=None):
    dataset = pipelines.dataset_for(config, split, batch_size, seed)
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def assert_equal(left, right):
    assert len(left) == len(right)
    tf.nest.map_structure(np.testing.assert_array_equal, left, right)


def same(left, right):
    return all(
        np.array_equal(a, b)
        for a, b in zip(tf.nest.flatten(left), tf.nest.flatten(right), strict=True)
    )


@pytest.fixture(scope="module")
def mixed_records(tmp_path_factory, make_color_records):
    """Odd and differing sizes, 1-frame clips, unlabelled clips, three shards."""
    return make_color_records(
        tmp_path_factory.mktemp("mixed") / "r",
        [[40, 40, 1], [40, 35, 3], [30, 40]],
        num_shards=3,
        unlabelled=2,
        size_of=lambda label, clip: (9 + 2 * label, 12 + 5 * clip),
    )


def check_sample(element, b, place_of, types=BOUNDARY_TYPES):
    """Reads a sample back from its colours and compares it with all that its labels claim."""
    colors = element["frames"][b].mean(axis=(1, 2))
    places = [place_of(color) for color in colors]
    label, boundary, length = (
        element[name][b] for name in ("label", "boundary", "transition_length")
    )
    label = BOUNDARY_TYPES.index(types[label])
    (class_before, class_after), (before, after) = (
        element["source_classes"][b],
        element["strides"][b],
    )
    first_after = int(np.ceil(boundary + length / 2)) if boundary >= 0 else 8
    last_before = int(np.floor(boundary - length / 2)) - 1 if boundary >= 0 else 7
    head, tail = places[: last_before + 1], places[first_after:]
    assert {place.label for place in head} == {class_before} and len(
        {place.clip for place in head}
    ) == 1
    assert {place.label for place in tail} <= {class_after} and len(
        {place.clip for place in tail}
    ) <= 1
    np.testing.assert_allclose(np.diff([place.frame for place in head]), before, atol=0.8)
    np.testing.assert_allclose(np.diff([place.frame for place in tail]), after, atol=0.8)
    clips = {place[:2] for place in head + tail}
    if label in (DIFF_SPEED, SAME_SPEED, DIFF_MOTION):
        assert len(clips) == 1 and class_before == class_after and length == 0
        assert (before == after) == (label == SAME_SPEED) == (boundary == -1)
        assert (np.sign(before) != np.sign(after)) == (label == DIFF_MOTION)
        if label != SAME_SPEED:
            assert tail[0].frame - head[-1].frame == pytest.approx(after, abs=0.8)
    else:
        assert len(clips) == 2 and before == after
        assert (class_before == class_after) == (label == SAME_CLASS)
        assert (length > 0) == (label == DIFF_CLASS)
    if length:
        middle = colors[last_before + 1 : first_after, 0]  # red tells the class
        weights = (np.arange(len(middle)) + 1) / (len(middle) + 1)
        np.testing.assert_allclose(
            middle, 24 * (class_before + weights * (int(class_after) - class_before)), atol=2
        )


@pytest.mark.parametrize("split", ["train", "validation"])
def test_boundary_samples_are_what_their_labels_say(make_config, place_of, split):
    elements = batches(make_config("boundary", **{"data.validation_passes": 3}), split, count=6)
    assert (
        elements[0]["frames"].shape == (8, 8, 8, 8, 3) and elements[0]["frames"].dtype == np.uint8
    )
    types = {
        name: (value.dtype, value.shape) for name, value in elements[0].items() if name != "frames"
    }
    assert types == {
        "label": (np.int32, (8,)),
        "boundary": (np.float32, (8,)),
        "source_classes": (np.int32, (8, 2)),
        "strides": (np.int32, (8, 2)),
        "transition_length": (np.int32, (8,)),
    }
    for element in elements:
        assert np.bincount(element["label"]).tolist() == [len(element["label"]) // 4] * 4
        for b in range(len(element["label"])):
            check_sample(element, b, place_of)


UNPATCHED = tuple(name for name in BOUNDARY_TYPES if name != "diff_path")


@pytest.mark.parametrize(
    "types", [UNPATCHED, ("diff_motion", "same_speed"), ("same_speed", "diff_class")]
)
def test_samples_of_the_types_in_use(make_config, place_of, types):
    """Also of clips that turn round, play backwards and pause, and without twins."""
    fields = {
        "boundary.types": types,
        "boundary.strides": (1, 4, -1, -4, 0),
        "boundary.twins": False,
    }
    config = make_config("boundary", **fields)
    shown = set()
    for element in batches(config, batch_size=2 * len(types), count=12):
        assert element["label"].tolist() == list(range(len(types))) * 2
        for b in range(2 * len(types)):
            check_sample(element, b, place_of, types)
        shown |= {tuple(pair) for pair in element["strides"].tolist()}
    assert {0, -1, -4} <= set(itertools.chain(*shown))
    with pytest.raises(InputError, match=f"batch size {len(types) + 1} "):
        pipelines.dataset_for(config, "train", len(types) + 1, 0)


@pytest.mark.thorough
def test_patches_are_pasted_into_diff_path_and_into_a_share_of_the_others(make_config):
    """Compared with the same samples without patches, which another share gives."""
    types = ("diff_path", "same_speed", "diff_class")

    def frames(share: float, types=types) -> np.ndarray:
        config = make_config("boundary", **{"boundary.types": types, "boundary.patch_share": share})
        elements = batches(config, batch_size=2 * len(types), count=10)
        return np.concatenate([element["frames"] for element in elements]).astype(int)

    never, half, always = frames(0.0), frames(0.5), frames(1.0)
    patched = (half != never).any((1, 2, 3, 4)).reshape(-1, 3)
    all_patched = (always != never).any((1, 2, 3, 4)).reshape(-1, 3)
    assert not patched[:, 0].any() and 0.2 < patched[:, 1:].mean() < 0.8
    assert all_patched[:, 1:].all()
    # The patch of diff_path is there whatever the share.
    np.testing.assert_array_equal(always[::3], never[::3])
    assert (never[::3, 0] != never[1::3, 0]).any()


def test_boundary_batches_of_mixed_clips(make_config, mixed_records, place_of):
    config = make_config("boundary", **{"data.train_dir": str(mixed_records)})
    for element in batches(config, count=4):
        for b in range(8):
            check_sample(element, b, place_of)


@pytest.mark.thorough
@pytest.mark.parametrize("transition_max", [4, 6])
def test_frames_decoded_are_about_those_of_an_action_batch(make_config, transition_max):
    config = make_config("boundary", **{"boundary.transition_max": transition_max})
    plan = samples.boundary_units(config, "train", 0).plan
    planned = tf.data.Dataset.range(100).map(plan).as_numpy_iterator()
    frames = [list(zip(quad["rows"], quad["frames"], strict=True)) for quad in planned]
    for quad in frames:
        assert len(set(quad)) > 16  # frames of four clips, not a few many times
    assert sum(map(len, frames)) / (100 * 4 * 8) <= 1.02


@pytest.mark.parametrize("sampling", ["uniform", "dense", "consecutive"])
def test_action_samples(make_config, place_of, sampling):
    config = make_config("action", **{"data.sampling": sampling, "data.frame_step": 2})
    seen = []
    for element in batches(config, count=6):
        assert element["label"].dtype == np.int32 and element["frames"].shape == (8, 8, 8, 8, 3)
        for frames, label in zip(element["frames"], element["label"], strict=True):
            places = [place_of(color) for color in frames.mean(axis=(1, 2))]
            assert {place.label for place in places} == {label} and len(
                {place.clip for place in places}
            ) == 1
            steps = np.diff([place.frame for place in places])
            if sampling == "consecutive":
                np.testing.assert_allclose(steps, 2, atol=0.8)
            elif sampling == "uniform":
                np.testing.assert_allclose(
                    [place.frame for place in places], 5 * np.arange(8) + 2, atol=2.4
                )
            seen.append(places[0][:2])
    # Every pass of 16 clips shows each clip once.
    for start in range(0, 48, 16):
        assert len(set(seen[start : start + 16])) == 16
    assert seen[:16] != seen[16:32]


def test_action_validation_is_finite_whole_and_the_same_for_every_seed(make_config, place_of):
    config = make_config("action")
    elements = batches(config, "validation", batch_size=6)
    assert [len(element["label"]) for element in elements] == [6, 6, 4]
    assert_equal(elements, batches(config, "validation", batch_size=6, seed=9))
    frames = [place_of(color).frame for color in elements[0]["frames"][0].mean(axis=(1, 2))]
    np.testing.assert_allclose(frames, 5 * np.arange(8) + 2, atol=0.8)


def test_action_takes_short_odd_and_differing_clips(make_config, mixed_records):
    config = make_config(
        "action",
        **{"data.validation_dir": str(mixed_records), "data.train_dir": str(mixed_records)},
    )
    labels = np.concatenate([element["label"] for element in batches(config, "validation")])
    assert sorted(labels.tolist()) == [0, 0, 0, 1, 1, 1, 2, 2]  # the unlabelled two are left out
    assert len(batches(config, count=3)) == 3


@pytest.mark.parametrize("multi_scale", [True, False])
@pytest.mark.parametrize("task", ["action", "boundary", "no twins"])
def test_crop_and_flip_are_one_for_all_frames_of_a_clip(make_config, tmp_path, task, multi_scale):
    """Samples of one still picture stay still and vary from sample to sample, but for twins."""
    picture = (
        np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    )
    still = tf.io.encode_jpeg(picture).numpy()
    with tf.io.TFRecordWriter(str(tmp_path / "clips-00000-of-00001")) as writer:
        for i in range(8):
            clip = schema.Clip([still] * 40, i % 2, "", 0, 1, f"{i}", 25.0, 24, 32)
            writer.write(schema.encode_clip(clip))
    (tmp_path / "labels.txt").write_text("a\nb\n")
    config = make_config(
        "action" if task == "action" else "boundary",
        **{
            "boundary.twins": task != "no twins",
            "data.train_dir": str(tmp_path),
            "data.multi_scale": multi_scale,
            "data.short_side": 24,
            "data.crop_size": 16,
        },
    )
    shown, alike = set(), []
    for element in batches(config, count=4):
        for frames in element["frames"]:
            np.testing.assert_array_equal(frames, np.broadcast_to(frames[:1], frames.shape))
            shown.add(frames[0].tobytes())
        by_type = element["frames"].reshape(-1, 4, *element["frames"].shape[1:])
        alike += [np.array_equal(one[DIFF_CLASS], one[SAME_CLASS]) for one in by_type]
    assert all(alike) == (task == "boundary")
    assert len(shown) == 2 if not multi_scale else len(shown) > 4


@pytest.mark.parametrize("task", ["action", "boundary"])
def test_same_seed_same_stream_other_seed_other_stream(make_config, task):
    tf.random.set_seed(1)
    first = batches(make_config(task), count=6, seed=3)
    tf.random.set_seed(2)  # must not matter
    assert_equal(first, batches(make_config(task), count=6, seed=3))
    assert not same(first, batches(make_config(task), count=6, seed=4))
    assert not same(first[:3], first[3:])  # passes differ


def test_boundary_validation_is_deterministic_and_passes_differ(make_config):
    config = make_config("boundary", **{"data.validation_passes": 2})
    twice = batches(config, "validation", seed=1)
    assert_equal(twice, batches(config, "validation", seed=1))
    once = batches(make_config("boundary"), "validation", seed=1)
    assert sum(len(e["label"]) for e in twice) > sum(len(e["label"]) for e in once) > 0
    assert all(len(element["label"]) % 4 == 0 for element in twice)


@pytest.mark.parametrize("task", ["action", "boundary"])
def test_a_saved_iterator_goes_on_bit_for_bit(make_config, tmp_path, task):
    def fresh():
        return iter(pipelines.dataset_for(make_config(task), "train", 8, 5))

    iterator = fresh()
    for _ in range(5):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).write(str(tmp_path / "state"))
    assert (
        sum(file.stat().st_size for file in tmp_path.iterdir()) < 20_000
    )  # places in the stream, not pixels
    expected = [next(iterator) for _ in range(6)]
    resumed = fresh()
    tf.train.Checkpoint(iterator=resumed).read(path).assert_consumed()
    assert_equal(expected, [next(resumed) for _ in range(6)])


def test_errors_name_the_place_and_the_remedy(make_config, make_color_records, tmp_path):
    with pytest.raises(InputError, match="batch size 6 "):
        pipelines.dataset_for(make_config("boundary"), "train", 6, 0)
    with pytest.raises(InputError, match="split 'test'"):
        pipelines.dataset_for(make_config("action"), "test", 4, 0)
    with pytest.raises(InputError, match="task='speed'"):
        pipelines.dataset_for(make_config("speed"), "train", 4, 0)
    with pytest.raises(InputError, match=str(tmp_path / "no")):
        pipelines.dataset_for(
            make_config("action", **{"data.train_dir": str(tmp_path / "no")}), "train", 4, 0
        )
    with pytest.raises(InputError, match="data.frame_step=0"):
        pipelines.dataset_for(make_config("action", **{"data.frame_step": 0}), "train", 4, 0)
    with pytest.raises(InputError, match="data.short_side=8 .*data.crop_size=9"):
        pipelines.dataset_for(make_config("boundary", **{"data.crop_size": 9}), "train", 4, 0)
    with pytest.raises(InputError, match="data.sampling='all'"):
        pipelines.dataset_for(make_config("action", **{"data.sampling": "all"}), "train", 4, 0)


@pytest.mark.parametrize(
    "clips",
    [[[40] * 6], [[40] * 6, [40]], [[40] * 6, [40, 28]]],
    ids=["one_class", "single_clip", "short_clip"],
)
def test_records_that_cannot_make_pairs_are_refused_at_once(
    make_config, make_color_records, tmp_path, clips
):
    folder = make_color_records(tmp_path / "r", clips)
    config = make_config("boundary", **{"data.train_dir": str(folder)})
    with pytest.raises(InputError, match=f"{folder} .* 29 frames.*'class 0': 6"):
        pipelines.dataset_for(config, "train", 4, 0)


def test_only_unlabelled_clips_are_refused(make_config, make_color_records, tmp_path):
    folder = make_color_records(tmp_path / "r", [[]], unlabelled=3)
    with pytest.raises(InputError, match=f"{folder} .*{{}}"):
        pipelines.dataset_for(
            make_config("action", **{"data.train_dir": str(folder)}), "train", 4, 0
        )


def test_labels_of_another_run_are_refused(make_config, make_color_records, tmp_path):
    folder = make_color_records(tmp_path / "r", [[], [], [9, 9]])
    (folder / "labels.txt").write_text("only one\n")
    with pytest.raises(InputError, match="class 2.*labels.txt"):
        pipelines.dataset_for(
            make_config("action", **{"data.train_dir": str(folder)}), "train", 4, 0
        )


def test_truncated_and_damaged_records_are_refused(make_config, make_color_records, tmp_path):
    folder = make_color_records(tmp_path / "r", [[40]], num_shards=1)
    shard = folder / "clips-00000-of-00001"
    whole = shard.read_bytes()
    config = make_config("action", **{"data.train_dir": str(folder)})
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=str(shard)):
        pipelines.dataset_for(config, "train", 4, 0)
    shard.write_bytes(whole[:500] + b"\0" * 20 + whole[520:])
    with pytest.raises(InputError, match=str(shard)):
        pipelines.dataset_for(config, "train", 4, 0)


def test_two_clips_a_class_are_enough(make_config, make_color_records, tmp_path, place_of):
    folder = make_color_records(tmp_path / "r", [[40, 40], [40, 40]])
    config = make_config("boundary", **{"data.train_dir": str(folder)})
    for element in batches(config, batch_size=4, count=6):
        for b in range(4):
            check_sample(element, b, place_of)


@pytest.mark.parametrize("task, split", [("action", "validation"), ("boundary", "train")])
def test_workers_share_the_rows_of_the_global_batches(make_config, task, split):
    """Worker w of W has rows [w*B/W, (w+1)*B/W) of each batch, from any batch on."""
    config = make_config(task)
    whole = batches(config, split, batch_size=12, count=3)
    shares = [
        list(pipelines.dataset_for(config, split, 12, 0, 1, worker, 3).take(2).as_numpy_iterator())
        for worker in range(3)
    ]
    for step, batch in enumerate(whole[1:]):
        parts = [share[step] for share in shares if step < len(share)]
        assert_equal([batch], [tf.nest.map_structure(lambda *rows: np.concatenate(rows), *parts)])
        assert [len(part["label"]) for part in parts] == [4] * (len(batch["label"]) // 4)


def test_batches_that_do_not_split_are_refused(make_config):
    with pytest.raises(InputError, match="batch size 8 .* 12"):
        pipelines.dataset_for(make_config("boundary"), "train", 8, 0, 0, 0, 3)
    with pytest.raises(InputError, match="shard 2 of 2"):
        pipelines.dataset_for(make_config("action"), "train", 8, 0, 0, 2, 2)


@pytest.mark.parametrize("task", ["action", "boundary"])
def test_the_graph_of_a_task_does_not_grow_with_the_clips(
    task, make_config, mixed_records, monkeypatch
):
    """The same clips again and again: there would be megabytes of them in the graph."""

    def graph_bytes(times):
        def load(folder):
            index = load_index(folder)
            names = ("shard", "offset", "label", "num_frames", "size", "first_frame")
            rows = {name: np.concatenate([getattr(index, name)] * times) for name in names}
            return dataclasses.replace(index, **rows)

        monkeypatch.setattr(source, "load_index", load)
        config = make_config(task, **{"data.train_dir": str(mixed_records)})
        units = pipelines.UNITS[task](config, "train", 0)
        make = tf.function(units.make, input_signature=[tf.TensorSpec([], tf.int64)])
        assert make(tf.constant(5, tf.int64))["frames"].dtype == tf.uint8
        return make.get_concrete_function().graph.as_graph_def().ByteSize()

    load_index = source.load_index
    assert graph_bytes(20_000) < graph_bytes(1) + 1000
