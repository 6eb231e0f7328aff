"""Training G-TAD on a few made-up videos: resuming, refusing, leaving out, stopping, replicas."""

import json
import os
import shutil
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.annotations.mended import load_annotations
from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.base.servers.local_copy import local_copies
from bsp_tf.detect import detect
from bsp_tf.features.sources import open_features
from bsp_tf.features.store import FeatureStore, resize_features
from bsp_tf.localization import training
from bsp_tf.localization.heads.head import find_head
from bsp_tf.localization.learner import Learner
from bsp_tf.localization.settings import resolve_config
from bsp_tf.localization.training_data import load_localization_data
from bsp_tf.localization.workdir import load_trained
from bsp_tf.runs.preemption import PreemptedError
from bsp_tf.runs.progress import TrainingDivergedError
from bsp_tf.runs.strategy import strategy_for
from bsp_tf.train_head import train_head
from configs import gtad_anet, gtad_thumos, sample_gtad
from tests.fixtures import warm_python
from tests.fixtures.full_disk import refused_on_a_full_disk
from tests.fixtures.stop_at_step import StopAtStep

SMALL = {
    "num_segments": 12,
    "max_duration": 10,
    "base_width": 16,
    "branch_width": 8,
    "map_widths": (12, 8),
    "groups": 4,
    "inner_bins": 4,
    "context_bins": 2,
    "batch_size": 3,
    "epochs": 3,
    "lr_drop_every": 2,
}


def write_world(folder, num_train=4, num_validation=3, duration=16.0, fps=25.0):
    """Features whose second channel is up inside the action, and their annotations."""
    rng = np.random.default_rng(0)
    num_snippets = int(duration * fps) // 8
    times = (np.arange(num_snippets) + 0.5) * 8 / fps
    metadata = {
        "window": 8,
        "frame_step": 1,
        "stride": 8,
        "feature_dim": 12,
        "streams": {"action": [0, 8], "boundary": [8, 12]},
        "videos": {},
    }
    database = {}
    (folder / "features").mkdir(parents=True)
    for i in range(num_train + num_validation):
        start = rng.uniform(1, 7)
        end = start + rng.uniform(3, 8)
        features = rng.standard_normal((num_snippets, 12)).astype(np.float32)
        features[:, 1] += 3 * ((times > start) & (times < end))
        np.save(folder / f"features/v{i}.npy", features)
        metadata["videos"][f"v{i}"] = {
            "fps": fps,
            "num_frames": int(duration * fps),
            "duration_seconds": duration,
            "num_snippets": num_snippets,
            "partial": False,
        }
        database[f"v{i}"] = {
            "subset": "training" if i < num_train else "validation",
            "duration": duration,
            "annotations": [{"segment": [start, end], "label": "run"}],
        }
    (folder / "features/metadata.json").write_text(json.dumps(metadata))
    (folder / "annotations.json").write_text(json.dumps({"database": database}))


def small_config(folder, **changes):
    config = sample_gtad.get_config()
    config.update(
        SMALL
        | {
            "features_dir": str(folder / "features"),
            "annotations": str(folder / "annotations.json"),
        }
        | changes
    )
    return config


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    return folder


@pytest.fixture(scope="module")
def finished(world):
    tf.config.run_functions_eagerly(True)
    summary = train_head(small_config(world), str(world / "run"))
    tf.config.run_functions_eagerly(False)
    return world / "run", summary


def rows(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def weights(workdir, which):
    return [value.numpy() for value in load_trained(workdir, which).model.trainable_variables]


def load_data(config):
    return load_localization_data(
        open_features(config),
        load_annotations(config.annotations),
        ["run"],
        find_head(config.head),
        config,
    )


def test_a_finished_run(finished):
    workdir, summary = finished
    (features,) = json.loads((workdir / "features.json").read_text())["sources"]
    assert features["stride"] == 8 and "videos" not in features
    assert (
        summary["num_train_videos"] == 4
        and summary["num_validation_videos"] == 3
        and not summary["left_out"]
    )
    metrics = rows(workdir)
    assert [row["epoch"] for row in metrics] == [1, 2, 3] and [row["step"] for row in metrics] == [
        2,
        4,
        6,
    ]
    np.testing.assert_allclose(
        [row["learning_rate"] for row in metrics], [4e-3, 4e-3, 4e-4], rtol=1e-6
    )
    assert metrics[-1]["train_loss"] < metrics[0]["train_loss"]
    losses = [row["validation_loss"] for row in metrics]
    assert summary["best_epoch"] == 1 + int(np.argmin(losses))
    assert summary["best_validation_loss"] == pytest.approx(min(losses))


def test_the_model_comes_back_with_its_config(finished, world):
    trained = load_trained(finished[0])
    config = trained.config
    assert trained.class_names == ("run",)
    assert (
        config.streams == ("action", "boundary")
        and config.feature_dim == 12
        and config.num_segments == 12
    )
    features = resize_features(
        FeatureStore(config.features_dir).load("v0", config.streams), config.num_segments
    )
    outputs = trained.outputs(features[None], np.ones((1, 12), np.float32))
    assert outputs["map"].shape == (1, 2, 10, 12) and np.isfinite(outputs["start"]).all()


@pytest.mark.thorough
def test_a_full_disk_is_named_and_the_run_goes_on_from_there(finished, world, tmp_path):
    tf.config.run_functions_eagerly(True)
    with refused_on_a_full_disk(tmp_path / "run", most_bytes=20_000):
        train_head(small_config(world), str(tmp_path / "run"))
    assert train_head(small_config(world), str(tmp_path / "run")) == finished[1]
    tf.config.run_functions_eagerly(False)


def test_a_finished_run_is_not_done_again(finished, world, capsys, monkeypatch):
    monkeypatch.setattr(training, "Run", None)
    assert train_head(small_config(world), str(finished[0])) == finished[1]
    assert "already done" in capsys.readouterr().out


@pytest.mark.thorough
def test_a_resumed_run_ends_with_the_same_weights(eagerly, finished, world, tmp_path, monkeypatch):
    """Cut in the second epoch, then in the third after its row was written."""
    workdir = tmp_path / "run"
    epoch, save = training.Run._run_epoch, training.Run._save

    def cut_in_second(self, train, validation, about, progress):
        result = epoch(self, train, validation, about, progress)
        if about["epoch"] == 2:
            raise KeyboardInterrupt
        return result

    def cut_before_last_checkpoint(self):
        if self.epoch == 3:
            raise KeyboardInterrupt
        save(self)

    with monkeypatch.context() as patch:
        patch.setattr(training.Run, "_run_epoch", cut_in_second)
        with pytest.raises(KeyboardInterrupt):
            train_head(small_config(world), str(workdir))
    assert len(rows(workdir)) == 1
    with monkeypatch.context() as patch:
        patch.setattr(training.Run, "_save", cut_before_last_checkpoint)
        with pytest.raises(KeyboardInterrupt):
            train_head(small_config(world), str(workdir))
    assert len(rows(workdir)) == 3
    assert train_head(small_config(world), str(workdir)) == finished[1]
    assert_same_run(workdir, finished[0])


@pytest.mark.thorough
def test_a_run_that_is_stopped_twice_ends_with_the_same_weights(eagerly, finished, world, tmp_path):
    """An epoch is two steps and a batch of validation: stopped in the one, then in the other."""
    for looks in (0, 1):
        with pytest.raises(PreemptedError, match=str(tmp_path)):
            training.train(small_config(world), tmp_path, stop=StopAtStep(looks))
    assert training.train(small_config(world), tmp_path) == finished[1]
    assert_same_run(tmp_path, finished[0])
    assert list((tmp_path / "tensorboard/train").iterdir())


def test_a_run_in_a_bucket_is_that_of_local_folders(
    eagerly, finished, world, tmp_path, monkeypatch, capsys
):
    fsspec = pytest.importorskip("fsspec", reason="NOT TESTED: fsspec is not installed")
    place = f"memory://{tmp_path.name}"
    memory = fsspec.filesystem("memory")
    for file in ("annotations.json", *map(str, (world / "features").iterdir())):
        memory.pipe_file(
            f"{place}/{(world / file).relative_to(world)}", (world / file).read_bytes()
        )
    config = small_config(
        world, features_dir=f"{place}/features", annotations=f"{place}/annotations.json"
    )
    for number, looks in enumerate((0, 1, None)):
        # As another machine would, which has nothing in its cache.
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / str(number)))
        if looks is not None:
            with pytest.raises(PreemptedError, match=f"saved in {place}/run"):
                training.train(config, f"{place}/run", stop=StopAtStep(looks))
            continue
        capsys.readouterr()
        assert training.train(config, f"{place}/run") == finished[1]
        assert f"continuing from {place}/run/checkpoints/last/ckpt-" in capsys.readouterr().out
    with local_copies(f"{place}/run") as copies:
        assert_same_run(Path(copies.names[0]), finished[0])
        about = json.loads((Path(copies.names[0]) / "config.json").read_text())
        assert about["features_dir"] == f"{place}/features"
    monkeypatch.setattr(training, "Run", None)
    assert training.train(config, f"{place}/run") == finished[1]
    assert f"{place}/run: already done" in capsys.readouterr().out
    config.batch_size = 4
    with pytest.raises(InputError, match=f"^{place}/run was made.*batch_size was 3, is now 4"):
        training.train(config, f"{place}/run")
    for changes, words in (
        ({"features_dir": "https://host/features"}, "https://host/features: .*lists no folders"),
        ({"features_dir": f"{place}/absent"}, f"{place}/absent"),
    ):
        with pytest.raises(InputError, match=words):
            train_head(small_config(world, **changes), f"{place}/other")
    with pytest.raises(InputError, match="--workdir=https://host/run: .*takes no files"):
        train_head(small_config(world), "https://host/run")


def test_a_damaged_checkpoint_is_passed_over(eagerly, finished, world, tmp_path, capsys):
    workdir = shutil.copytree(finished[0], tmp_path / "run")
    (workdir / "summary.json").unlink()
    newest = tf.train.latest_checkpoint(str(workdir / "checkpoints" / "last"))
    data = next(workdir.glob(f"checkpoints/last/{os.path.basename(newest)}.data*"))
    data.write_bytes(data.read_bytes()[:100])
    assert train_head(small_config(world), str(workdir)) == finished[1]
    assert newest in capsys.readouterr().err
    assert_same_run(workdir, finished[0])


def assert_same_run(workdir, other):
    for which in ("last", "best"):
        for found, expected in zip(weights(workdir, which), weights(other, which), strict=True):
            np.testing.assert_array_equal(found, expected)
    timeless = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in rows(w)]
        for w in (workdir, other)
    ]
    assert timeless[0] == timeless[1]


def test_another_config_or_other_data_are_refused(finished, world, tmp_path):
    with pytest.raises(InputError, match=r"batch_size was 3, is now 4.*epochs"):
        train_head(small_config(world, batch_size=4, epochs=5), str(finished[0]))
    with pytest.raises(InputError, match="feature_dim.*streams"):
        train_head(small_config(world, streams="action"), str(finished[0]))
    database = json.loads((world / "annotations.json").read_text())
    original = json.dumps(database)
    database["database"]["v0"]["annotations"][0]["segment"][0] += 0.5
    (world / "annotations.json").write_text(json.dumps(database))
    with pytest.raises(InputError, match="data_digest"):
        train_head(small_config(world), str(finished[0]))
    (world / "annotations.json").write_text(original)


def test_unusable_videos_are_left_out_and_listed(eagerly, world, tmp_path, capsys):
    for path in (world / "features").iterdir():
        (tmp_path / "features").mkdir(exist_ok=True)
        (tmp_path / "features" / path.name).write_bytes(path.read_bytes())
    np.save(tmp_path / "features/v1.npy", np.full((50, 12), np.nan, np.float32))
    np.save(tmp_path / "features/v2.npy", np.zeros((50, 11), np.float32))
    database = json.loads((world / "annotations.json").read_text())["database"]
    database["nowhere"] = database["v0"] | {"annotations": [{"segment": [1, 99], "label": "run"}]}
    database["background"] = database.pop("v3") | {"annotations": []}
    (tmp_path / "features/v3.npy").rename(tmp_path / "features/v_background.npy")
    metadata = json.loads((tmp_path / "features/metadata.json").read_text())
    metadata["videos"]["v_background"] = metadata["videos"].pop("v3")
    (tmp_path / "features/metadata.json").write_text(json.dumps(metadata))
    (tmp_path / "annotations.json").write_text(json.dumps({"database": database}))
    summary = train_head(small_config(tmp_path, epochs=1), str(tmp_path / "run"))
    assert summary["num_train_videos"] == 2
    assert set(summary["left_out"]) == {"v1", "v2", "nowhere"}
    assert "NaN" in summary["left_out"]["v1"] and "v2.npy" in summary["left_out"]["v2"]
    output = capsys.readouterr().out
    assert (
        "3 videos left out: 1 NaN or infinity (v1), 1 wrong shape (v2), 1 no features (nowhere); "
        "the first" in output
    )
    assert "1 annotated segments cut to the video's duration (nowhere)" in output


def test_one_stream_only(world):
    config = resolve_config(small_config(world, streams="boundary"))
    features = load_data(config).batch(np.arange(7)).features
    assert config.streams == ("boundary",) and features.shape == (7, 12, 4)


def test_a_loss_that_is_no_number_stops_the_run(eagerly, world, tmp_path):
    with pytest.raises(TrainingDivergedError, match="config.learning_rate"):
        train_head(small_config(world, learning_rate=1e30, epochs=30), str(tmp_path))
    assert not (tmp_path / "summary.json").exists()


def test_missing_inputs_are_named(world, tmp_path):
    for changes, message in [
        ({"features_dir": str(tmp_path / "none")}, "none"),
        ({"annotations": str(tmp_path / "no.json")}, "no.json"),
        ({"features_dir": ""}, "config.features_dir"),
        ({"train_subset": "train"}, "'train'"),
        ({"head": "none"}, "config.head.*gtad"),
        ({"streams": "audio"}, "no stream audio"),
        ({"streams": " , "}, "config.streams"),
        ({"batch_size": 0}, "config.batch_size.*0"),
        ({"max_duration": 13}, "config.max_duration = 13.*config.num_segments = 12"),
        ({"branch_width": 10}, "config.groups"),
        ({"stem_groups": 5}, "stem_groups"),
        ({"groups": 0}, "config.groups.*0"),
        ({"base_width": 0}, "config.base_width.*0"),
        ({"map_widths": (8,)}, "config.map_widths"),
        ({"seed": -1}, "config.seed.*-1"),
        ({"weight_decay": float("nan")}, "config.weight_decay.*nan"),
        ({"clip_norm": -1.0}, "config.clip_norm.*-1"),
        ({"loss": "bmn"}, "config.loss.*activitynet, thumos.*'bmn'"),
        ({"map_kernel": 2}, "map_kernel.*2"),
        ({"learning_rate": float("nan")}, "config.learning_rate.*nan"),
    ]:
        with pytest.raises(InputError, match=message):
            train_head(small_config(world, **changes), str(tmp_path / "run"))
    with pytest.raises(InputError, match="config.json"):
        load_trained(tmp_path)
    (tmp_path / "config.json").write_text('{"task": "action"}')
    with pytest.raises(InputError, match="config.json.*'num_segments'"):
        load_trained(tmp_path)


def test_a_damaged_checkpoint_is_named(finished, tmp_path):
    workdir = shutil.copytree(finished[0], tmp_path / "run")
    data = next((workdir / "checkpoints" / "best").glob("*.data*"))
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(InputError, match=f"{workdir}/checkpoints/best/"):
        load_trained(workdir)
    shutil.rmtree(workdir / "checkpoints" / "best")
    with pytest.raises(InputError, match=f"{workdir}.*best"):
        load_trained(workdir)


def test_published_setting():
    config = gtad_anet.get_config()
    config.features_dir = config.annotations = "x"
    config = resolve_config(config)
    assert (config.num_segments, config.learning_rate, config.weight_decay) == (100, 4e-3, 1e-4)
    assert (config.batch_size, config.epochs, config.lr_drop_every, config.seed) == (16, 10, 5, 0)
    assert (config.loss, config.clip_norm, config.map_kernel) == ("activitynet", 0, 1)


def test_published_setting_of_thumos():
    config = gtad_thumos.get_config()
    config.features_dir = config.annotations = "x"
    config = resolve_config(config)
    assert (config.num_segments, config.max_duration, config.inner_bins, config.context_bins) == (
        256,
        64,
        16,
        16,
    )
    assert (config.learning_rate, config.batch_size, config.loss, config.clip_norm) == (
        4e-5,
        8,
        "thumos",
        1,
    )


@pytest.mark.parametrize("changes", [{}, {"clip_norm": 0.01, "loss": "thumos"}])
def test_the_first_step_is_that_of_torch_adam(eagerly, world, tmp_path, changes):
    """The first step after clip and decay is lr * sign(g) wherever |g| is far above epsilon."""
    config = resolve_config(small_config(world, weight_decay=0.1, **changes))
    batch = load_data(config).batch(np.arange(3))
    run = Learner(find_head("gtad"), config, batch, 1, strategy_for("one_device"))
    before = [v.numpy() for v in run.model.trainable_variables]
    with tf.GradientTape() as tape:
        loss = run.loss(batch, tf.constant(1, tf.int64))["total"]
    gradients = tape.gradient(loss, run.model.trainable_variables)
    norm = np.sqrt(sum((gradient.numpy().astype(float) ** 2).sum() for gradient in gradients))
    factor = min(1, config.clip_norm / norm) if config.clip_norm else 1
    run.train_step(batch, tf.constant(1, tf.int64))
    for old, gradient, new in zip(before, gradients, run.model.trainable_variables, strict=True):
        coupled = factor * gradient.numpy() + 0.1 * old
        clear = np.abs(coupled) > 1e-4
        np.testing.assert_allclose(
            (old - new.numpy())[clear], 4e-3 * np.sign(coupled)[clear], rtol=1e-2, atol=1e-6
        )


def command(world, run, *flags):
    return [
        "-m",
        "bsp_tf.train_head",
        "--config=configs/sample_gtad.py",
        f"--workdir={world / run}",
        f"--config.features_dir={world}/features",
        f"--config.annotations={world}/annotations.json",
        "--config.num_segments=12",
        "--config.max_duration=10",
        "--config.base_width=16",
        "--config.branch_width=8",
        "--config.map_widths=(12, 8)",
        "--config.inner_bins=4",
        *flags,
    ]


def start_and_see_it_train(world, run):
    """The command with far too many epochs, an epoch after it was started."""
    path = world / run / "metrics.jsonl"
    before = len(path.read_text()) if path.exists() else 0
    process = warm_python.Process(*command(world, run, "--config.epochs=400"))
    process.wait_until(lambda: path.exists() and len(path.read_text()) > before)
    return process


def test_a_run_that_was_killed_and_stopped_ends_as_an_undisturbed_one(world):
    """Killed wherever it is, then asked to stop wherever it is: status 75, and nothing is lost."""
    workdir = world / "disturbed"
    process = start_and_see_it_train(world, "disturbed")
    process.wait_until((workdir / "checkpoints/last/checkpoint").exists)
    process.kill()
    assert process.wait() == -signal.SIGKILL, process.errors

    process = start_and_see_it_train(world, "disturbed")
    process.terminate()
    output, errors = process.communicate()
    assert process.returncode == 75 and "continuing from" in output, errors
    assert str(workdir) in errors.strip().splitlines()[-1]
    epochs = len(rows(workdir))
    assert 1 < epochs < 400

    # Only the length of the run is changed, to spare the test the rest of it.
    config = json.loads((workdir / "config.json").read_text())
    (workdir / "config.json").write_text(json.dumps(config | {"epochs": epochs + 1}))
    for run in ("disturbed", "undisturbed"):
        done = warm_python.run(*command(world, run, f"--config.epochs={epochs + 1}"))
        assert done.returncode == 0, done.stderr[-2000:]
        assert "best validation loss" in done.stdout
        assert ("continuing from" in done.stdout) == (run == "disturbed")
    assert [row["epoch"] for row in rows(workdir)] == list(range(1, epochs + 2))
    assert_same_run(workdir, world / "undisturbed")


REPLICAS = """
import json, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from bsp_tf.localization.training import train
from bsp_tf.runs.strategy import strategy_for
from configs.sample_gtad import get_config
assert strategy_for("mirrored").num_replicas_in_sync == 2
for name in ("one_device", "mirrored"):
    config = get_config()
    config.update(json.loads(sys.argv[1]))
    tf.config.run_functions_eagerly(name == "one_device")
    train(config, f"{sys.argv[2]}/{name}", strategy_for(name))
"""


@pytest.mark.thorough
def test_two_replicas_equal_one_device(world, tmp_path):
    """Batches of 3 and 1 over two replicas: shares of 1 and 2, and of none and 1."""
    fields = {name: value for name, value in SMALL.items() if name != "map_widths"} | {
        "features_dir": str(world / "features"),
        "annotations": str(world / "annotations.json"),
        "map_kernel": 3,
        "loss": "thumos",
        "clip_norm": 0.01,
        "epochs": 1,
    }
    warm_python.run("-c", REPLICAS, json.dumps(fields), tmp_path).check_returncode()
    one, two = tmp_path / "one_device", tmp_path / "mirrored"
    assert rows(one)[0].keys() == rows(two)[0].keys()
    for name, value in rows(one)[0].items():
        if name != "seconds":
            assert rows(two)[0][name] == pytest.approx(value, abs=1e-5, rel=1e-5), name
    for found, expected in zip(weights(two, "last"), weights(one, "last"), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_command_says_what_is_wrong_in_one_line(world):
    done = warm_python.run(*command(world, "never", "--config.annotations=nowhere.json"))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "nowhere.json" in done.stderr.strip().splitlines()[-1]


def test_a_file_in_place_of_the_workdir_is_named_first(world, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=f"--workdir={tmp_path}/file is a file"):
        train_head(small_config(world, annotations="nowhere.json"), str(tmp_path / "file"))


@pytest.mark.thorough
def test_windows_of_other_peoples_features_from_training_to_detections(eagerly, tmp_path):
    """Two HDF5 sources, one row for each frame, every fifth taken; THUMOS14's tables."""
    rng = np.random.default_rng(0)
    names = {"validation": "video_validation_1", "test": "video_test_1"}
    with h5py.File(tmp_path / "rgb.h5", "w") as rgb, h5py.File(tmp_path / "flow.h5", "w") as flow:
        for name in names.values():
            rgb[name], flow[name] = rng.standard_normal((2, 200, 4)).astype(np.float32)
    head = "video,type,type_idx,start,end,startFrame,endFrame\n"
    for subset, name in names.items():
        (tmp_path / f"{subset}.csv").write_text(
            head + f"{name},Diving,26,1.0,2.0,25,50\n{name},Diving,26,3,6,75,150\n"
        )
    config = small_config(
        tmp_path,
        features_dir=f"{tmp_path}/rgb.h5,{tmp_path}/flow.h5",
        feature_layout="snippets",
        feature_stride=(1,),
        feature_window=(1,),
        feature_every=(5,),
        windows=True,
        train_subset="validation",
        validation_subset="test",
        annotations=f"{tmp_path}/validation.csv,{tmp_path}/test.csv",
        loss="thumos",
        clip_norm=1.0,
        map_kernel=3,
        epochs=1,
    )
    with pytest.raises(InputError, match="config.windows.*feature_layout"):
        resolve_config(ConfigDict(config.to_dict() | {"feature_layout": "whole"}))
    run = str(tmp_path / "run")
    summary = train_head(config, run)
    assert summary["num_train_videos"] == summary["num_validation_videos"] == 1
    result = detect(
        run, config.features_dir, config.annotations, "test", str(tmp_path / "found.json")
    )
    assert result["videos"] == 1 and result["detections"] > 0 and not result["left_out"]
    found = json.loads((tmp_path / "found.json").read_text())["results"]["video_test_1"]
    assert all(0 <= row["segment"][0] < row["segment"][1] <= 8 for row in found)


def test_a_folder_that_another_run_writes_is_refused(world, tmp_path):
    with lock_folder(tmp_path / "out"):
        with pytest.raises(InputError, match=f"process {os.getpid()}.*{tmp_path / 'out'}"):
            train_head(small_config(world), str(tmp_path / "out"))
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
