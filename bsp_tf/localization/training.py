"""Trains G-TAD on features: Adam with coupled weight decay, step decay, best checkpoint by
validation loss.

One epoch is the unit of resuming: after each, all state is saved, and the order of the videos and
the random choices of the loss depend on nothing but the seed and the epoch or step. A run that was
killed and started again ends with the same weights.
"""

import hashlib
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict
from tqdm import tqdm

from bsp_tf.annotations.mended import load_annotations
from bsp_tf.base.json_file import read_json, write_json
from bsp_tf.features.sources import open_features
from bsp_tf.localization.heads.gtad.losses import LOSS_VARIANTS, gtad_losses
from bsp_tf.localization.heads.gtad.network import GTAD
from bsp_tf.localization.heads.gtad.targets import valid_mask
from bsp_tf.localization.training_data import LocalizationData, load_localization_data
from bsp_tf.localization.workdir import build_gtad, claim_workdir, resolve_config
from bsp_tf.runs.checkpoints import restore_checkpoint
from bsp_tf.runs.metrics_log import append_row, drop_rows_after
from bsp_tf.runs.progress import TrainingDivergedError

# PyTorch's Adam; Keras's own default is 1e-7.
ADAM_EPSILON = 1e-8
LEARNING_RATE_DROP = 0.1


def train(config: ConfigDict, workdir: str | os.PathLike) -> dict:
    """Trains (or continues, or finds finished) the run described by `config` in `workdir`.

    Args:
        config: As configs/gtad_anet.py.
        workdir: See bsp_tf.localization.workdir.

    Returns:
        The content of summary.json: best_epoch, best_validation_loss, num_train_videos,
        num_validation_videos, left_out.

    Raises:
        InputError: unusable paths, data or config; or the workdir of another run.
        TrainingDivergedError: the loss is no longer a number; the message names the last good
            checkpoint.
    """
    workdir = Path(workdir)
    config = resolve_config(config)
    sources = open_features(config)
    data = {}
    for part, subset in (("train", config.train_subset), ("validation", config.validation_subset)):
        annotations = load_annotations(config.annotations, subset)
        data[part] = load_localization_data(
            sources, annotations, config.num_segments, config.max_duration, config.windows
        )
        for line in (*annotations.warnings(), *data[part].left_out_lines()):
            print(f"{config.annotations}, {subset}: {line}")
    feature_dim = data["train"].feature_dim
    keras.utils.set_random_seed(config.seed)
    # Before the workdir is claimed: sizes that do not fit should leave no trace.
    model = build_gtad(config, feature_dim)
    digest = hashlib.sha256("".join(part.digest() for part in data.values()).encode()).hexdigest()
    claim_workdir(workdir, config, feature_dim, digest)
    if (workdir / "summary.json").exists():
        print(f"{workdir}: already done")
        return read_json(workdir / "summary.json")
    run = _Run(config, model, workdir)
    run.fit(data["train"], data["validation"])
    summary = {
        "best_epoch": int(run.best_epoch.numpy()),
        "best_validation_loss": float(run.best_loss.numpy()),
        "num_train_videos": len(data["train"].video_ids),
        "num_validation_videos": len(data["validation"].video_ids),
        "left_out": {
            video_id: reason
            for part in data.values()
            for video_id, (_, reason) in part.left_out.items()
        },
    }
    write_json(workdir / "summary.json", summary)
    return summary


class _Run:
    """State of one training run, and the loop."""

    def __init__(self, config: ConfigDict, model: GTAD, workdir: Path) -> None:
        self.config, self.model, self.workdir = config, model, workdir
        self.optimizer = keras.optimizers.Adam(config.learning_rate, epsilon=ADAM_EPSILON)
        self.optimizer.build(model.trainable_variables)
        self.valid = tf.constant(valid_mask(config.num_segments, config.max_duration))
        self.epoch, self.step = tf.Variable(0, dtype=tf.int64), tf.Variable(0, dtype=tf.int64)
        self.best_loss, self.best_epoch = tf.Variable(math.inf), tf.Variable(0, dtype=tf.int64)
        state = tf.train.Checkpoint(
            model=model,
            optimizer=self.optimizer,
            epoch=self.epoch,
            step=self.step,
            best_loss=self.best_loss,
            best_epoch=self.best_epoch,
        )
        self.last = tf.train.CheckpointManager(
            state, str(workdir / "checkpoints" / "last"), max_to_keep=1
        )
        self.best = tf.train.CheckpointManager(
            tf.train.Checkpoint(model=model), str(workdir / "checkpoints" / "best"), max_to_keep=1
        )
        if self.last.latest_checkpoint:
            restore_checkpoint(
                state, self.last.latest_checkpoint, workdir / "config.json", whole=True
            )
        # An epoch that was cut short after its row was written is done again.
        drop_rows_after(workdir / "metrics.jsonl", int(self.step.numpy()))

        inputs = [tf.TensorSpec([None, config.num_segments, model.sizes["feature_dim"]])]
        position = tf.TensorSpec([None, config.num_segments])
        anchors = tf.TensorSpec([None, config.max_duration, config.num_segments])
        inputs += [
            {"start": position, "end": position, "map": anchors},
            tf.TensorSpec([], tf.int64),
        ]
        self.train_step = tf.function(self._train_step, inputs, autograph=False)
        self.loss = tf.function(self._loss, inputs, autograph=False)

    def fit(self, train: LocalizationData, validation: LocalizationData) -> None:
        """Runs the epochs that are left."""
        steps = math.ceil(len(train.examples) / self.config.batch_size)
        done = int(self.epoch.numpy())
        with tqdm(
            total=self.config.epochs * steps, initial=done * steps, desc="G-TAD", unit="step"
        ) as progress:
            for epoch in range(done + 1, self.config.epochs + 1):
                began = time.monotonic()
                drops = (epoch - 1) // self.config.lr_drop_every
                self.optimizer.learning_rate = self.config.learning_rate * LEARNING_RATE_DROP**drops
                row = {"epoch": epoch, "step": epoch * steps}
                row |= {
                    f"train_{name}": value
                    for name, value in self._train_epoch(train, epoch, progress).items()
                }
                row |= {
                    f"validation_{name}": value
                    for name, value in self._validate(validation).items()
                }
                row |= {
                    "learning_rate": float(self.optimizer.learning_rate.numpy()),
                    "seconds": time.monotonic() - began,
                }
                self._finish_epoch(epoch, row)
                progress.set_postfix(train=row["train_loss"], validation=row["validation_loss"])

    def _train_epoch(self, data: LocalizationData, epoch: int, progress: tqdm) -> dict[str, float]:
        order = np.random.default_rng([self.config.seed, epoch]).permutation(len(data.examples))
        sums: dict[str, float] = {}
        for features, targets in _batches(data, order, self.config.batch_size):
            losses = self.train_step(features, targets, self.step.assign_add(1))
            _add(sums, losses, len(features) / len(order))
            self._check("training", sums["loss"])
            progress.update()
        return sums

    def _validate(self, data: LocalizationData) -> dict[str, float]:
        sums: dict[str, float] = {}
        order = np.arange(len(data.examples))
        for i, (features, targets) in enumerate(_batches(data, order, self.config.batch_size)):
            # The same random choices each epoch, so that epochs can be compared; training uses 1,
            # 2, ... .
            losses = self.loss(features, targets, tf.constant(-1 - i, tf.int64))
            _add(sums, losses, len(features) / len(order))
        self._check("validation", sums["loss"])
        return sums

    def _check(self, which: str, loss: float) -> None:
        if not math.isfinite(loss):
            good = self.last.latest_checkpoint or "none yet"
            raise TrainingDivergedError(
                f"the {which} loss is no longer a number (step {self.step.numpy()}); last good "
                "checkpoint: "
                f"{good}. Look at the scale of the features, or lower config.learning_rate."
            )

    def _finish_epoch(self, epoch: int, row: dict) -> None:
        self.epoch.assign(epoch)
        if row["validation_loss"] < self.best_loss:
            self.best_loss.assign(row["validation_loss"])
            self.best_epoch.assign(epoch)
            self.best.save(checkpoint_number=epoch)
        append_row(self.workdir / "metrics.jsonl", row)
        self.last.save(checkpoint_number=epoch)

    def _loss(
        self, features: tf.Tensor, targets: dict[str, tf.Tensor], draw: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        shape = tf.concat([[2], tf.shape(targets["map"])], 0)
        draws = tf.random.stateless_uniform(
            shape, seed=tf.stack([tf.constant(self.config.seed, tf.int64), draw])
        )
        variant = LOSS_VARIANTS[self.config.loss]
        return gtad_losses(self.model(features), targets, self.valid, draws, variant)

    def _train_step(
        self, features: tf.Tensor, targets: dict[str, tf.Tensor], step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            losses = self._loss(features, targets, step)
        gradients = tape.gradient(losses["total"], variables)
        if self.config.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.config.clip_norm)
        # Coupled, as in the reference: the decay passes through Adam's scaling. Keras's own does
        # not.
        gradients = [
            g + self.config.weight_decay * v for g, v in zip(gradients, variables, strict=True)
        ]
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return losses


def _batches(
    data: LocalizationData, order: np.ndarray, size: int
) -> Iterator[tuple[np.ndarray, dict]]:
    for begin in range(0, len(order), size):
        yield data.batch(order[begin : begin + size])


def _add(sums: dict[str, float], losses: dict[str, tf.Tensor], weight: float) -> None:
    for name, value in losses.items():
        key = "loss" if name == "total" else f"{name}_loss"
        sums[key] = sums.get(key, 0.0) + weight * float(value)
