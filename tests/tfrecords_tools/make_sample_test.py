"""The sample data as a user gets it: real files, the same bytes, runs that can be stopped."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder
from tfrecords_tools.make_sample import make_sample, plan_clips
from tfrecords_tools.sample_world.programs import ACTIONS
from tfrecords_tools.sample_world.textures import GROUND_FAMILIES, GROUND_PALETTES
from tfrecords_tools.sample_world.world import scene_kind

PROJECT = Path(__file__).resolve().parents[2]
TINY = {
    "clips_per_class_train": 1,
    "clips_per_class_validation": 1,
    "videos_train": 1,
    "videos_validation": 1,
    "videos_test": 1,
}


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def command(output: Path, *flags: str) -> list[str]:
    counts = [f"--{name}={value}" for name, value in TINY.items()]
    return [
        sys.executable,
        "-m",
        "tfrecords_tools.make_sample",
        f"--output={output}",
        *counts,
        *flags,
    ]


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("sample") / "made"
    make_sample(root, workers=1, **TINY)
    return root


def test_layout_is_as_documented(sample):
    for subset in ("train", "val"):
        assert sorted(path.name for path in (sample / "clips" / subset).iterdir()) == list(ACTIONS)
        assert all(
            len(list((sample / "clips" / subset / action).iterdir())) == 1 for action in ACTIONS
        )
    videos = sorted(path.stem for path in (sample / "videos").iterdir())
    assert videos == ["sample_test_0001", "sample_train_0001", "sample_val_0001"]
    assert sorted(json.loads((sample / "annotations.json").read_text())["database"]) == videos
    assert (
        json.loads((sample / "sample.json").read_text())["settings"]["clips_per_class_train"] == 1
    )


def test_every_class_uses_every_scene():
    plans = plan_clips({"train": 40, "val": 12}, seed=0)
    assert len({plan.seeds for plan in plans}) == len({plan.path for plan in plans}) == 520
    for subset in ("train", "val"):
        scenes = {
            action: [
                scene_kind(plan.scene)
                for plan in plans
                if plan.action == action and plan.path.startswith(f"clips/{subset}/{action}/")
            ]
            for action in ACTIONS
        }
        assert all(scenes[action] == scenes["spin"] for action in ACTIONS)
        assert {family for family, _ in scenes["spin"]} == set(GROUND_FAMILIES)
        assert {palette for _, palette in scenes["spin"]} == set(GROUND_PALETTES)


def test_files_decode_with_one_key_frame_and_the_right_number_of_frames(sample):
    database = json.loads((sample / "annotations.json").read_text())["database"]
    for path in [*(sample / "videos").iterdir(), *(sample / "clips/train").glob("[bs]*/*.mp4")]:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 96, 72)
            assert stream.average_rate == 25
            frames = [(frame.time, frame.key_frame) for frame in container.decode(stream)]
        assert [key for _, key in frames] == [True] + [False] * (len(frames) - 1)
        assert frames[-1][0] == pytest.approx((len(frames) - 1) / 25)
        if path.parent.name == "videos":
            assert len(frames) == database[path.stem]["num_frames"]
        else:
            assert 75 <= len(frames) <= 125


def test_a_killed_run_goes_on_and_two_workers_give_the_same_bytes(sample, tmp_path):
    output = tmp_path / "killed"
    process = subprocess.Popen(
        command(output, "--workers=2"), cwd=PROJECT, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not list(output.glob("videos/*.mp4")):
        time.sleep(0.02)
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = workers.read_text().split() if workers.exists() else []
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {
        name: (output / name).stat().st_mtime_ns
        for name in digests(output)
        if name.endswith(".mp4")
    }
    assert before and len(before) < 23
    assert {name: digests(output)[name] for name in before}.items() <= digests(sample).items()
    deadline = time.monotonic() + 900
    while any(_is_running(pid) for pid in workers):
        assert time.monotonic() < deadline, "workers outlive the run they belong to"
        time.sleep(0.05)

    (output / "videos" / ".sample_val_0001.mp4.x.partial").write_bytes(b"half a file")
    done = subprocess.run(
        command(output, "--workers=2"), cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert f"{len(before)} of 23 files" in done.stdout
    assert digests(output) == digests(sample)
    assert {name: (output / name).stat().st_mtime_ns for name in before} == before


def _is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_finished_files_are_kept_and_a_lost_one_is_made_again(sample):
    before = digests(sample)
    lost = sample / "clips/val/spin/spin_val_0001.mp4"
    lost.unlink()
    kept = (sample / "videos/sample_val_0001.mp4").stat().st_mtime_ns
    make_sample(sample, workers=1, **TINY)
    assert digests(sample) == before
    assert (sample / "videos/sample_val_0001.mp4").stat().st_mtime_ns == kept


def test_other_settings_in_the_same_place_are_refused(sample):
    before = digests(sample)
    with pytest.raises(InputError, match="seed was 0, is now 1"):
        make_sample(sample, workers=1, seed=1, **TINY)
    with pytest.raises(InputError, match="videos_train was 1, is now 2"):
        make_sample(sample, workers=1, **{**TINY, "videos_train": 2})
    assert digests(sample) == before


def test_a_folder_with_other_clips_is_refused(tmp_path):
    (tmp_path / "clips" / "my_class").mkdir(parents=True)
    with pytest.raises(InputError, match=r"sample\.json"):
        make_sample(tmp_path, **TINY)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match=f"--output={file}"):
        make_sample(file, **TINY)


@pytest.mark.parametrize(
    "settings",
    [["seed", -1], ["workers", 0], ["videos_validation", 0], ["clips_per_class_train", -3]],
)
def test_bad_numbers_are_refused_and_nothing_is_written(tmp_path, settings):
    name, value = settings
    with pytest.raises(InputError, match=f"--{name}={value}"):
        make_sample(tmp_path / "out", **{**TINY, name: value})
    assert not (tmp_path / "out").exists()


def test_the_command_names_a_bad_flag_in_one_line(tmp_path):
    done = subprocess.run(
        command(tmp_path / "out", "--workers=0"), cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: --workers=0")


def test_places_that_cannot_be_written_and_a_damaged_settings_file(tmp_path):
    (tmp_path / "file").touch()
    for output in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=str(tmp_path / "file")):
            make_sample(output)
    for text, fault in (
        ("{", "sample.json"),
        ("[]", "sample.json"),
        ('{"settings": 5}', r"settings\.seed was absent, is now 0"),
    ):
        (tmp_path / "sample.json").write_text(text)
        with pytest.raises(InputError, match=fault):
            make_sample(tmp_path)


def test_a_folder_that_another_run_writes_is_refused(tmp_path):
    with lock_folder(tmp_path / "out"):
        with pytest.raises(InputError, match=f"process {os.getpid()}.*{tmp_path / 'out'}"):
            make_sample(tmp_path / "out", workers=1, **TINY)
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
