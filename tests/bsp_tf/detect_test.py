"""From feature files and a model to detections.json; a real network in the last test only."""

import json
import os
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.detect import Options, detect
from bsp_tf.localization.heads.head import find_head
from bsp_tf.localization.workdir import TrainedHead
from configs.sample_gtad import get_config
from tests.fixtures.web_server import serve

NUM_SEGMENTS, FEATURE_DIM = 20, 4
ACTION_LABELS = ["jump", "run", "swim"]


class FakeModel:
    """One sure start at 5 and one sure end at 15, in every video."""

    def __init__(self):
        self.batches = []

    def __call__(self, features):
        assert features.shape[1:] == (NUM_SEGMENTS, FEATURE_DIM)
        self.batches.append(len(features))
        start, end = np.zeros((2, len(features), NUM_SEGMENTS), np.float32)
        start[:, 5] = end[:, 15] = 1
        score_map = np.full((len(features), 2, NUM_SEGMENTS, NUM_SEGMENTS), 0.1, np.float32)
        score_map[:, :, 9, 5] = 0.5
        return {"start": start, "end": end, "map": score_map}


class FakeTrained(TrainedHead):
    """What is trained is no network of TensorFlow, so it is no graph either."""

    def outputs(self, features, inside):
        return self.model(features)


def write_features(folder, video_ids, action_labels=ACTION_LABELS):
    """A feature folder of 10 snippets a video, whose action stream favours "run", then "swim"."""
    (folder / "probabilities").mkdir(parents=True)
    rng = np.random.default_rng(0)
    videos = {}
    for name in video_ids:
        np.save(
            folder / f"{name}.npy", rng.standard_normal((10, 2 * FEATURE_DIM)).astype(np.float32)
        )
        np.savez(
            folder / "probabilities" / f"{name}.npz",
            action=np.tile([0.1, 0.6, 0.3], (10, 1)).astype(np.float32),
            boundary=np.full((10, 4), 0.25, np.float32),
            pixel_change=np.zeros(10, np.float32),
        )
        videos[name] = {
            "file": f"{name}.mp4",
            "fps": 25.0,
            "num_frames": 1000,
            "duration_seconds": 40.0,
            "num_snippets": 10,
            "last_snippet_padded": False,
            "partial": False,
        }
    metadata = {
        "window": 8,
        "frame_step": 1,
        "stride": 100,
        "feature_dim": 2 * FEATURE_DIM,
        "model": "model",
        "streams": {"action": [0, FEATURE_DIM], "boundary": [FEATURE_DIM, 2 * FEATURE_DIM]},
        "action_labels": action_labels,
        "videos": videos,
        "boundary_labels": ["diff_class", "same_class", "diff_speed", "same_speed"],
    }
    (folder / "metadata.json").write_text(json.dumps(metadata))


def write_annotations(path, video_ids, subset="validation", labels=("jump", "run"), duration=40.0):
    rows = [{"segment": [1, 2], "label": label} for label in labels]
    entry = {"subset": subset, "duration": duration, "annotations": rows}
    path.write_text(json.dumps({"database": {name: entry for name in video_ids}}))


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Three videos with features, annotations, a workdir, and a model that counts its batches."""
    names = ["one", "two", "three"]
    write_features(tmp_path / "features", names)
    write_annotations(tmp_path / "annotations.json", names)
    best = tmp_path / "gtad" / "checkpoints" / "best"
    best.mkdir(parents=True)
    (tmp_path / "gtad" / "config.json").write_text(
        json.dumps({"streams": ["action"], "num_segments": NUM_SEGMENTS})
    )
    (best / "checkpoint").write_text("weights")
    fields = {"num_segments": NUM_SEGMENTS, "feature_dim": FEATURE_DIM, "streams": ("action",)}
    model, config = FakeModel(), ConfigDict(fields)
    trained = FakeTrained(find_head("gtad"), model, config, ())
    monkeypatch.setattr("bsp_tf.localization.workdir.load_trained", lambda workdir: trained)
    arguments = {
        "workdir": str(tmp_path / "gtad"),
        "features": str(tmp_path / "features"),
        "annotations": str(tmp_path / "annotations.json"),
        "subset": "validation",
        "output": str(tmp_path / "out" / "detections.json"),
    }
    return types.SimpleNamespace(path=tmp_path, model=model, config=config, arguments=arguments)


def run(world, options=None, **changed):
    """Content of the output of `detect` with the world's arguments."""
    arguments = world.arguments | changed
    result = detect(**arguments, options=options)
    with open(arguments["output"], encoding="utf-8") as file:
        content = json.load(file)
    assert result == {
        "videos": len(content["results"]),
        "left_out": content["external_data"]["left_out"],
        "detections": sum(map(len, content["results"].values())),
    }
    return content


def test_detections_in_seconds_with_the_streams_own_classes(world):
    found = run(world)
    assert list(found["results"]) == ["one", "two", "three"] and found["version"]
    best = found["results"]["two"][0]
    # The 10 snippets cover 40 s, from (8 - 100) / 2 frames on: each is centred on its stride.
    assert best["label"] == "run" and best["segment"] == pytest.approx([10.0 - 1.84, 30.0 - 1.84])
    assert best["score"] == pytest.approx(0.25 * 0.6)
    # "swim" is more probable than "jump", but it is no class of the annotations.
    assert {d["label"] for d in found["results"]["two"]} == {"run", "jump"}
    assert found["external_data"]["settings"]["fusion"] == "product"
    assert found["external_data"]["left_out"] == {}


@pytest.mark.parametrize(
    ("key", "other"),
    [("model_sha256", "1" * 64), ("stride", 50), ("window", 16), ("frame_step", 2)],
)
def test_features_made_otherwise_than_those_of_the_training_are_refused(world, key, other):
    about = json.loads((world.path / "features" / "metadata.json").read_text())
    about["model_sha256"] = "0" * 64
    (world.path / "features" / "metadata.json").write_text(json.dumps(about))
    trained_on = {name: value for name, value in about.items() if name != "videos"}
    note = world.path / "gtad" / "features.json"
    note.write_text(json.dumps({"sources": [{**trained_on, key: other}]}))
    with pytest.raises(InputError, match=f"{key} {other}"):
        run(world)
    note.write_text(json.dumps({"sources": [trained_on]}))
    assert len(run(world)["results"]) == 3
    # Of other tools nothing is known.
    note.write_text(json.dumps({"sources": [{}]}))
    run(world, output=str(world.path / "again.json"))


def test_options(world):
    options = Options(fusion="sqrt", max_proposals=2, top_classes=1)
    found = run(world, options)["results"]["one"]
    assert len(found) == 2
    assert found[0]["score"] == pytest.approx((0.25 * 0.6) ** 0.5)


@pytest.mark.parametrize(
    "options, scores",
    [
        (Options(), [0.25, 0.01 * np.exp(-((10 / 19) ** 2) / 0.8)]),
        (Options(nms_width=0.4), [0.25, 0.01 * np.exp(-((10 / 19) ** 2) / 0.4)]),
        # The better one is half as long as the video: what overlaps it by .7 or less is spared.
        (Options(nms="adaptive"), [0.25, 0.01, 0.01, 0.01 * np.exp(-((10 / 14) ** 2) / 0.8)]),
        (Options(nms="hard", nms_threshold=0.6), [0.25, 0.01]),
    ],
)
def test_ways_of_suppression(world, options, scores):
    """[5, 19], [0, 15], [0, 19] (.01) overlap the first, [5, 15] (.25), by 10/14, 10/15, 10/19."""
    found = run(world, options)["results"]["one"]
    assert [d["score"] / 0.6 for d in found[: len(scores)]] == pytest.approx(scores)
    assert options.nms != "hard" or len(found) == 4


@pytest.mark.parametrize(
    "options", [Options(nms_width=0), Options(nms_threshold=2), Options(nms="none")]
)
def test_impossible_options_are_refused_at_once(world, options):
    with pytest.raises(InputError):
        detect(**world.arguments | {"features": "nowhere"}, options=options)
    assert world.model.batches == []


def test_videos_without_class_scores_are_named_and_left_out(world, capsys):
    scores = world.path / "scores.json"
    scores.write_text(
        json.dumps({"results": {"one": [1, 0], "two": [0, -1]}, "class": ["run", "jump"]})
    )
    found = run(world, class_scores=str(scores))
    assert list(found["results"]) == ["one"] and list(found["external_data"]["left_out"]) == [
        "two",
        "three",
    ]
    assert "no scores for video 'three'" in found["external_data"]["left_out"]["three"]
    assert "2 of 3 videos left out" in capsys.readouterr().out


def test_classes_that_no_score_covers_are_named(world):
    scores = world.path / "scores.json"
    scores.write_text(json.dumps({"results": {}, "class": ["run", "Jump"]}))
    with pytest.raises(InputError, match="'jump'"):
        detect(**world.arguments, class_scores=str(scores))


def test_features_that_break_the_network_are_named_and_left_out(world, monkeypatch):
    whole = FakeModel.__call__

    def break_second(self, features):
        maps = whole(self, features)
        maps["map"][1, 0, 3, 3] = np.nan
        return maps

    monkeypatch.setattr(FakeModel, "__call__", break_second)
    found = run(world)
    assert list(found["results"]) == ["one", "three"]
    assert "NaN" in found["external_data"]["left_out"]["two"]


def test_windows(world):
    """10 snippets in windows of 20 columns: one, padded; 1 decimal of times, 6 of scores."""
    world.config.windows = True
    found = run(world)["results"]["one"]
    # [5, 15] reaches over the end, but 300 frames are 3 snippets here: only shorter ones are left.
    lengths = {round(d["segment"][1] - d["segment"][0], 1) for d in found}
    assert max(lengths) == pytest.approx(8.0) and all(d["segment"][1] <= 40 for d in found)
    assert all(
        d["score"] == round(d["score"], 6) and d["segment"][0] == round(d["segment"][0], 1)
        for d in found
    )
    assert found[0]["score"] == pytest.approx(0.01 * 0.6)


def test_class_scores_from_a_file(world):
    scores = world.path / "scores.json"
    rows = {name: [0.2, 0.7, 0.5] for name in ("one", "two", "three")}
    scores.write_text(json.dumps({"results": rows, "class": ["run", "jump", "fly"]}))
    found = run(world, class_scores=str(scores))["results"]["one"]
    assert [found[0]["label"], found[-1]["label"]] == ["jump", "run"]


def test_inputs_at_signed_addresses(world):
    pytest.importorskip("aiohttp", reason="NOT TESTED: http://, aiohttp is missing")
    scores = {name: [0.2, 0.7] for name in ("one", "two", "three")}
    (world.path / "scores.json").write_text(
        json.dumps({"results": scores, "class": ["run", "jump"]})
    )
    local = run(world, class_scores=str(world.path / "scores.json"))
    with serve(world.path) as server:
        remote = run(
            world,
            class_scores=f"{server.url}/scores.json?signature=5ec3e7",
            annotations=f"{server.url}/annotations.json?signature=5ec3e7",
            output=str(world.path / "remote.json"),
        )
    assert remote["results"] == local["results"]
    assert remote["external_data"]["inputs"] == local["external_data"]["inputs"]
    assert "5ec3e7" not in (world.path / "remote.json").read_text()


def test_proposals_only_when_nothing_tells_the_class(world, capsys):
    write_annotations(world.path / "annotations.json", ["one"], labels=("jump", "fly"))
    found = run(world)["results"]["one"]
    assert {d["label"] for d in found} == {"proposal"} and found[0]["score"] == pytest.approx(0.25)
    assert capsys.readouterr().out.count("no class scores") == 1


def test_videos_without_usable_features_are_named_and_left_out(world, capsys):
    write_annotations(world.path / "annotations.json", ["one", "missing", "two", "three"])
    broken = np.zeros((10, 2 * FEATURE_DIM), np.float32)
    broken[3, 1] = np.nan
    np.save(world.path / "features" / "two.npy", broken)
    np.save(world.path / "features" / "three.npy", broken[:0])
    found = run(world)
    assert list(found["results"]) == ["one"]
    assert list(found["external_data"]["left_out"]) == ["missing", "two", "three"]
    assert "3 of 4 videos left out: missing (no features); two (" in capsys.readouterr().out


def test_only_the_first_reasons_are_printed(world, capsys):
    write_annotations(world.path / "annotations.json", ["one", *(f"missing{i}" for i in range(9))])
    assert len(run(world)["external_data"]["left_out"]) == 9
    assert "missing4 (no features); and 4 more, listed in the output" in capsys.readouterr().out


def test_no_usable_video_is_an_error(world):
    write_annotations(world.path / "annotations.json", ["x", "y"])
    with pytest.raises(InputError, match="2 videos"):
        detect(**world.arguments)
    assert not (world.path / "out" / "detections.json").exists()


def test_other_channels_than_the_model_are_said(world):
    world.config.feature_dim = 5
    with pytest.raises(InputError, match="4 channels.*5"):
        detect(**world.arguments)


def test_unknown_subset_is_an_error(world):
    with pytest.raises(InputError, match=r"'test'.*'validation'"):
        detect(**world.arguments | {"subset": "test"})


def test_missing_inputs_are_named(world):
    for name in ("workdir", "features", "annotations"):
        with pytest.raises(InputError, match="nowhere"):
            detect(**world.arguments | {name: str(world.path / "nowhere")})


def test_prefix_of_activitynet_ids_does_not_matter(world):
    write_annotations(world.path / "annotations.json", ["v_one"])
    assert list(run(world)["results"]) == ["v_one"]


def test_duration_falls_back_to_the_measured_one(world):
    write_annotations(world.path / "annotations.json", ["one"], duration=None)
    assert run(world)["results"]["one"][0]["segment"] == pytest.approx([8.16, 28.16])


def test_many_videos_go_in_batches(world):
    names = [f"video{i}" for i in range(19)]
    write_features(world.path / "many", names)
    write_annotations(world.path / "annotations.json", names)
    assert list(run(world, features=str(world.path / "many"))["results"]) == names
    assert world.model.batches == [8, 8, 3]


def test_a_finished_output_is_reused_and_never_mixed_up(world, capsys):
    first = detect(**world.arguments)
    assert detect(**world.arguments) == first
    assert "already done" in capsys.readouterr().out and world.model.batches == [3]
    with pytest.raises(InputError, match="fusion.*'product'.*'sqrt'"):
        detect(**world.arguments, options=Options(fusion="sqrt"))
    (world.path / "gtad" / "checkpoints" / "best" / "checkpoint").write_text("other weights")
    detect(**world.arguments)
    assert world.model.batches == [3, 3]


def rewrite(path, values):
    """Other numbers in a file of the same size and, as some tools leave it, the same time."""
    before = path.stat()
    np.save(path, values.astype(np.float32))
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_features_that_were_replaced_in_place_are_detected_anew(world):
    run(world)
    rewrite(world.path / "features" / "two.npy", np.ones((10, 2 * FEATURE_DIM)))
    run(world)
    assert world.model.batches == [3, 3]
    scores = world.path / "features" / "probabilities" / "one.npz"
    np.savez(scores, action=np.tile(np.float32([0.6, 0.1, 0.3]), (10, 1)))
    assert run(world)["results"]["one"][0]["label"] == "jump"


def test_one_number_amid_a_large_file_is_seen_with_verify(world):
    path = world.path / "features" / "two.npy"
    values = np.ones((10_000, 2 * FEATURE_DIM))
    np.save(path, values.astype(np.float32))
    about = json.loads((world.path / "features" / "metadata.json").read_text())
    about["videos"]["two"]["num_snippets"] = len(values)
    (world.path / "features" / "metadata.json").write_text(json.dumps(about))
    run(world, verify=True)
    values[2000, 0] = 2
    rewrite(path, values)
    run(world)
    assert world.model.batches == [3]
    run(world, verify=True)
    assert world.model.batches == [3, 3]


def test_an_output_that_does_not_say_what_was_in_the_features_is_reused(world):
    output = run(world)
    del output["external_data"]["inputs"]["feature_files"]
    Path(world.arguments["output"]).write_text(json.dumps(output))
    run(world)
    assert world.model.batches == [3]


def test_a_foreign_file_is_not_overwritten(world):
    (world.path / "out").mkdir()
    (world.path / "out" / "detections.json").write_text('{"results": {}}')
    with pytest.raises(InputError, match="detections.json"):
        detect(**world.arguments)


@pytest.mark.parametrize("in_windows", [False, True])
def test_a_real_network_end_to_end(world, monkeypatch, in_windows):
    monkeypatch.undo()
    config = get_config()
    config.update(
        num_segments=NUM_SEGMENTS,
        max_duration=10,
        base_width=8,
        branch_width=8,
        map_widths=(8, 8),
        groups=2,
        stem_groups=2,
        inner_bins=4,
        context_bins=2,
    )
    model = find_head("gtad").build(config, 2 * FEATURE_DIM, 0)
    workdir = world.path / "real"
    folder = workdir / "checkpoints" / "best"
    folder.mkdir(parents=True)
    fields = config.to_dict() | {"feature_dim": 2 * FEATURE_DIM, "windows": in_windows}
    fields["streams"] = ["action", "boundary"]
    (workdir / "config.json").write_text(json.dumps(fields))
    tf.train.CheckpointManager(tf.train.Checkpoint(model=model), str(folder), max_to_keep=1).save()
    found = run(world, workdir=str(workdir))["results"]
    assert len(found) == 3
    for detections in found.values():
        assert detections and all(
            0 <= d["segment"][0] < d["segment"][1] <= 40 and 0 < d["score"] < 1 for d in detections
        )
        assert [d["label"] for d in detections[:1] + detections[-1:]] == ["run", "jump"]
