"""Extraction with a SavedModel whose numbers are known; real files, whole, broken, killed."""

import csv
import json
import os
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.extract import extract
from bsp_tf.features.store import FeatureStore
from bsp_tf.features.video_ids import name_videos
from bsp_tf.video.reader import probe_video, read_frames
from tests.fixtures import warm_python
from tests.fixtures.mean_model import save_mean_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_mean_model(tmp_path_factory.mktemp("model") / "two_stream")


@pytest.fixture(scope="module")
def videos(make_video, tmp_path_factory):
    """Three good videos of two sizes, one cut in the middle, and two files that are no video."""
    root = tmp_path_factory.mktemp("input") / "videos"
    make_video(root / "long.mp4", num_frames=83, seed=1)
    make_video(root / "a" / "short.mp4", num_frames=5, height=40, width=80, seed=2)
    make_video(root / "exact.avi", num_frames=16, seed=3, codec="mpeg4", fps=30)
    whole = make_video(root / "whole.mkv", num_frames=120, height=96, width=128)
    (root / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    whole.unlink()
    (root / "text.mp4").write_text("ffconcat version 1.0\nfile long.mp4\n")
    (root / "empty.mp4").touch()
    return root


def failures_of(folder):
    with open(folder / "failures.csv", newline="") as file:
        return {Path(path).name: reason for path, reason in list(csv.reader(file))[1:]}


def test_features_metadata_and_failures(model, videos, tmp_path):
    num_videos, failures = extract(model, videos, tmp_path, batch_size=3)
    assert num_videos == 3 and len(failures) == 3
    store = FeatureStore(tmp_path)
    assert store.video_ids == ["exact", "long", "short"]
    assert store.metadata["window"] == 8 and store.metadata["streams"] == {
        "action": [0, 1],
        "boundary": [1, 2],
    }
    assert store.metadata["action_labels"] == ["jump", "run", "wavé"]
    long, short, exact = (store.metadata["videos"][name] for name in ("long", "short", "exact"))
    assert (long["num_frames"], long["num_snippets"], long["last_snippet_padded"]) == (83, 11, True)
    assert (short["num_frames"], short["num_snippets"], short["last_snippet_padded"]) == (
        5,
        1,
        True,
    )
    assert (exact["num_frames"], exact["num_snippets"], exact["last_snippet_padded"]) == (
        16,
        2,
        False,
    )
    assert (
        exact["fps"] == 30.0
        and exact["duration_seconds"] == pytest.approx(16 / 30)
        and not exact["partial"]
    )
    frames = np.stack(list(read_frames(videos / "long.mp4"))).astype(np.float64)
    means = frames.mean((1, 2, 3))
    first = np.arange(11) * 8
    features = store.load("long")
    np.testing.assert_allclose(features[:, 0], means[first], rtol=1e-4)
    np.testing.assert_allclose(features[:, 1], means[np.minimum(first + 7, 82)], rtol=1e-4)
    probabilities = store.load_probabilities("long")
    np.testing.assert_allclose(probabilities["place"][3], means[24:32], rtol=1e-4)
    assert probabilities["action"].shape == (11, 3) and probabilities["boundary"].shape == (11, 4)
    change = np.abs(np.diff(frames, axis=0)).mean((1, 2, 3))
    np.testing.assert_allclose(
        probabilities["pixel_change"], [change[i : i + 7].max() for i in first], rtol=1e-3
    )
    reasons = failures_of(tmp_path)
    assert sorted(reasons) == ["cut.mkv", "empty.mp4", "text.mp4"]
    assert "playlist" in reasons["text.mp4"]
    assert "damaged" in reasons["cut.mkv"] and "empty" in reasons["empty.mp4"]


def test_allow_partial(model, videos, tmp_path):
    extract(model, videos, tmp_path)
    num_videos, failures = extract(model, videos, tmp_path, allow_partial=True)
    assert num_videos == 4 and len(failures) == 2
    about = FeatureStore(tmp_path).metadata["videos"]["cut"]
    assert about["partial"] and 8 < about["num_frames"] < 120
    assert len(FeatureStore(tmp_path).load("cut")) == about["num_snippets"]
    # Remembered: without the flag the part would pass as the whole.
    with pytest.raises(InputError, match="'cut'.*--allow_partial"):
        extract(model, videos, tmp_path)
    assert extract(model, videos, tmp_path, allow_partial=True)[0] == 4


def test_a_folder_that_another_run_writes_is_refused(model, videos, tmp_path):
    with lock_folder(tmp_path / "out"):
        with pytest.raises(InputError, match=f"process {os.getpid()}.*{tmp_path / 'out'}"):
            extract(model, videos, tmp_path / "out")
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]


def test_frame_step_stride_and_short_side(model, videos, tmp_path):
    extract(model, videos / "long.mp4", tmp_path, frame_step=2, stride=16, short_side=24)
    store = FeatureStore(tmp_path)
    means = (
        np.stack(list(read_frames(videos / "long.mp4", short_side=24)))
        .astype(np.float64)
        .mean((1, 2, 3))
    )
    first = np.arange(6) * 16
    np.testing.assert_allclose(store.load("long")[:, 0], means[np.minimum(first, 82)], rtol=1e-4)
    np.testing.assert_allclose(
        store.load("long")[:, 1], means[np.minimum(first + 14, 82)], rtol=1e-4
    )
    assert store.metadata["frame_step"] == 2 and store.metadata["stride"] == 16


def test_snippets_by_name(model, videos, tmp_path):
    for name, frame_step in (("paper", 1), ("lofi", 8)):
        extract(model, videos / "long.mp4", tmp_path / name, snippets=name)
        metadata = FeatureStore(tmp_path / name).metadata
        # Of a model that sees 8 frames.
        assert (metadata["window"], metadata["frame_step"], metadata["stride"]) == (
            8,
            frame_step,
            8,
        )
    extract(model, videos / "long.mp4", tmp_path / "lofi_16", snippets="lofi", stride=16)
    every, second = (FeatureStore(tmp_path / name).load("long") for name in ("lofi", "lofi_16"))
    np.testing.assert_array_equal(every[::2], second)


def test_frames_are_scaled_to_what_the_model_wants(videos, tmp_path):
    extract(
        save_mean_model(tmp_path / "model", short_side=20),
        videos / "long.mp4",
        tmp_path / "features",
    )
    assert FeatureStore(tmp_path / "features").metadata["short_side"] == 20


def test_finished_videos_are_reused(model, videos, tmp_path, capsys):
    extract(model, videos, tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npy")}
    (tmp_path / "short.npy").unlink()
    extract(model, videos, tmp_path)
    assert "2 of 6 videos" in capsys.readouterr().out
    after = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npy")}
    assert sorted(after) == sorted(times)
    assert [path.stem for path in after if after[path] != times[path]] == ["short"]


def test_a_video_that_was_replaced_is_refused(model, videos, tmp_path):
    source = Path(shutil.copy(videos / "long.mp4", tmp_path / "long.mp4"))
    output = tmp_path / "out"
    extract(model, source, output)
    os.utime(source, ns=(1, 1))
    assert extract(model, source, output)[0] == 1
    content = bytearray(source.read_bytes())
    content[-100:] = bytes(100)
    source.write_bytes(content)
    with pytest.raises(InputError, match=rf"'long'.*{source}"):
        extract(model, source, output)
    # Features of before do not say what was in the video.
    entry = output / "probabilities" / "long.json"
    about = json.loads(entry.read_text())
    del about["source"]
    entry.write_text(json.dumps(about))
    assert extract(model, source, output)[0] == 1


def test_a_video_that_is_replaced_while_it_is_read(model, videos, tmp_path, monkeypatch):
    """Nobody knows which of the two the features show: they do not pass for those of the second."""
    source = Path(shutil.copy(videos / "long.mp4", tmp_path / "long.mp4"))
    content = source.read_bytes()

    def probe_and_replace(path):
        info = probe_video(path)
        source.write_bytes(content + bytes(8))
        return info

    monkeypatch.setattr("bsp_tf.features.extraction.probe_video", probe_and_replace)
    extract(model, source, tmp_path / "out")
    with pytest.raises(InputError, match=rf"'long'.*{source}"):
        extract(model, source, tmp_path / "out")


def test_a_video_that_goes_away_is_a_failure_of_its_own(model, videos, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(videos, tmp_path / "videos"))
    listed = name_videos(folder)
    monkeypatch.setattr("bsp_tf.extract.name_videos", lambda path: listed)
    (folder / "long.mp4").unlink()
    finished, failures = extract(model, folder, tmp_path / "out")
    assert str(folder / "long.mp4") in [path for path, _ in failures]
    assert finished == len(listed) - len(failures) > 0


def test_other_settings_or_another_model_in_the_same_place(model, videos, tmp_path, make_video):
    extract(model, videos, tmp_path / "features")
    with pytest.raises(InputError, match="stride was 8, is now 4"):
        extract(model, videos, tmp_path / "features", stride=4)
    other = save_mean_model(tmp_path / "other", weight=2.0)
    with pytest.raises(InputError, match=str(other)):
        extract(other, videos, tmp_path / "features")
    make_video(tmp_path / "elsewhere" / "long.mp4", num_frames=9)
    with pytest.raises(InputError, match="elsewhere/long.mp4"):
        extract(model, tmp_path / "elsewhere", tmp_path / "features")
    (tmp_path / "features" / "metadata.json").unlink()
    with pytest.raises(InputError, match="metadata.json"):
        extract(model, videos, tmp_path / "features")


def test_what_is_no_model(videos, tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        extract(tmp_path / "nowhere", videos, tmp_path / "features")
    plain = tf.Module()
    plain.double = tf.function(lambda x: {"y": 2 * x}, input_signature=[tf.TensorSpec([None])])
    tf.saved_model.save(
        plain, str(tmp_path / "plain"), signatures={"serving_default": plain.double}
    )
    with pytest.raises(InputError, match="plain.* features, action, boundary, action_labels"):
        extract(tmp_path / "plain", videos, tmp_path / "features")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"rubbish")
    with pytest.raises(InputError, match="broken"):
        extract(tmp_path / "broken", videos, tmp_path / "features")
    nan = save_mean_model(tmp_path / "nan", weight=float("nan"))
    with pytest.raises(InputError, match="long.*NaN"):
        extract(nan, videos / "long.mp4", tmp_path / "features")


@pytest.mark.thorough
def test_memory_does_not_grow_with_the_video(model, make_video, tmp_path):
    """The long video's frames would take 415 MB; the short one fills all that is read ahead."""
    make_video(tmp_path / "short.mp4", num_frames=400, height=240, width=320)
    make_video(tmp_path / "long.mp4", num_frames=1800, height=240, width=320)
    extract(model, tmp_path / "short.mp4", tmp_path / "features")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    extract(model, tmp_path / "long.mp4", tmp_path / "features")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 150_000


def test_killed_and_started_again(model, make_video, tmp_path):
    for i in range(6):
        # The first is ready long before the others.
        num_frames = 400 if i else 40
        make_video(
            tmp_path / "videos" / f"{i}.mp4", num_frames=num_frames, height=120, width=160, seed=i
        )
    arguments = (
        f"--model={model}",
        f"--videos={tmp_path / 'videos'}",
        f"--output={tmp_path / 'killed'}",
        "--batch_size=2",
    )
    process = warm_python.Process("-m", "bsp_tf.extract", *arguments)
    process.wait_until(lambda: any((tmp_path / "killed").glob("*.npy")))
    process.kill()
    process.wait()
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "killed").glob("*.npy")}
    assert 0 < len(before) < 6
    run = warm_python.run("-m", "bsp_tf.extract", *arguments)
    assert run.returncode == 0, run.stderr
    assert f"{len(before)} of 6 videos" in run.stdout
    extract(model, tmp_path / "videos", tmp_path / "whole")
    killed, whole = FeatureStore(tmp_path / "killed"), FeatureStore(tmp_path / "whole")
    assert killed.metadata == whole.metadata and len(killed.video_ids) == 6
    for name in killed.video_ids:
        np.testing.assert_array_equal(killed.load(name), whole.load(name))
    for name, modified in before.items():
        assert (tmp_path / "killed" / name).stat().st_mtime_ns == modified


def test_command_exit_status(model, videos, tmp_path):
    command = "-m", "bsp_tf.extract", f"--model={model}", f"--output={tmp_path}"
    run = warm_python.run(*command, f"--videos={videos}")
    assert run.returncode == 3, run.stderr
    assert "3 videos" in run.stdout and "failures.csv" in run.stderr
    run = warm_python.run(*command, "--videos=nowhere")
    assert run.returncode == 2 and "Traceback" not in run.stderr
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and "nowhere" in last and "--videos" in last
