"""A second head, as CONTRIBUTING.md says to add one: trained, loaded and run by the same code.

It differs from G-TAD in all that the seam allows: it names classes, uses what lies inside a video,
has one loss and no random choices, and its own way of suppression.
"""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.detect import detect
from bsp_tf.localization.heads.head import HEADS, Head, find_head
from bsp_tf.localization.nms import Suppression
from bsp_tf.localization.proposals import Proposals
from bsp_tf.localization.training import train
from bsp_tf.runs.strategy import global_sum
from configs import _localization

WIDTH, NUM_SEGMENTS = 12, 40


class ActionnessHead(Head):
    """Scores of every class in every column; proposals are runs of columns above one half."""

    title, fields = "Actionness", ("width",)

    def names_classes(self, config):
        return True

    def check_config(self, config):
        if config.width < 1:
            raise InputError(f"config.width must be above 0, got {config.width}.")

    def build(self, config, feature_dim, num_classes):
        inputs = keras.Input((config.num_segments, feature_dim))
        hidden = keras.layers.Conv1D(config.width, 3, padding="same", activation="relu")(inputs)
        return keras.Model(inputs, keras.layers.Dense(num_classes, activation="sigmoid")(hidden))

    def forward(self, model, features, inside, draws=None):
        return {"scores": model(features) * inside[..., np.newaxis]}

    def targets(self, segments, labels, num_classes, config):
        middles = (np.arange(config.num_segments) + 0.5) / config.num_segments
        wanted = np.zeros((config.num_segments, num_classes), np.float32)
        for (start, end), label in zip(segments, labels, strict=True):
            wanted[(start < middles) & (middles < end), label] = 1
        return {"scores": wanted}

    def losses(self, model, outputs, targets, config, training):
        errors = (outputs["scores"] - targets["scores"]) ** 2
        count = global_sum(tf.cast(tf.size(errors), tf.float32))
        return {"total": tf.reduce_sum(errors) / count}

    def decode(self, outputs, config):
        return [self._runs(scores) for scores in outputs["scores"]]

    def _runs(self, scores):
        rows = np.zeros((0, 4))
        for label, column in enumerate(scores.T):
            edges = np.flatnonzero(np.diff(np.pad(column > 0.5, 1).astype(int))).reshape(-1, 2)
            found = [(begin, end, column[begin:end].mean(), label) for begin, end in edges]
            rows = np.concatenate([rows, np.reshape(found, (-1, 4))])
        return Proposals(rows[:, :2] / len(scores), rows[:, 2], rows[:, 3].astype(np.int64))

    def learning_rate(self, step, steps_per_epoch, config):
        return config.learning_rate

    def suppression(self, config):
        return Suppression("hard", threshold=0.5, max_proposals=5)


HEAD = ActionnessHead()


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Ten videos of 40 snippets in whose features the two classes can be seen; a config."""
    monkeypatch.setitem(HEADS, "actionness", __name__)
    rng, database, videos = np.random.default_rng(0), {}, {}
    (tmp_path / "features").mkdir()
    for number in range(10):
        features = rng.standard_normal((40, 6)).astype(np.float32)
        instances = []
        for label, (low, high) in (("jump", (2, 16)), ("run", (20, 36))):
            start, end = np.sort(rng.choice(np.arange(low, high, 4), 2, replace=False)).tolist()
            features[start:end, len(instances)] += 6
            instances.append({"segment": [float(start), float(end)], "label": label})
        np.save(tmp_path / "features" / f"v{number}.npy", features)
        subset = "training" if number < 7 else "validation"
        database[f"v{number}"] = {"subset": subset, "duration": 40.0, "annotations": instances}
        videos[f"v{number}"] = {"fps": 8.0, "num_snippets": 40, "duration_seconds": 40.0}
    about = {"window": 8, "frame_step": 1, "stride": 8, "streams": {"action": [0, 6]}}
    metadata = about | {"feature_dim": 6, "videos": videos}
    (tmp_path / "features" / "metadata.json").write_text(json.dumps(metadata))
    (tmp_path / "annotations.json").write_text(json.dumps({"database": database}))
    config = _localization.get_config()
    config.head, config.num_segments, config.width = "actionness", NUM_SEGMENTS, WIDTH
    config.features_dir = str(tmp_path / "features")
    config.annotations, config.streams = str(tmp_path / "annotations.json"), "action"
    config.learning_rate, config.batch_size, config.epochs = 0.03, 4, 30
    return tmp_path, config


def test_another_head_is_trained_and_detects_what_is_there(world, capsys):
    folder, config = world
    train(config, folder / "run")
    rows = [
        json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert set(rows[0]) == {
        *("epoch", "step", "train_loss", "validation_loss", "learning_rate", "seconds")
    }
    assert rows[-1]["validation_loss"] < 0.3 * rows[0]["validation_loss"]
    assert (folder / "run" / "labels.txt").read_text().split() == ["jump", "run"]
    output = str(folder / "found.json")
    inputs = str(folder / "features"), config.annotations, "validation", output
    assert detect(str(folder / "run"), *inputs)["videos"] == 3
    assert "class scores" not in capsys.readouterr().out
    content = json.loads((folder / "found.json").read_text())
    assert content["external_data"]["settings"]["nms"] == "hard"
    truths = json.loads((folder / "annotations.json").read_text())["database"]
    for name, found in content["results"].items():
        for instance in truths[name]["annotations"]:
            start, end = instance["segment"]
            assert any(
                row["label"] == instance["label"]
                and abs(row["segment"][0] - start) <= 1
                and abs(row["segment"][1] - end) <= 1
                for row in found
            )


def test_the_fields_of_a_head_are_checked_by_it(world):
    folder, config = world
    config.width = 0
    with pytest.raises(InputError, match="config.width"):
        train(config, folder / "run")
    del config.width
    with pytest.raises(InputError, match="'width'.*Actionness"):
        train(config, folder / "run")
    assert not (folder / "run").exists()


def test_an_unknown_head_is_named():
    with pytest.raises(InputError, match="config.head.*'none'.*gtad"):
        find_head("none")
