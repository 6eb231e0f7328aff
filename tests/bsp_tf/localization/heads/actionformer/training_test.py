"""ActionFormer from features to detections, by the code of all heads."""

import functools
import json
from collections import defaultdict

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.annotations.mended import load_annotations
from bsp_tf.base.errors import InputError
from bsp_tf.detect import detect
from bsp_tf.evaluation.segments import tiou
from bsp_tf.features.sources import open_features
from bsp_tf.localization.detection import Options, detections_of
from bsp_tf.localization.heads.actionformer.head import HEAD
from bsp_tf.localization.heads.actionformer.pyramid import make_points
from bsp_tf.localization.heads.actionformer.targets import point_targets
from bsp_tf.localization.learner import Learner
from bsp_tf.localization.settings import resolve_config
from bsp_tf.localization.training import Run, train
from bsp_tf.localization.training_data import load_localization_data
from bsp_tf.localization.workdir import load_trained
from bsp_tf.runs.preemption import PreemptedError, StopRequest
from bsp_tf.runs.strategy import strategy_for
from configs import actionformer_anet, actionformer_thumos, gtad_anet, sample_actionformer
from tests.fixtures import warm_python
from tests.fixtures.stop_at_step import StopAtStep

TINY = {
    "num_segments": 16,
    "width": 16,
    "num_heads": 2,
    "embedding_convs": 1,
    "stem_blocks": 1,
    "attention_windows": (5, 0),
    "batch_size": 4,
    "epochs": 4,
    "warmup_epochs": 1,
    "first_normalizer": 10.0,
    "learning_rate": 0.01,
}


def write_world(folder, lengths=(24, 40, 16, 30, 36, 16), noise=1):
    """Videos of many lengths in whose features the two classes can be seen."""
    rng, database, videos = np.random.default_rng(0), {}, {}
    (folder / "features").mkdir()
    for number, length in enumerate(lengths):
        features = noise * rng.standard_normal((length, 6)).astype(np.float32)
        instances = []
        for label, low in (("jump", 1), ("run", length // 2)):
            start = int(low + rng.integers(3))
            end = start + int(rng.integers(3, 6))
            features[start:end, len(instances)] += 6 if noise else 1
            instances.append({"segment": [float(start), float(end)], "label": label})
        np.save(folder / "features" / f"v{number}.npy", features)
        database[f"v{number}"] = {
            "subset": "training" if number < 4 else "validation",
            "duration": float(length),
            "annotations": instances,
        }
        videos[f"v{number}"] = {
            "fps": 8.0,
            "num_snippets": length,
            "duration_seconds": float(length),
        }
    about = {"window": 8, "frame_step": 1, "stride": 8, "streams": {"action": [0, 6]}}
    metadata = about | {"feature_dim": 6, "videos": videos}
    (folder / "features" / "metadata.json").write_text(json.dumps(metadata))
    (folder / "annotations.json").write_text(json.dumps({"database": database}))


def tiny_config(folder, **changes):
    config = sample_actionformer.get_config()
    config.update(TINY)
    config.features_dir = str(folder / "features")
    config.annotations, config.streams = str(folder / "annotations.json"), "action"
    config.update(changes)
    return config


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    return folder


@pytest.fixture
def eagerly():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def state(workdir):
    """All numbers of the last checkpoint: weights, moments, averages, the running mean."""
    path = tf.train.latest_checkpoint(str(workdir / "checkpoints/last"))
    reader = tf.train.load_checkpoint(path)
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if not name.startswith(("_CHECKPOINTABLE", "save_counter"))
    }


def detections(workdir, config, output, **options):
    inputs = (config.features_dir, config.annotations, "validation", str(output))
    assert detect(str(workdir), *inputs, **options)["left_out"] == {}
    return json.loads(output.read_text())["results"]


@pytest.mark.parametrize("crops", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_it_learns_and_detects_what_is_there(world, tmp_path, crops):
    config = tiny_config(world, crops=crops, epochs=20, batch_size=1, average_decay=0.9)
    if not crops:
        config.num_segments = 32
    train(config, tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").open()]
    assert rows[-1]["train_loss"] < 0.5 * rows[0]["train_loss"]
    assert {"train_classes_loss", "train_offsets_loss"} <= set(rows[0])
    results = detections(tmp_path / "run", config, tmp_path / "found.json")
    truths = json.loads((world / "annotations.json").read_text())["database"]
    for name, found in results.items():
        for instance in truths[name]["annotations"]:
            truth = np.array(instance["segment"])
            best = max(
                (row for row in found if row["label"] == instance["label"]),
                key=lambda row: row["score"],
            )
            assert tiou(np.array(best["segment"]), truth) > 0.3


def answers_of(features, inside, config):
    """What a perfect network says of videos whose two channels are 1 inside the two classes."""
    made = defaultdict(list)
    for marks, places in zip(features, inside, strict=True):
        edges = [np.flatnonzero(np.diff(np.pad(c, 1))).reshape(-1, 2) for c in marks[:, :2].T]
        labels = np.repeat([0, 1], [len(ends) for ends in edges])
        points = make_points(len(marks), len(config.attention_windows))
        classes, offsets = point_targets(points, np.concatenate(edges) - 0.5, labels, 2)
        made["logits"].append(20 * classes - 10)
        made["offsets"].append(offsets)
        made["inside"].append((points.positions < places.sum()).astype(np.float32))
    return {name: np.stack(values) for name, values in made.items()}


def test_crops_lie_where_the_segments_are_from_training_to_detections(tmp_path):
    write_world(tmp_path, noise=0)
    config = resolve_config(tiny_config(tmp_path, crops=True))
    videos = load_annotations(config.annotations, "training")
    names, sources = ["jump", "run"], open_features(config)
    data = load_localization_data(sources, videos, names, HEAD, config)
    seen = set()
    for draw in range(1, 40):
        batch = data.batch(np.arange(4), draw)
        expected = answers_of(batch.features, batch.inside, config)
        for row, (features, inside) in enumerate(zip(batch.features, batch.inside, strict=True)):
            if features[0].any() or features[int(inside.sum()) - 1].any():
                # A segment is cut: it ends where the crop does, or is not wanted any more.
                continue
            classes, offsets = (batch.targets[name][row] for name in ("classes", "offsets"))
            np.testing.assert_array_equal(classes > 0, expected["logits"][row] > 0)
            wanted = classes.any(-1)
            np.testing.assert_allclose(offsets[wanted], expected["offsets"][row][wanted], atol=1e-5)
            seen.add(features.tobytes())
    assert len(seen) > 20
    again = data.batch(np.arange(4), draw)
    np.testing.assert_array_equal(batch.features, again.features)

    config.feature_dim, left_out = 6, {}
    network = functools.partial(answers_of, config=config)
    options = Options()
    found = detections_of(HEAD, config, network, names, sources, videos, None, options, left_out)
    for name, rows in found:
        truth = zip(videos[name].labels, videos[name].segments.tolist(), strict=True)
        expected = {(label, *ends) for label, ends in truth}
        assert {(row["label"], *np.round(row["segment"], 4).tolist()) for row in rows} == expected
    assert not left_out


@pytest.mark.thorough
def test_without_classes_of_its_own(eagerly, world, tmp_path):
    config = tiny_config(world, names_classes=False)
    train(config, tmp_path / "run")
    assert load_trained(tmp_path / "run").model.sizes["num_classes"] == 1
    results = detections(tmp_path / "run", config, tmp_path / "found.json")
    assert {row["label"] for found in results.values() for row in found} <= {"proposal"}


@pytest.mark.thorough
@pytest.mark.parametrize("looks", [1, 2])
def test_a_run_that_was_stopped_ends_as_if_it_was_not(
    eagerly, world, tmp_path_factory, tmp_path, looks
):
    config = tiny_config(world, crops=True, batch_size=2, epochs=2)
    train(config, tmp_path / "whole")
    with pytest.raises(PreemptedError):
        train(config, tmp_path / "stopped", stop=StopAtStep(looks))
    train(config, tmp_path / "stopped")
    found, expected = state(tmp_path / "stopped"), state(tmp_path / "whole")
    assert any("average" in name for name in expected)
    assert any("normalizer" in name for name in expected)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert np.array_equal(found[name], values), name
    summaries = [(tmp_path / name / "summary.json").read_text() for name in ("whole", "stopped")]
    assert summaries[0] == summaries[1]


def test_a_short_last_batch_counts_as_much_as_the_others(eagerly, world):
    """Its losses are sums over the examples of a batch, divided by what does not depend on them."""
    config = resolve_config(tiny_config(world))
    sources = open_features(config, config.features_dir)
    annotations = load_annotations(config.annotations, "training")
    data = load_localization_data(sources, annotations, ["jump", "run"], HEAD, config)
    assert len(data.examples) % 3 and len(data.examples) > 3
    strategy = strategy_for("one_device")
    run = Run.__new__(Run)
    run.head, run.config, run.stop = HEAD, config, StopRequest()
    run.learner = Learner(HEAD, config, data.batch(np.arange(1)), 2, strategy)
    losses = []
    for size in (1, 3, len(data.examples)):
        config.batch_size = size
        losses.append(run._validate(data)["loss"] / size)
    np.testing.assert_allclose(losses, losses[0], rtol=1e-4)


@pytest.mark.thorough
def test_the_averages_are_what_is_judged_and_kept_as_best(eagerly, world, tmp_path):
    config = tiny_config(world, epochs=1, warmup_epochs=0)
    train(config, tmp_path)
    last, best = (load_trained(tmp_path, which).model for which in ("last", "best"))
    found = [np.asarray(variable) for variable in best.trainable_variables]
    averages = [values for name, values in state(tmp_path).items() if name.startswith("average/")]
    assert len(averages) == len(found)
    kernel = np.asarray(best.embd_0.kernel)
    assert any(np.array_equal(kernel, values) for values in averages)
    assert not np.array_equal(kernel, np.asarray(last.embd_0.kernel))


REPLICAS = """
import json, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from bsp_tf.localization.training import train
from bsp_tf.runs.strategy import strategy_for
from configs.sample_actionformer import get_config
for name in ("one_device", "mirrored"):
    config = get_config()
    config.update(json.loads(sys.argv[1]))
    config.attention_windows = (5, 0)
    tf.config.run_functions_eagerly(name == "one_device")
    train(config, f"{sys.argv[2]}/{name}", strategy_for(name))
"""


@pytest.mark.thorough
def test_two_replicas_equal_one_device(world, tmp_path):
    """Batches of 3 and 1 over two replicas: shares of 1 and 2, and of none and 1."""
    fields = {name: value for name, value in TINY.items() if name != "attention_windows"} | {
        "features_dir": str(world / "features"),
        "annotations": str(world / "annotations.json"),
        "streams": "action",
        "batch_size": 3,
        "epochs": 1,
        "warmup_epochs": 0,
        "offset_weight": -1.0,
        "label_smoothing": 0.1,
        "learning_rate": 1e-3,
    }
    warm_python.run("-c", REPLICAS, json.dumps(fields), tmp_path).check_returncode()
    one, two = tmp_path / "one_device", tmp_path / "mirrored"
    rows = [[json.loads(line) for line in (run / "metrics.jsonl").open()] for run in (one, two)]
    for expected, found in zip(*rows, strict=True):
        for name, value in expected.items():
            if name != "seconds":
                assert found[name] == pytest.approx(value, abs=1e-5, rel=1e-4), name
    means = [[v for name, v in state(run).items() if "normalizer" in name] for run in (one, two)]
    np.testing.assert_allclose(means[1], means[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"windows": True, "feature_layout": ""}, "config.windows.*crops"),
        ({"attention_windows": ()}, "config.attention_windows"),
        ({"num_segments": 15}, "config.num_segments = 15"),
        ({"drop_path": 1.0}, "config.drop_path"),
        ({"neck": "none"}, "config.neck.*identity, fpn"),
        ({"num_heads": 0}, "config.num_heads"),
        ({"min_length": -1.0}, "config.min_length"),
    ],
)
def test_numbers_out_of_their_range_are_refused(world, changes, message):
    with pytest.raises(InputError, match=message):
        resolve_config(tiny_config(world, **changes))


def test_the_config_of_one_head_is_not_for_the_other(world):
    for module, head, other in (
        (gtad_anet, "actionformer", "G-TAD"),
        (actionformer_anet, "gtad", "ActionFormer"),
    ):
        config = module.get_config()
        config.features_dir = config.annotations = "somewhere"
        config.head = head
        with pytest.raises(InputError, match=f"config lacks.*it is one of {other}"):
            resolve_config(config)


@pytest.mark.parametrize(
    ("module", "rows", "columns"),
    [
        (actionformer_thumos, 1703, 2304),
        (actionformer_thumos, 2304, 2304),
        (actionformer_thumos, 2500, 2880),
        (actionformer_anet, 10, 192),
        (actionformer_anet, 193, 288),
    ],
)
def test_videos_are_filled_up_as_in_the_reference(module, rows, columns):
    assert HEAD.num_columns(rows, module.get_config()) == columns
