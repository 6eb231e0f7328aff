"""Features for other tools: each form is read back by the rule of the tool that reads it."""

import csv
import json
import subprocess
import sys

import h5py
import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.convert_features.__main__ import TOOLS, convert_features
from bsp_tf.features.sources import FeatureSources
from bsp_tf.features.store import write_metadata, write_video

WINDOW, FRAME_STEP, STRIDE, FPS = 8, 2, 4, 25.0
FRAMES = 500
REACH = (WINDOW - 1) * FRAME_STEP + 1
SEGMENT = [4.2, 11.6]
BOTH = ("action", "boundary")


def make_features(folder, names, frames=FRAMES):
    """Of each snippet the first number is the second in its middle, the last one its number."""
    count = (frames - REACH) // STRIDE + 1
    middles = (np.arange(count) * STRIDE + REACH / 2) / FPS
    rows = np.stack([middles, np.zeros(count), np.arange(count)], axis=1).astype(np.float32)
    about = {
        "fps": FPS,
        "num_frames": frames,
        "duration_seconds": frames / FPS,
        "num_snippets": count,
    }
    for name in names:
        write_video(folder, name, rows, {}, about)
    settings = {
        "window": WINDOW,
        "frame_step": FRAME_STEP,
        "stride": STRIDE,
        "feature_dim": 3,
        "streams": {"action": [0, 2], "boundary": [2, 3]},
    }
    write_metadata(folder, settings, dict.fromkeys(names, about))
    return folder


@pytest.fixture
def features(tmp_path):
    return make_features(tmp_path / "features", ["first", "v_second"])


@pytest.fixture
def annotations(tmp_path):
    return write_annotations(tmp_path / "annotations.json", ["first", "second"])


def write_annotations(path, names):
    database = {
        name: {
            "subset": "training" if number else "validation",
            "duration": FRAMES / FPS,
            "annotations": [
                {"segment": SEGMENT, "label": "wave"},
                {"segment": [0.5, 2.0], "label": "bow"},
            ],
        }
        for number, name in enumerate(names)
    }
    path.write_text(json.dumps({"database": database}))
    return path


def convert(features, annotations, output, tool, streams=BOTH):
    return convert_features(str(features), str(annotations), str(output), tool, streams)


def setting(text, name):
    """The value of `name=value` or `name: value` in the lines to paste."""
    line = next(line for line in text.splitlines() if f"{name}=" in line or f"{name}:" in line)
    return float(line.split(name)[1][1:].strip(" ,").split(",")[0])


def test_opentad_finds_the_segment_where_it_is(features, annotations, tmp_path):
    settings, missing = convert(features, annotations, tmp_path / "out", "opentad")
    assert not missing
    video = json.loads((tmp_path / "out/annotations.json").read_text())["database"]["first"]
    rows = np.load(tmp_path / "out/features/first.npy")
    classes = (tmp_path / "out/category_idx.txt").read_text().splitlines()
    assert classes == ["bow", "wave"]
    assert [action["label_id"] for action in video["annotations"]] == [1, 0]
    offset, stride = setting(settings, "offset_frames"), setting(settings, "feature_stride")
    for second in SEGMENT:
        # ThumosPaddingDataset: whole frames, minus the offset, over the stride.
        frame = int(second / video["duration"] * video["frame"])
        row = (frame - offset) / stride
        found = np.interp(row, np.arange(len(rows)), rows[:, 0])
        assert abs(found - second) <= 1 / FPS


def test_actionformer_finds_the_segment_where_it_is(features, annotations, tmp_path):
    settings, _ = convert(features, annotations, tmp_path / "out", "actionformer")
    video = json.loads((tmp_path / "out/annotations.json").read_text())["database"]["second"]
    rows = np.load(tmp_path / "out/features/second.npy")
    half = 0.5 * setting(settings, "num_frames")
    for second in video["annotations"][0]["segment"]:
        row = (second * video["fps"] - half) / setting(settings, "feat_stride")
        assert np.interp(row, np.arange(len(rows)), rows[:, 0]) == pytest.approx(second, abs=1e-4)
    assert setting(settings, "input_dim") == rows.shape[1] == 3


@pytest.mark.parametrize("tool", ["gtad", "mmaction2"])
def test_columns_lie_evenly_over_the_whole_video(tool, features, annotations, tmp_path):
    convert(features, annotations, tmp_path / "out", tool)
    video = json.loads((tmp_path / "out/annotations.json").read_text())["v_first"]
    if tool == "gtad":
        with h5py.File(tmp_path / "out/features/v_first.h5") as file:
            columns = file["v_first"][:]
    else:
        path = tmp_path / "out/features/v_first.csv"
        columns = np.loadtxt(path, np.float32, delimiter=",", skiprows=1)
    assert columns.shape == (100, 3)
    covered = video["feature_frame"] / video["duration_frame"] * video["duration_second"]
    for second in SEGMENT:
        position = second / covered * 100 - 0.5
        found = np.interp(position, np.arange(100), columns[:, 0])
        assert found == pytest.approx(second, abs=1e-3)
    # Beyond the first and last middle of a snippet nothing is known: the ends are repeated.
    assert columns[0, 0] == pytest.approx(REACH / 2 / FPS)


def test_our_own_reader_takes_the_files_of_gtad(features, annotations, tmp_path):
    from bsp_tf.annotations.mended import load_annotations
    from bsp_tf.features.layout import SETTINGS

    convert(features, annotations, tmp_path / "out", "gtad")
    files = f"{tmp_path / 'out/annotations.json'},{tmp_path / 'out/video_info.csv'}"
    videos = load_annotations(files)
    assert {name: video.subset for name, video in videos.items()} == {
        "first": "validation",
        "second": "training",
    }
    settings = SETTINGS | {"feature_layout": "whole"}
    source = FeatureSources(str(tmp_path / "out/features"), "action", settings, 100)
    loaded = source.load("first", videos["first"])
    span = loaded.spans[0]
    assert (span.start_seconds, span.end_seconds) == (0, FRAMES / FPS)
    with (tmp_path / "out/video_info.csv").open() as file:
        assert {row["video"] for row in csv.DictReader(file)} == {"v_first", "v_second"}


def test_streams_are_chosen(features, annotations, tmp_path):
    settings, _ = convert(features, annotations, tmp_path / "out", "opentad", ("boundary",))
    rows = np.load(tmp_path / "out/features/first.npy")
    np.testing.assert_array_equal(rows[:, 0], np.arange(len(rows)))
    assert "in_channels=1" in settings
    with pytest.raises(InputError, match="depth"):
        convert(features, annotations, tmp_path / "other", "opentad", ("depth",))


def test_videos_without_usable_features_are_named(features, tmp_path):
    annotations = write_annotations(tmp_path / "a.json", ["first", "gone", "second"])
    broken = features / "v_second.npy"
    broken.write_bytes(broken.read_bytes()[:60])
    _, missing = convert(features, annotations, tmp_path / "out", "opentad")
    assert list(missing) == ["gone", "second"]
    listed = (tmp_path / "out/features/missing_files.txt").read_text().splitlines()
    assert listed == ["gone", "second"]
    database = json.loads((tmp_path / "out/annotations.json").read_text())["database"]
    assert list(database) == ["first"]


def test_features_in_a_bucket_give_the_same_files(features, annotations, tmp_path, monkeypatch):
    fsspec = pytest.importorskip("fsspec", reason="NOT TESTED: fsspec is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    address = f"memory://{tmp_path.name}/features"
    fsspec.filesystem("memory").put(f"{features}/", f"{address}/", recursive=True)
    convert(features, annotations, tmp_path / "here", "opentad")
    convert(address, annotations, tmp_path / "there", "opentad")
    for file in (tmp_path / "here" / "features").iterdir():
        assert (tmp_path / "there" / "features" / file.name).read_bytes() == file.read_bytes()
    gone = write_annotations(tmp_path / "a.json", ["gone"])
    with pytest.raises(InputError, match=address) as caught:
        convert(address, gone, tmp_path / "none", "opentad")
    assert "cache" not in str(caught.value)


def test_no_features_at_all_is_refused(features, tmp_path):
    annotations = write_annotations(tmp_path / "a.json", ["gone"])
    with pytest.raises(InputError, match="gone"):
        convert(features, annotations, tmp_path / "out", "opentad")
    assert not (tmp_path / "out/annotations.json").exists()


def test_a_second_run_keeps_what_is_there_and_refuses_another_tool(features, annotations, tmp_path):
    output = tmp_path / "out"
    convert(features, annotations, output, "opentad")
    path = output / "features/first.npy"
    before = path.stat().st_mtime_ns
    (output / "annotations.json").unlink()
    convert(features, annotations, output, "opentad")
    assert path.stat().st_mtime_ns == before and (output / "annotations.json").exists()
    with pytest.raises(InputError, match="tool"):
        convert(features, annotations, output, "actionformer")


def test_the_command_prints_what_to_paste(features, tmp_path):
    annotations = write_annotations(tmp_path / "a.json", ["first", "gone"])
    run = subprocess.run(
        [sys.executable, "-m", "bsp_tf.convert_features", f"--features={features}"]
        + [f"--annotations={annotations}", "--tool=actionformer", f"--output={tmp_path / 'out'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 3
    assert f"num_frames: {REACH}" in run.stdout
    assert (tmp_path / "out/settings.txt").read_text() in run.stdout
    assert "gone" in run.stderr and "Traceback" not in run.stderr


def test_every_tool_says_where_its_files_are(features, annotations, tmp_path):
    for tool in TOOLS:
        settings, _ = convert(features, annotations, tmp_path / tool, tool)
        assert str(tmp_path / tool) in settings
