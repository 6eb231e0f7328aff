"""Export: the SavedModel in a process without this package, the reuse of a finished output, and bad
workdirs.
"""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_place
from bsp_tf.export import evaluation_input, export_two_stream, export_workdirs
from bsp_tf.models.snippet_model import load_snippet_model
from bsp_tf.models.tsm import TSM
from bsp_tf.models.two_stream import TwoStream
from bsp_tf.pretraining.trained_model import build_model, load_trained_model, model_state
from bsp_tf.runs.workdir import checkpoint_folder, claim_workdir
from configs import base
from tests.fixtures import warm_python
from tests.fixtures.full_disk import refused_on_a_full_disk
from tests.fixtures.jpeg_bomb import jpeg_bomb

ACTIONS = ("jump", "tèst name", "wave")
BOUNDARIES = ("diff_class", "same_class", "diff_speed", "same_speed")
PREPARE = functools.partial(evaluation_input, short_side=40, crop_size=32)

CONSUMER = """
import json, sys
import numpy as np, tensorflow as tf
folder = sys.argv[1]
model = tf.saved_model.load(folder)
inputs = np.load("inputs.npz")
results = {}
for name in ("small", "large"):
    for key, value in model.signatures["serving_default"](tf.constant(inputs[name])).items():
        results[f"{name}/{key}"] = value.numpy()
jpegs = [[open(f"{n}_{t}.jpg", "rb").read() for t in range(8)] for n in range(2)]
for key, value in model.signatures["encoded"](tf.constant(jpegs)).items():
    results[f"encoded/{key}"] = value.numpy()
for key, value in model(inputs["small"]).items():
    np.testing.assert_array_equal(value, results[f"small/{key}"])
read = lambda asset: open(asset.asset_path.numpy(), encoding="utf-8").read()
assets = (model.action_labels, model.boundary_labels, model.config)
results["texts"] = json.dumps([read(asset) for asset in assets])
assert not [name for name in sys.modules if name.split(".")[0] == "bsp_tf"], "bsp_tf was imported"
np.savez("results.npz", **results)
"""


@pytest.fixture(scope="module")
def models() -> dict[str, TSM]:
    built = {
        "action": TSM(3, depth=10, width=0.125),
        "boundary": TSM(4, depth=10, width=0.125, input="rgb_diff"),
    }
    for seed, model in enumerate(built.values()):
        keras.utils.set_random_seed(seed)
        model.build()
        # The classifier starts near zero; larger weights make differences visible.
        model.fc.kernel.assign(tf.random.stateless_normal(model.fc.kernel.shape, [seed, 1]))
    return built


@pytest.fixture(scope="module")
def exported(models, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("export") / "runs" / "two_stream"
    config = {"action": {"seed": 1}, "boundary": {"seed": 2}, "num_frames": 8}
    assert export_two_stream(
        models["action"], models["boundary"], ACTIONS, BOUNDARIES, config, output, PREPARE
    )
    return output


def test_separate_process(models, exported, tmp_path):
    rng = np.random.default_rng(5)
    inputs = {
        "small": rng.integers(0, 256, (3, 8, 40, 56, 3), dtype=np.uint8),
        "large": rng.integers(0, 256, (1, 5, 90, 71, 3), dtype=np.uint8),
    }
    np.savez(tmp_path / "inputs.npz", **inputs)
    smooth = (
        tf.image.resize(inputs["small"][:2].reshape(-1, 40, 56, 3), [48, 64])
        .numpy()
        .astype(np.uint8)
    )
    strings = [tf.io.encode_jpeg(frame, quality=90) for frame in smooth]
    for i, string in enumerate(strings):
        (tmp_path / f"{i // 8}_{i % 8}.jpg").write_bytes(string.numpy())
    inputs["encoded"] = np.stack([tf.io.decode_jpeg(string) for string in strings]).reshape(
        2, 8, 48, 64, 3
    )

    subprocess.run(
        [sys.executable, "-c", CONSUMER, str(exported)], check=True, cwd=tmp_path, timeout=900
    )

    results = np.load(tmp_path / "results.npz")
    two_stream = TwoStream(models["action"], models["boundary"], PREPARE)
    for name, frames in inputs.items():
        for key, expected in two_stream(tf.constant(frames)).items():
            expected = expected.numpy()
            assert results[f"{name}/{key}"].dtype == np.float32
            np.testing.assert_allclose(
                results[f"{name}/{key}"], expected, atol=1e-4 * np.abs(expected).max()
            )
        np.testing.assert_allclose(results[f"{name}/action"].sum(-1), 1, rtol=1e-5)
        assert results[f"{name}/features"].shape == (len(frames), 128)
    actions, boundaries, config = json.loads(str(results["texts"]))
    assert (tuple(actions.splitlines()), tuple(boundaries.splitlines())) == (ACTIONS, BOUNDARIES)
    config = json.loads(config)
    assert config["feature_dim"] == 128 and config["streams"] == {
        "action": [0, 64],
        "boundary": [64, 128],
    }
    assert config["num_frames"] == 8 and config["action"] == {"seed": 1}


def test_frames_that_would_take_gigabytes_are_refused(exported):
    """A long thin frame is small until its short side is enlarged."""
    signatures = tf.saved_model.load(str(exported)).signatures
    for name, value, size in (
        ("serving_default", np.zeros((1, 2, 30000, 1, 3), np.uint8), "30000 1"),
        ("encoded", [[jpeg_bomb(30000, 1)] * 2], "30000 1"),
        ("encoded", [[jpeg_bomb(13000, 13000)] * 2], "13000 13000"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=size):
            signatures[name](tf.constant(value))


@pytest.mark.parametrize("stream", ["action", pytest.param("boundary", marks=pytest.mark.thorough)])
def test_one_stream_alone_is_that_of_both(models, exported, stream, tmp_path):
    alone = {name: model if name == stream else None for name, model in models.items()}
    config = {stream: {"data": {"short_side": 40}}, "num_frames": 8}
    output = tmp_path / stream
    assert export_two_stream(
        alone["action"], alone["boundary"], ACTIONS, BOUNDARIES, config, output, PREPARE
    )
    assert not export_two_stream(
        alone["action"], alone["boundary"], ACTIONS, BOUNDARIES, config, output, PREPARE
    )
    model, both = load_snippet_model(output), load_snippet_model(exported)
    assert model.labels == {stream: both.labels[stream]} and model.short_side == 40
    assert model.config["streams"] == {stream: [0, 64]} and model.config["feature_dim"] == 64
    frames = np.random.default_rng(7).integers(0, 256, (2, 8, 40, 56, 3), dtype=np.uint8)
    answer, expected = model.run(frames), both.run(frames)
    assert set(answer) == {"features", stream}
    begin, end = both.config["streams"][stream]
    np.testing.assert_allclose(answer["features"], expected["features"][:, begin:end], rtol=1e-5)
    np.testing.assert_allclose(answer[stream], expected[stream], rtol=1e-5)


def test_no_stream_at_all(tmp_path):
    with pytest.raises(InputError, match="action_workdir.*boundary_workdir"):
        export_workdirs("", None, tmp_path / "out")


@pytest.mark.skipif(
    not hasattr(keras.layers, "TFSMLayer"), reason="Keras 2 has no layer for SavedModels"
)
def test_keras_reads_it_as_a_layer(models, exported):
    frames = np.random.default_rng(6).integers(0, 256, (1, 8, 40, 40, 3), dtype=np.uint8)
    layer = keras.layers.TFSMLayer(str(exported), call_endpoint="serving_default")
    expected = TwoStream(models["action"], models["boundary"], PREPARE)(tf.constant(frames))
    np.testing.assert_allclose(
        layer(frames)["features"], expected["features"], rtol=1e-3, atol=1e-4
    )


def test_nothing_but_the_model_is_left(exported):
    assert [path.name for path in exported.parent.iterdir()] == ["two_stream"]
    assert sorted(path.name for path in (exported / "assets").iterdir()) == [
        "action_labels.txt",
        "boundary_labels.txt",
        "config.json",
    ]


def test_label_list_of_another_run(models, tmp_path):
    with pytest.raises(InputError, match="action .* 3 .* 2"):
        export_two_stream(
            models["action"],
            models["boundary"],
            ACTIONS[:2],
            BOUNDARIES,
            {"num_frames": 8},
            tmp_path / "out",
            PREPARE,
        )


def write_workdir(
    folder: Path,
    task: str,
    labels: tuple[str, ...],
    seed: int = 0,
    model=None,
    boundary=None,
    actions: tuple[str, ...] = (),
    **data,
) -> Path:
    config = base.get_config()
    config.task, config.seed = task, seed
    config.boundary.update(boundary or {})
    config.model.update(model or {"depth": 10, "width": 0.125})
    config.data.update({"num_frames": 4, "short_side": 36, "crop_size": 32, **data})
    claim_workdir(folder, config, labels, actions)
    keras.utils.set_random_seed(seed)
    built = build_model(config, len(labels), num_actions=len(actions))
    if actions:
        built.action.bias.assign(tf.range(len(actions), dtype=tf.float32))
    tf.train.Checkpoint(model=model_state(built)).save(
        str(checkpoint_folder(folder, "best") / "checkpoint")
    )
    return folder


@pytest.fixture
def workdirs(tmp_path) -> tuple[Path, Path]:
    return (
        write_workdir(tmp_path / "action", "action", ACTIONS),
        write_workdir(tmp_path / "boundary", "boundary", BOUNDARIES),
    )


def test_workdirs_are_exported_once(workdirs, tmp_path):
    output = tmp_path / "two_stream"
    assert export_workdirs(*workdirs, output)
    stamp = (output / "saved_model.pb").stat().st_mtime_ns
    assert not export_workdirs(*workdirs, output)
    assert (output / "saved_model.pb").stat().st_mtime_ns == stamp
    outputs = tf.saved_model.load(str(output))(np.zeros((1, 4, 50, 40, 3), np.uint8))
    assert outputs["action"].shape == (1, 3)
    other = write_workdir(tmp_path / "other", "action", ACTIONS, seed=7)
    with pytest.raises(InputError, match="action.seed .*0.*7.*weights.action"):
        export_workdirs(other, workdirs[1], output)


def test_a_model_that_computes_in_bfloat16(workdirs, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (2, 4, 50, 40, 3), dtype=np.uint8)
    outputs = []
    for dtype in ("float32", "bfloat16"):
        assert export_workdirs(*workdirs, tmp_path / dtype, dtype)
        assert not export_workdirs(*workdirs, tmp_path / dtype, dtype)
        outputs.append(load_snippet_model(tmp_path / dtype).call(tf.constant(frames)))
    for name, expected in outputs[0].items():
        assert outputs[1][name].dtype == expected.dtype
        error = np.abs(outputs[1][name] - expected).max() / np.abs(expected).max()
        assert 0 < error < 0.05, name
    with pytest.raises(InputError, match="dtype was 'bfloat16', is now 'float32'"):
        export_workdirs(*workdirs, tmp_path / "bfloat16")


@pytest.mark.thorough
def test_streams_of_different_backbones(workdirs, tmp_path):
    folder, fields = tmp_path / "mobilenet", {"backbone": "mobilenet_v2", "width": 0.25}
    mobilenet = write_workdir(folder, "action", ACTIONS, model=fields)
    assert export_workdirs(mobilenet, workdirs[1], tmp_path / "two_stream")
    loaded = tf.saved_model.load(str(tmp_path / "two_stream"))
    frames = np.random.default_rng(0).integers(0, 256, (1, 4, 50, 40, 3), dtype=np.uint8)
    outputs = loaded.signatures["serving_default"](tf.constant(frames))
    model, _, _ = load_trained_model(mobilenet)
    expected = model(evaluation_input(tf.constant(frames), 36, 32))
    np.testing.assert_allclose(
        outputs["features"][:, : model.feature_dim], expected["features"], atol=1e-3
    )
    np.testing.assert_allclose(outputs["action_logits"], expected["logits"], atol=1e-3)
    assert outputs["features"].shape == (1, 1280 + 64)


@pytest.mark.thorough
def test_a_stream_that_places_boundaries_says_where(workdirs, tmp_path):
    placing = write_workdir(
        tmp_path / "placing", "boundary", BOUNDARIES, boundary={"place": "frames"}
    )
    assert export_workdirs(workdirs[0], placing, tmp_path / "two_stream")
    loaded = load_snippet_model(tmp_path / "two_stream")
    frames = np.random.default_rng(0).integers(0, 256, (2, 4, 50, 40, 3), np.uint8)
    place = loaded.run(frames)["place"]
    model, _, _ = load_trained_model(placing)
    expected = tf.sigmoid(model(evaluation_input(tf.constant(frames), 36, 32))["place"])
    assert place.shape == (2, 4) and place.dtype == np.float32
    np.testing.assert_allclose(place, expected, atol=1e-4)

    assert export_workdirs(*workdirs, tmp_path / "plain")
    plain = load_snippet_model(tmp_path / "plain").run(frames)
    assert plain.keys() == {"features", "action", "boundary"}


@pytest.mark.thorough
def test_one_encoder_with_two_heads_names_actions_and_boundaries(workdirs, tmp_path):
    names = ("run", "swim")
    two_heads = write_workdir(
        tmp_path / "heads", "boundary", BOUNDARIES, boundary={"class_weight": 1.0}, actions=names
    )
    assert export_workdirs(None, two_heads, tmp_path / "alone")
    assert not export_workdirs(None, two_heads, tmp_path / "alone")
    alone = load_snippet_model(tmp_path / "alone")
    assert alone.labels == {"action": list(names), "boundary": list(BOUNDARIES)}
    assert alone.config["streams"] == {"boundary": [0, 64]}
    frames = np.random.default_rng(0).integers(0, 256, (2, 4, 50, 40, 3), np.uint8)
    answer = alone.run(frames)
    model, _, _ = load_trained_model(two_heads)
    expected = model(evaluation_input(tf.constant(frames), 36, 32))
    assert answer.keys() == {"features", "action", "boundary"}
    np.testing.assert_allclose(answer["action"], tf.nn.softmax(expected["action"]), atol=1e-5)
    np.testing.assert_allclose(answer["boundary"], tf.nn.softmax(expected["logits"]), atol=1e-5)
    # An action stream of its own knows better.
    assert export_workdirs(workdirs[0], two_heads, tmp_path / "both")
    both = load_snippet_model(tmp_path / "both")
    assert both.labels["action"] == list(ACTIONS)
    assert both.run(frames)["action"].shape == (2, len(ACTIONS))


def test_workdirs_that_saw_different_pixels(workdirs, tmp_path):
    other = write_workdir(tmp_path / "other", "boundary", BOUNDARIES, crop_size=28, num_frames=8)
    with pytest.raises(InputError, match="data.num_frames.* 4 .*8.*data.crop_size.* 32 .*28"):
        export_workdirs(workdirs[0], other, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_workdirs_in_the_wrong_order(workdirs, tmp_path):
    with pytest.raises(InputError, match="--action_workdir=.*task=boundary"):
        export_workdirs(workdirs[1], workdirs[0], tmp_path / "out")


def test_a_full_disk_is_named_and_nothing_is_left(workdirs, tmp_path):
    with refused_on_a_full_disk(tmp_path / "out" / "model", most_bytes=20_000):
        export_workdirs(*workdirs, tmp_path / "out" / "model")
    assert list((tmp_path / "out").iterdir()) == []


def test_output_that_is_no_model(models, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="--output="):
        export_two_stream(
            models["action"],
            models["boundary"],
            ACTIONS,
            BOUNDARIES,
            {"num_frames": 8},
            tmp_path,
            PREPARE,
        )
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.thorough
def test_failed_self_check_leaves_nothing(models, tmp_path):
    calls = iter(range(1000))

    def unsteady(frames):  # every trace gives other numbers
        return PREPARE(frames) + float(next(calls))

    with pytest.raises(RuntimeError, match="features|action|boundary"):
        export_two_stream(
            models["action"],
            models["boundary"],
            ACTIONS,
            BOUNDARIES,
            {"num_frames": 8},
            tmp_path / "out",
            unsteady,
        )
    assert not list(tmp_path.iterdir())


def test_command_reports_a_missing_workdir_in_one_line(tmp_path):
    run = warm_python.run(
        "-m",
        "bsp_tf.export",
        f"--action_workdir={tmp_path / 'none'}",
        f"--boundary_workdir={tmp_path}",
        f"--output={tmp_path / 'out'}",
    )
    assert run.returncode == 2
    errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "none" in errors[0] and "Traceback" not in run.stderr


def test_an_export_that_another_run_writes_is_refused(models, tmp_path):
    config = {"action": {}, "boundary": {}, "num_frames": 8}
    with lock_place(tmp_path / "out"):
        with pytest.raises(InputError, match=f"process {os.getpid()}.*{tmp_path / 'out'}"):
            export_two_stream(
                models["action"],
                models["boundary"],
                ACTIONS,
                BOUNDARIES,
                config,
                tmp_path / "out",
                PREPARE,
            )
    assert not list(tmp_path.iterdir())


STREAM_CONSUMER = """
import sys
import numpy as np, tensorflow as tf
stream = tf.saved_model.load(sys.argv[1]).signatures["stream"]
frames = np.load("frames.npy")
_, inputs = stream.structured_input_signature
state = {name: tf.zeros([len(frames), *spec.shape[1:]])
         for name, spec in inputs.items() if name.startswith("state_")}
steps = []
for t in range(frames.shape[1]):
    outputs = stream(frames=tf.constant(frames[:, t]), **state)
    state = {name: outputs[name] for name in state}
    steps.append({name: outputs[name].numpy() for name in outputs if name not in state})
assert not [name for name in sys.modules if name.split(".")[0] == "bsp_tf"], "bsp_tf was imported"
np.savez("steps.npz", **{name: np.stack([step[name] for step in steps], 1) for name in steps[0]})
"""


@pytest.mark.thorough
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.1)])
def test_live_streams_in_a_separate_process(tmp_path, dtype, tolerance):
    keras.utils.set_random_seed(1)
    models = {
        "action": TSM(3, backbone="mobilenet_v2", width=0.35, shift="past"),
        "boundary": TSM(4, depth=10, width=0.125, input="rgb_diff", place="frames", shift="past"),
    }
    for model in models.values():
        model.build()
        for number, variable in enumerate(model.trainable_variables):
            noise = tf.random.stateless_normal(variable.shape, [number, 0], stddev=0.1)
            variable.assign(tf.convert_to_tensor(variable) + noise)
    config = {"action": {}, "boundary": {}, "num_frames": 8}
    export_two_stream(
        *models.values(), ACTIONS, BOUNDARIES, config, tmp_path / "model", PREPARE, dtype
    )
    frames = np.random.default_rng(5).integers(0, 256, (2, 8, 48, 56, 3), dtype=np.uint8)
    np.save(tmp_path / "frames.npy", frames)
    subprocess.run(
        [sys.executable, "-c", STREAM_CONSUMER, "model"], check=True, cwd=tmp_path, timeout=900
    )
    steps = np.load(tmp_path / "steps.npz")

    def check(found, expected):
        expected = np.asarray(expected)
        np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())

    pooled = {
        name: model.stage_outputs(PREPARE(frames))["pooled"] for name, model in models.items()
    }
    check(steps["features"], tf.concat(list(pooled.values()), axis=-1))
    for name, model in models.items():
        check(steps[f"{name}_logits"], model.fc(pooled[name]))
        check(steps[name], tf.nn.softmax(model.fc(pooled[name])))
    snippet = load_snippet_model(tmp_path / "model").call(tf.constant(frames))
    for name in ("features", "action_logits", "boundary_logits"):
        check(steps[name].mean(1), snippet[name])
    check(steps["place"], snippet["place"])


def test_a_model_that_looks_ahead_has_no_stream(exported):
    assert load_snippet_model(exported).stream is None
