"""The evaluation of tiny runs, in this process and as a command."""

import json
import os
import shutil
from pathlib import Path

import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.evaluate_clips import Options, evaluate_clips
from bsp_tf.pretraining import clip_evaluation
from bsp_tf.pretraining.trainer import train
from configs.base import get_config
from tests.fixtures import warm_python

PNG = b"\x89PNG"


FIELDS = {
    "data.num_frames": 4,
    "data.short_side": 36,
    "data.crop_size": 32,
    "data.validation_passes": 2,
    "boundary.position_min": 2,
    "boundary.position_max": 2,
    "boundary.transition_min": 1,
    "boundary.transition_max": 1,
    "model.depth": 10,
    "model.width": 0.125,
    "train.batch_size": 8,
    "train.epochs": 1,
    "train.steps_per_epoch": 3,
}


@pytest.fixture(scope="module")
def runs(records, tmp_path_factory) -> Path:
    """A folder with a run of each task, three steps long."""
    folder = tmp_path_factory.mktemp("runs")
    tf.config.run_functions_eagerly(True)
    for task in ("action", "boundary"):
        config = get_config()
        config.update_from_flattened_dict(
            FIELDS
            | {
                "task": task,
                "data.train_dir": str(records[0]),
                "data.validation_dir": str(records[1]),
            }
        )
        train(config, folder / task)
    tf.config.run_functions_eagerly(False)
    return folder


def scores_of(folder: Path) -> dict:
    return json.loads((folder / "scores.json").read_text())


def test_the_command_scores_an_action_run_and_does_it_once(runs, tmp_path):
    arguments = [
        f"--workdir={runs / 'action'}",
        f"--output={tmp_path}",
        "--num_clips=3",
        "--batch_size=4",
    ]
    first = warm_python.run("-m", "bsp_tf.evaluate_clips", *arguments)
    assert first.returncode == 0, first.stderr
    views = scores_of(tmp_path)["views"]
    trained = json.loads((runs / "action" / "evaluation.json").read_text())
    assert list(views) == ["1 clip x centre crop of 32 px", "3 clips x 3 crops of 36 px"]
    one = views["1 clip x centre crop of 32 px"]
    assert one["top1"] == trained["accuracy"] and one["confusion"] == trained["confusion"]
    assert one["top5"] is None and one["num_clips"] == 9
    assert {path.name for path in tmp_path.iterdir()} == {
        "scores.json",
        "tables.md",
        "confusion.png",
    }
    assert (tmp_path / "confusion.png").read_bytes().startswith(PNG)
    assert (tmp_path / "tables.md").read_text() in first.stdout and "walk left" in first.stdout


def test_a_finished_evaluation_is_kept_and_another_one_refused(runs, tmp_path):
    options = Options(num_clips=1, num_crops=1)
    first = evaluate_clips(runs / "action", tmp_path, options)
    before = (tmp_path / "scores.json").stat().st_mtime_ns
    assert list(first["views"]) == ["1 clip x centre crop of 32 px"]
    assert evaluate_clips(runs / "action", tmp_path, options) == first
    assert (tmp_path / "scores.json").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="num_crops was 1.* 3"):
        evaluate_clips(runs / "action", tmp_path, Options(num_clips=1))


@pytest.mark.thorough
def test_boundary_run_is_scored_with_every_rule(runs, tmp_path):
    result = evaluate_clips(runs / "boundary", tmp_path, Options(batch_size=8))
    trained = json.loads((runs / "boundary" / "evaluation.json").read_text())
    assert (
        list(result["passes"]) == ["diff_class", "both", "none"] and scores_of(tmp_path) == result
    )
    assert result["passes"]["diff_class"]["confusion"] == trained["confusion"]
    assert {scores["num_samples"] for scores in result["passes"].values()} == {
        trained["num_samples"]
    }
    # The speed types are no joints: the rule of blending leaves them pixel for pixel as they are.
    assert len({str(scores["confusion"][2:]) for scores in result["passes"].values()}) == 1
    assert list(result["passes"]["none"]["by_transition_length"]) == ["0"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "scores.json",
        "tables.md",
        "confusion.png",
        "accuracy_by_position.png",
    }


@pytest.mark.thorough
def test_a_killed_evaluation_goes_on_and_ends_with_the_same_numbers(runs, tmp_path, monkeypatch):
    options = Options(num_clips=3, num_crops=3, full_resolution=False, batch_size=4)
    whole = evaluate_clips(runs / "action", tmp_path / "whole", options)
    monkeypatch.setattr(clip_evaluation, "SAVE_EVERY_SECONDS", 0.0)
    predictor, calls = clip_evaluation.predictor, []

    def dying(model):
        predict = predictor(model)

        def counted(frames):
            calls.append(len(frames))
            if len(calls) == 17:
                raise KeyboardInterrupt
            return predict(frames)

        return counted

    monkeypatch.setattr(clip_evaluation, "predictor", dying)
    with pytest.raises(KeyboardInterrupt):
        evaluate_clips(runs / "action", tmp_path / "killed", options)
    assert not (tmp_path / "killed" / "scores.json").exists()
    calls.clear()
    calls.extend([0] * 17)
    resumed = evaluate_clips(runs / "action", tmp_path / "killed", options)
    assert resumed == whole and 0 < sum(calls) < 9 + 9 * 9
    assert {path.name for path in (tmp_path / "killed").iterdir()} == {
        "scores.json",
        "tables.md",
        "confusion.png",
    }


@pytest.mark.thorough
def test_a_run_on_other_types_is_scored_on_them_and_by_its_coin(eagerly, records, tmp_path):
    config = get_config()
    types = ("same_speed", "diff_motion", "same_class", "diff_speed", "diff_class")
    config.update_from_flattened_dict(
        FIELDS
        | {
            "task": "boundary",
            "data.train_dir": str(records[0]),
            "data.validation_dir": str(records[1]),
            "boundary.types": types,
            "boundary.twins": False,
            "boundary.transition": "random",
            "boundary.strides": (1, 4, -1, 0),
            "train.batch_size": 10,
        }
    )
    train(config, tmp_path / "run")
    result = evaluate_clips(tmp_path / "run", tmp_path / "out", Options())
    trained = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert result["labels"] == trained["labels"] == list(types)
    assert list(result["passes"]) == ["diff_class", "both", "none", "random"]
    by_coin = result["passes"]["random"]
    assert by_coin["confusion"] == trained["confusion"]
    assert set(by_coin["by_transition_length"]) == {"0", "1"}
    assert "-1->-1" in by_coin["by_speeds"]
    assert "diff-motion" in (tmp_path / "out" / "tables.md").read_text()


def test_mistakes_are_named(runs, records, make_records, tmp_path):
    other = make_records(tmp_path / "other", 1, classes=("run", "jump", "sit"))
    with pytest.raises(InputError, match=str(other)):
        evaluate_clips(runs / "action", tmp_path / "out", Options(), other)
    old = shutil.copytree(runs / "boundary", tmp_path / "old")
    names = (old / "labels.txt").read_text()
    (old / "labels.txt").write_text(names.replace("same_speed", "slower"))
    with pytest.raises(InputError, match="slower.*same_speed"):
        evaluate_clips(old, tmp_path / "out", Options())
    with pytest.raises(InputError, match="batch_size=3 .* 4"):
        evaluate_clips(runs / "boundary", tmp_path / "out", Options(batch_size=3))
    with pytest.raises(InputError, match="batch_size=0 .* 1"):
        evaluate_clips(runs / "action", tmp_path / "out", Options(batch_size=0))
    with pytest.raises(InputError, match="num_crops=2"):
        evaluate_clips(runs / "action", tmp_path / "out", Options(num_crops=2))
    with pytest.raises(InputError, match=str(tmp_path)):
        evaluate_clips(tmp_path, tmp_path / "out", Options())
    with pytest.raises(InputError, match=str(records[1])):
        evaluate_clips(runs / "action", records[1] / "out", Options())
    with pytest.raises(InputError, match=str(tmp_path / "nothing")):
        evaluate_clips(runs / "action", tmp_path / "out", Options(), tmp_path / "nothing")


def test_imported_weights_are_scored_on_given_records(runs, records, tmp_path):
    workdir = tmp_path / "imported"
    shutil.copytree(runs / "action", workdir)
    config = json.loads((workdir / "config.json").read_text())
    config["data"] = {
        name: config["data"][name] for name in ("num_frames", "short_side", "crop_size")
    }
    (workdir / "config.json").write_text(
        json.dumps({name: config[name] for name in ("task", "data", "model")})
    )
    with pytest.raises(InputError, match="--records"):
        evaluate_clips(workdir, tmp_path / "out", Options())
    result = evaluate_clips(workdir, tmp_path / "out", Options(1, 1, sampling="dense"), records[1])
    assert result["external_data"]["settings"]["sampling"] == "dense"
    assert result["views"]["1 clip x centre crop of 32 px"]["num_clips"] == 9


def test_a_rule_without_room_is_left_out(runs, tmp_path, capsys):
    workdir = tmp_path / "run"
    shutil.copytree(runs / "boundary", workdir)
    config = json.loads((workdir / "config.json").read_text())
    config["boundary"] |= {"transition": "none", "transition_max": 6}
    (workdir / "config.json").write_text(json.dumps(config))
    result = evaluate_clips(workdir, tmp_path / "out", Options(batch_size=8, passes=1))
    assert list(result["passes"]) == ["none"] and "left out" in capsys.readouterr().out
    trained = json.loads((runs / "boundary" / "evaluation.json").read_text())
    assert 2 * result["passes"]["none"]["num_samples"] == trained["num_samples"]


def test_a_folder_that_another_run_writes_is_refused(runs, tmp_path):
    with lock_folder(tmp_path / "out"):
        with pytest.raises(InputError, match=f"process {os.getpid()}.*{tmp_path / 'out'}"):
            evaluate_clips(runs / "action", tmp_path / "out", Options(num_clips=1, num_crops=1))
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
